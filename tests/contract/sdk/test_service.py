"""A service's session, as the outside contract has it (design: outside contracts): a test for each sentence."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import privet
from privet import errors
from privet.errors import AccessDenied, InvalidInput
from tests.contract.sdk.faces import FacedWorld as World

STAYS = [
    ("2024-05-01", "A", "12"),
    ("2024-05-20", "B", "14"),
    ("2024-06-03", "C", "12"),
    ("2023-01-09", "D", "1"),
]


def test_a_view_has_values_withheld_and_ids(shared: World) -> None:
    """`view["given_name"]; view.values; view.withheld; view.subject; view.audit_id; view.revision`."""
    who = shared.guest(allergies=["nuts"])
    desk = shared.service("front-desk")
    view = desk.fetch(who, purpose="stay", fields=["given_name", "allergies", "room.bed"])
    assert isinstance(view, privet.View)
    assert view["given_name"] == "Ada"
    assert dict(view.values) == {"given_name": "Ada", "room.bed": None}
    assert set(view.withheld) == {"allergies"}
    kept = view.withheld["allergies"]
    assert isinstance(kept, privet.Withheld)
    assert (kept.reason, bool(kept.message)) == ("consent_required", True)
    assert len(view.audit_id) == 32
    assert view.subject == desk.find(email=who.value, purpose="stay")
    assert view.revision


def test_a_withheld_value_is_a_key_error_with_its_reason(shared: World) -> None:
    """`view[withheld]` raises KeyError with the reason; a field not asked for is a KeyError too."""
    who = shared.guest(allergies=["nuts"])
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name", "allergies"])
    with pytest.raises(KeyError, match="consent_required"):
        view["allergies"]
    with pytest.raises(KeyError):
        view["notes"]
    assert "allergies" not in view
    assert view.get("allergies", "none") == "none"


def test_a_permitted_field_without_a_value_is_none(shared: World) -> None:
    """A permitted field without a value: None in `values`, and not withheld."""
    who = shared.guest()
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name", "notes"])
    assert view.values["notes"] is None
    assert "notes" not in view.withheld


def test_an_unknown_field_is_withheld(shared: World) -> None:
    """Unknown field: withheld `unknown_field`, beside what is released; alone it refuses the read."""
    who = shared.guest()
    desk = shared.service("front-desk")
    view = desk.fetch(who, purpose="stay", fields=["given_name", "no.such.field"])
    assert view.withheld["no.such.field"].reason == "unknown_field"
    with pytest.raises(AccessDenied) as caught:
        desk.fetch(who, purpose="stay", fields=["no.such.field"])
    assert caught.value.reasons == ("unknown_field",)


@pytest.mark.parametrize(
    "purpose, reason",
    [
        ("", "purpose_missing"),
        ("no-such-purpose", "unknown_purpose"),
        ("meals", "service_not_permitted"),
        ("resale", "purpose_prohibited"),
    ],
)
def test_a_purpose_that_may_not_be(shared: World, purpose: str, reason: str) -> None:
    """Unknown or empty purpose: AccessDenied with reasons, withheld and audit id."""
    who = shared.guest()
    with pytest.raises(AccessDenied) as caught:
        shared.service("front-desk").fetch(who, purpose=purpose, fields=["given_name"])
    denied = caught.value
    assert denied.reasons == (reason,)
    assert set(denied.withheld) == {"given_name"}
    assert len(str(denied.audit_id)) == 32
    assert isinstance(denied, errors.PrivetError)


def test_an_unknown_person_is_denied(shared: World) -> None:
    """Unknown person for a service: AccessDenied, whether by look-up or by id."""
    desk = shared.service("front-desk")
    for who in (privet.by(email="nobody.here@example.org"), "pw1_" + "B" * 43, "pw1_forged", "whatever"):
        with pytest.raises(AccessDenied) as caught:
            desk.fetch(who, purpose="stay", fields=["given_name"])
        assert caught.value.reasons == ("not_available",)


RAW = "ada@example.org"
NO_IDS = (RAW, "+442079460917", "Ada Lovelace", "ada.lovelace", "pw1_" + "!" * 43, "pw1_" + "B" * 200)
TAKING_A_SUBJECT: dict[str, Callable[[Any, Any], object]] = {
    "fetch": lambda s, who: s.fetch(who, purpose="stay", fields=["given_name"]),
    "fetch_many": lambda s, who: s.fetch_many([who], purpose="stay", fields=["given_name"]),
    "fetch_each": lambda s, who: list(s.fetch_each([who], purpose="stay", fields=["given_name"])),
    "history": lambda s, who: s.history(who, "stays", purpose="stay", fields=["room"]),
    "each_record": lambda s, who: list(s.each_record(who, "stays", purpose="stay", fields=["room"])),
    "put": lambda s, who: s.put(who, {"notes": "x"}, purpose="stay"),
    "record": lambda s, who: s.record(
        who, "stays", {"booking": "B", "arrived": "2026-01-01"}, purpose="stay"
    ),
    "consent": lambda s, who: s.consent(who, "surveys"),
    "request_consent": lambda s, who: s.request_consent(who, "surveys"),
    "consent_status": lambda s, who: s.consent_status(who, "surveys"),
    "consent_receipt": lambda s, who: s.consent_receipt(who, "surveys"),
}


@pytest.mark.parametrize("call", TAKING_A_SUBJECT)
def test_what_cannot_be_an_id_is_said_to_be_none(shared: World, call: str) -> None:
    """A raw address for a subject, or a name: InvalidInput that says by(), repeats nothing, logs nothing."""
    session = shared.service("front-desk")
    before = len(shared.log())
    for subject in NO_IDS:
        with pytest.raises(InvalidInput, match=r"by\(email=…\)") as refused:
            TAKING_A_SUBJECT[call](session, subject)
        assert refused.value.field == "subject"
        assert subject not in str(refused.value) + repr(refused.value)
    assert len(shared.log()) == before


def test_a_subject_is_a_pairwise_id_or_a_lookup(shared: World) -> None:
    """This service's pairwise id, or by(): the same person; another service's id is nobody."""
    who = shared.guest()
    desk, mailer = shared.service("front-desk"), shared.service("mailer")
    mine = desk.fetch(who, purpose="stay", fields=["given_name"]).subject
    assert desk.fetch(mine, purpose="stay", fields=["given_name"])["given_name"] == "Ada"
    theirs = mailer.fetch(who, purpose="marketing", fields=["given_name"]).subject
    assert mine != theirs
    with pytest.raises(AccessDenied):
        desk.fetch(theirs, purpose="stay", fields=["given_name"])


def test_exactly_one_lookup(shared: World) -> None:
    """`privet.by` takes exactly one look-up field; unknown ones and malformed values are InvalidInput."""
    desk = shared.service("front-desk")
    with pytest.raises(InvalidInput):
        privet.by()
    with pytest.raises(InvalidInput):
        privet.by(email="a@b.org", phone="+442079460000")
    with pytest.raises(InvalidInput):
        privet.by(email=7)  # type: ignore[arg-type]
    for who in (privet.by(given_name="Ada"), privet.by(email="no address"), privet.by(phone="12")):
        with pytest.raises(InvalidInput):
            desk.fetch(who, purpose="stay", fields=["given_name"])
    with pytest.raises(InvalidInput):
        desk.find(email="a@b.org", phone="+442079460000", purpose="stay")


def test_a_lookup_that_the_service_may_not_use(shared: World) -> None:
    """`find` lists the look-ups by which a service may name people; another is a static refusal."""
    shared.guest(phone="+442079460201")
    with pytest.raises(AccessDenied) as caught:
        shared.service("kitchen").fetch(
            privet.by(phone="+442079460201"), purpose="meals", fields=["allergies"]
        )
    assert caught.value.reasons == ("lookup_not_permitted",)


def test_an_ambiguous_lookup_finds_nobody(shared: World) -> None:
    """`lookup: shared`: a number that two people have finds nobody."""
    for _ in range(2):
        shared.guest(phone="+442079460333")
    desk = shared.service("front-desk")
    assert desk.find(phone="+442079460333", purpose="stay") is None
    with pytest.raises(AccessDenied):
        desk.fetch(privet.by(phone="+442079460333"), purpose="stay", fields=["given_name"])


def test_patterns_name_fields(shared: World) -> None:
    """`room.*` and `*` are all that stands below them."""
    who = shared.guest(**{"room.bed": "twin"})
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["room.*"])
    assert dict(view.values) == {"room.bed": "twin"}
    everything = shared.service("front-desk").fetch(who, purpose="stay", fields=["*"])
    assert set(everything.values) | set(everything.withheld) == set(shared.vault.parts.catalogue.fields)


def test_a_masked_field_is_reduced(shared: World) -> None:
    """`allow` releases in clear, `allow_masked` reduced."""
    who = shared.guest(phone="+442079460917")
    desk = shared.service("front-desk")
    masked = desk.fetch(who, purpose="stay", fields=["phone"])["phone"]
    clear = desk.fetch(who, purpose="accounts", fields=["phone"])["phone"]
    assert clear == "+442079460917"
    assert masked != clear
    assert "2079460" not in str(masked)


def test_fetch_many(shared: World) -> None:
    """Same order, each a View or a Refusal; one leaf each; [] → []."""
    people = [shared.guest(given_name=name) for name in ("Ada", "Bea", "Cleo")]
    shared.customer(people[1]).restrict()
    desk = shared.service("front-desk")
    assert desk.fetch_many([], purpose="stay", fields=["given_name"]) == []
    before = len(shared.log())
    asked = [*people, privet.by(email="nobody@example.org"), people[0]]
    answers = desk.fetch_many(asked, purpose="stay", fields=["given_name"])
    assert len(shared.log()) - before == 5
    kinds = [type(answer) for answer in answers]
    assert kinds == [privet.View, privet.Refusal, privet.View, privet.Refusal, privet.View]
    names = [answer["given_name"] for answer in answers if isinstance(answer, privet.View)]
    assert names == ["Ada", "Cleo", "Ada"]
    assert len({answer.audit_id for answer in answers}) == 5
    refused = answers[1]
    assert isinstance(refused, privet.Refusal)
    assert refused.reasons == ("not_available",)
    assert isinstance(refused.error(), AccessDenied)


def test_find(shared: World) -> None:
    """`find`: the pairwise id iff at least one field would be released now, else None; logged either way."""
    who = shared.guest()
    mailer = shared.service("mailer")
    before = len(shared.log())
    assert mailer.find(email=who.value, purpose="surveys") is None
    shared.customer(who).consent("surveys")
    found = mailer.find(email=who.value, purpose="surveys")
    assert found == mailer.fetch(who, purpose="surveys", fields=["given_name"]).subject
    assert mailer.find(email="nobody.at.all@example.org", purpose="surveys") is None
    assert len(shared.log()) - before == 5


def with_stays(shared: World) -> privet.By:
    who = shared.guest()
    desk = shared.service("front-desk")
    for arrived, booking, room in STAYS:
        stay = {"arrived": arrived, "booking": booking, "room": room}
        assert len(desk.record(who, "stays", stay, purpose="stay")) == 32
    return who


def test_history(shared: World) -> None:
    """Newest first; items have id, time, values; since, until and limit hold, inclusive and exact to the day."""
    who = with_stays(shared)
    desk = shared.service("front-desk")

    def rooms(**window: object) -> list[object]:
        found = desk.history(who, "stays", purpose="stay", fields=["booking"], **window)  # type: ignore[arg-type]
        return [item.values["booking"] for item in found]

    assert rooms() == ["C", "B", "A", "D"]
    assert rooms(limit=2) == ["C", "B"]
    assert rooms(since=date(2024, 5, 20)) == ["C", "B"]
    assert rooms(until=date(2024, 5, 20)) == ["B", "A", "D"]
    assert rooms(since=date(2024, 5, 2), until=date(2024, 5, 31)) == ["B"]
    assert rooms(until=date(2024, 5, 20), limit=1) == ["B"]
    assert rooms(since=datetime(2024, 6, 3, tzinfo=UTC)) == ["C"]
    assert rooms(since=datetime.now(UTC) + timedelta(days=1)) == []
    item = desk.history(who, "stays", purpose="stay", fields=["room"])[0]
    assert item.id
    assert str(item.time) == "2024-06-03"
    assert dict(item.values) == {"room": "12"}
    with pytest.raises(InvalidInput):
        rooms(limit=0)


def test_history_refuses_a_naive_datetime(shared: World) -> None:
    """Naive datetimes: InvalidInput."""
    who = shared.guest()
    naive = datetime(2024, 5, 1)  # noqa: DTZ001  that is what is refused
    for window in ({"since": naive}, {"until": naive}):
        with pytest.raises(InvalidInput):
            shared.service("front-desk").history(who, "stays", purpose="stay", fields=["room"], **window)  # type: ignore[arg-type]


def test_history_of_nobody_and_of_nothing(shared: World) -> None:
    """Nobody: AccessDenied. Nobody's records: an empty history. No such collection: InvalidInput."""
    desk = shared.service("front-desk")
    with pytest.raises(AccessDenied):
        desk.history(privet.by(email="no@example.org"), "stays", purpose="stay", fields=["room"])
    assert len(desk.history(shared.guest(), "stays", purpose="stay", fields=["room"])) == 0
    with pytest.raises(InvalidInput):
        desk.history(shared.guest(), "no-such", purpose="stay", fields=["room"])


def test_history_withholds_field_by_field(shared: World) -> None:
    """What may not be had of each record is in `withheld`, by its name within the collection."""
    found = shared.service("front-desk").history(
        with_stays(shared), "stays", purpose="stay", fields=["room", "no_such"]
    )
    assert found.withheld["no_such"].reason == "unknown_field"
    assert len(found.audit_id) == 32


def test_put_creates_if_the_service_enrols(shared: World) -> None:
    """`put` → audit id; by() that finds nobody creates, if the service enrols, else AccessDenied."""
    new = privet.by(email="brand.new@example.org")
    with pytest.raises(AccessDenied):
        shared.service("front-desk").put(new, {"given_name": "New"}, purpose="stay")
    audit_id = shared.service("web-shop").put(new, {"given_name": "New"}, purpose="enrolment")
    assert len(audit_id) == 32
    view = shared.service("front-desk").fetch(new, purpose="stay", fields=["given_name", "email"])
    assert dict(view.values) == {"given_name": "New", "email": "brand.new@example.org"}


def test_none_clears(shared: World) -> None:
    """None clears."""
    who = shared.guest(notes="something")
    desk = shared.service("front-desk")
    desk.put(who, {"notes": None}, purpose="stay")
    assert desk.fetch(who, purpose="stay", fields=["notes"])["notes"] is None


def test_values_are_stored_verbatim(shared: World) -> None:
    """Values are stored verbatim; look-ups are found in any spelling."""
    shop, desk = shared.service("web-shop"), shared.service("front-desk")
    typed = "  Zoë\u0301 O'Brien-Ω  "
    shop.put(privet.by(email="Zoe.Verbatim@Example.ORG"), {"given_name": typed}, purpose="enrolment")
    view = desk.fetch(
        privet.by(email="zoe.verbatim@example.org"), purpose="stay", fields=["given_name", "email"]
    )
    assert view["given_name"] == typed
    assert view["email"] == "Zoe.Verbatim@Example.ORG"


def test_a_refused_put_stores_nothing(shared: World) -> None:
    """A write of which one field is not permitted is refused whole."""
    who = shared.guest(given_name="Before")
    with pytest.raises(AccessDenied) as caught:
        shared.service("mailer").put(who, {"given_name": "After", "notes": "x"}, purpose="marketing")
    assert "notes" in caught.value.withheld
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    assert view["given_name"] == "Before"


def test_a_clash_is_told_to_who_may_look_up(shared: World) -> None:
    """Look-up clash in put: the same InvalidInput as any bad value, except to a service with `find` on that field."""
    taken = shared.guest()
    with pytest.raises(errors.Conflict):
        shared.service("web-shop").put(
            privet.by(crm_id="clash-1"), {"email": taken.value}, purpose="enrolment"
        )
    said = []
    for value in (taken.value, "no address at all"):
        with pytest.raises(InvalidInput) as caught:
            shared.service("kiosk").put(privet.by(crm_id="clash-2"), {"email": value}, purpose="enrolment")
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_record_with_the_same_key_is_replaced(shared: World) -> None:
    """The key identifies a record within one person and collection: written again, it is the newer one."""
    who = with_stays(shared)
    desk = shared.service("front-desk")
    desk.record(who, "stays", {"arrived": "2024-06-03", "booking": "C", "room": "99"}, purpose="stay")
    found = desk.history(who, "stays", purpose="stay", fields=["room"])
    assert [item["room"] for item in found] == ["99", "14", "12", "1"]


def test_a_revision_changes_with_what_is_released(shared: World) -> None:
    """`view.revision`: the same while nothing released changed, another once it did, and different by service."""
    who = shared.guest(notes="x")
    desk = shared.service("front-desk")

    def revision(*fields: str) -> str:
        return desk.fetch(who, purpose="stay", fields=list(fields)).revision

    first = revision("given_name")
    desk.put(who, {"notes": "y"}, purpose="stay")
    assert revision("given_name") == first
    desk.put(who, {"given_name": "Eve"}, purpose="stay")
    assert revision("given_name") != first
    other = shared.service("mailer").fetch(who, purpose="marketing", fields=["given_name"]).revision
    assert other != revision("given_name")


@pytest.mark.parametrize(
    "values",
    [
        {"given_name": 7},
        {"given_name": "a\x00b"},
        {"given_name": "\ud800"},
        {"given_name": "x" * 10_000_000},
        {"room.bed": "water"},
        {"email": "nobody at nowhere"},
        {"phone": "0"},
        {"allergies": "nuts"},
        {"allergies": [["nuts"]]},
        {},
    ],
    ids=lambda values: str(values)[:40],
)
def test_bad_values(shared: World, values: dict[str, object]) -> None:
    """A wrong type, over its bound, control characters, a lone surrogate: InvalidInput, and nothing is kept."""
    who = shared.guest(given_name="Before")
    with pytest.raises(InvalidInput):
        shared.service("web-shop").put(who, values, purpose="enrolment")
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    assert view["given_name"] == "Before"


@pytest.mark.parametrize("fields", [[], "given_name", [""], ["x" * 300], [7], None, ["\ud800"]], ids=repr)
def test_bad_field_lists(shared: World, fields: object) -> None:
    """Anything but a list of field names: InvalidInput."""
    with pytest.raises(InvalidInput):
        shared.service("front-desk").fetch(shared.guest(), purpose="stay", fields=fields)  # type: ignore[arg-type]


def test_an_unknown_service(shared: World) -> None:
    """Unknown service: InvalidInput."""
    with pytest.raises(InvalidInput):
        shared.vault.service("no-such-service")
    with pytest.raises(InvalidInput):
        shared.vault.officer("no-such-officer")
