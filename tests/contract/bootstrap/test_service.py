# ruff: noqa: E501 - a call reads best on its line
"""The SDK in process, sentence by sentence of its contract (docs/sdk.md), on both backends."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

import privet
from privet import Refusal, Vault, View, by
from privet.errors import AccessDenied, Conflict, InvalidInput
from privet.testing import StoppedClock

ANN, BO, NOBODY = by(email="ann@example.org"), by(email="bo@example.org"), by(email="nobody@example.org")
PERSONAL = "service-personalisation"
NAIVE = datetime(2025, 1, 1)  # noqa: DTZ001  that is the point


@pytest.fixture
def shop(vault: Vault) -> Vault:
    """Ann and Bo are customers; Ann has bought two things and called twice."""
    register = vault.service("register")
    register.put(
        ANN,
        {"crm_id": "C1", "given_name": "Ann", "size": 38, "phone": "+351912345678", "allergies": ["nuts"]},
        purpose="enrolment",
    )
    register.put(BO, {"crm_id": "C2", "given_name": "Bo", "phone": "+351912345678"}, purpose="enrolment")
    for key, day, title, amount in (
        ("I1", "2025-03-01", "Hat", "10.50"),
        ("I2", "2025-03-20", "Cap", "5"),
        ("I3", "2025-05-02", "Tie", "7"),
    ):
        register.record(
            ANN,
            "purchases",
            {"invoice": key, "day": day, "title": title, "amount": amount},
            purpose="enrolment",
        )
    return vault


def test_a_view_has_values_and_what_was_withheld(shop: Vault) -> None:
    """Values in clear and masked, None where nothing is held, a reason and a sentence for the rest."""
    view = shop.service("desk").fetch(
        ANN, purpose=PERSONAL, fields=["given_name", "email", "size", "allergies", "nothing", "phone"]
    )
    assert view["given_name"] == "Ann"
    assert view.values == {"given_name": "Ann", "email": "a•••@•••.org", "size": 38}
    assert {name: kept.reason for name, kept in view.withheld.items()} == {
        "allergies": "purpose_not_permitted", "nothing": "unknown_field", "phone": "purpose_not_permitted",
    }  # fmt: skip
    assert all(kept.message for kept in view.withheld.values())
    with pytest.raises(KeyError, match="purpose_not_permitted"):
        view["allergies"]
    assert shop.service("desk").fetch(BO, purpose=PERSONAL, fields=["size"]).values == {"size": None}


def test_a_wholly_refused_read_raises_with_all_that_a_view_would_carry(shop: Vault) -> None:
    """Reasons, what was withheld, and an audit id that the log has."""
    with pytest.raises(AccessDenied) as denied:
        shop.service("letters").fetch(ANN, purpose="marketing.email", fields=["email", "given_name"])
    assert denied.value.reasons == ("consent_required",)
    assert set(denied.value.withheld) == {"email", "given_name"}
    assert denied.value.audit_id is not None
    assert shop.officer("ana").audit.entry(denied.value.audit_id).decision == "refuse"


@pytest.mark.parametrize(
    "purpose, reason",
    [
        ("", "purpose_missing"),
        ("nonsense", "unknown_purpose"),
        ("resale", "purpose_prohibited"),
        ("marketing.email", "service_not_permitted"),
    ],
)
def test_a_purpose_that_will_not_do_is_denied_and_logged(shop: Vault, purpose: str, reason: str) -> None:
    """Unknown and empty ones too; what was typed as a purpose is not in the clear part of the log."""
    with pytest.raises(AccessDenied) as denied:
        shop.service("desk").fetch(ANN, purpose=purpose, fields=["given_name"])
    assert denied.value.reasons == (reason,)
    assert [a.decision for a in shop.customer(ANN).accesses() if a.service == "desk"] == ["refuse"]


def test_nobody_and_a_foreign_or_forged_id_are_one(shop: Vault) -> None:
    """An unknown address, another service's id, and rubbish: the same refusal, word for word."""
    desk = shop.service("desk")
    mine = desk.fetch(ANN, purpose=PERSONAL, fields=["given_name"]).subject
    other = shop.service("register")
    assert other.find(email="ann@example.org", purpose="enrolment") is None
    said = set()
    for who in (NOBODY, "pw1_" + "A" * 43, mine[:-2] + "xy", "rubbish"):
        with pytest.raises(AccessDenied) as denied:
            desk.fetch(who, purpose=PERSONAL, fields=["given_name"])
        said.add((str(denied.value), denied.value.reasons, tuple(denied.value.withheld.items())))
    assert len(said) == 1


def test_two_services_know_her_by_two_ids(shop: Vault) -> None:
    """Each id works for its service only, and is always the same."""
    shop.customer(ANN).consent("marketing.email")
    desk, letters = shop.service("desk"), shop.service("letters")
    at_desk = desk.fetch(ANN, purpose=PERSONAL, fields=["given_name"]).subject
    at_letters = letters.find(email="ann@example.org", purpose="marketing.email")
    assert at_letters is not None
    assert at_desk != at_letters
    assert desk.fetch(at_desk, purpose=PERSONAL, fields=["given_name"])["given_name"] == "Ann"
    assert desk.find(email="ANN@EXAMPLE.ORG", purpose=PERSONAL) == at_desk
    with pytest.raises(AccessDenied):
        desk.fetch(at_letters, purpose=PERSONAL, fields=["given_name"])


def test_find_answers_only_where_something_would_be_released(shop: Vault) -> None:
    """None for nobody and for somebody who may not be seen; logged either way."""
    letters = shop.service("letters")
    assert letters.find(email="ann@example.org", purpose="marketing.email") is None
    shop.customer(ANN).consent("marketing.email")
    assert letters.find(email="ann@example.org", purpose="marketing.email") is not None
    assert letters.find(email="nobody@example.org", purpose="marketing.email") is None
    assert [line.decision for line in shop.officer("ana").audit.query(act="find")] == [
        "refuse",
        "permit",
        "refuse",
    ]


def test_a_look_up_the_service_may_not_use_is_refused_but_in_her_log(shop: Vault) -> None:
    """A static refusal still resolves the subject; a field that is no look-up is the caller's mistake."""
    with pytest.raises(AccessDenied) as denied:
        shop.service("desk").fetch(by(crm_id="C1"), purpose=PERSONAL, fields=["given_name"])
    assert denied.value.reasons == ("lookup_not_permitted",)
    assert [a.withheld for a in shop.customer(ANN).accesses() if a.service == "desk"] == [
        {"given_name": "lookup_not_permitted"}
    ]
    with pytest.raises(InvalidInput):
        shop.service("desk").fetch(by(given_name="Ann"), purpose=PERSONAL, fields=["given_name"])


def test_an_ambiguous_look_up_finds_nobody(shop: Vault) -> None:
    """Two people share a phone: neither is chosen for the caller."""
    with pytest.raises(privet.errors.NotFound):
        shop.customer(by(phone="+351912345678"))


def test_many_come_in_order_each_for_itself(shop: Vault) -> None:
    """Views and refusals in the order asked, one leaf each, the same person twice included; none for none."""
    desk = shop.service("desk")
    size = shop.parts.store.log.size()
    answers = desk.fetch_many([ANN, NOBODY, BO, ANN], purpose=PERSONAL, fields=["given_name"])
    assert [type(answer) for answer in answers] == [View, Refusal, View, View]
    assert [a["given_name"] for a in answers if isinstance(a, View)] == ["Ann", "Bo", "Ann"]
    assert len({answer.audit_id for answer in answers}) == 4
    assert shop.parts.store.log.size() == size + 4
    assert desk.fetch_many([], purpose=PERSONAL, fields=["given_name"]) == []


def test_history_is_newest_first_and_cut_exactly(shop: Vault) -> None:
    """Though the database sees months only, days cut; limit counts records."""
    desk = shop.service("desk")

    def titles(**window: object) -> list[object]:
        return [
            r["title"] for r in desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"], **window)
        ]  # type: ignore[arg-type]  # parametrised

    assert titles() == ["Tie", "Cap", "Hat"]
    assert titles(limit=1) == ["Tie"]
    assert titles(since=date(2025, 3, 20)) == ["Tie", "Cap"]
    assert titles(until=date(2025, 3, 20)) == ["Cap", "Hat"]
    assert titles(until=date(2025, 3, 20), limit=1) == ["Cap"]
    assert titles(since=date(2025, 3, 2), until=date(2025, 3, 19)) == []
    assert titles(since=datetime(2025, 3, 20, 0, 0, 1, tzinfo=UTC)) == ["Tie"]
    history = desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title", "amount", "nothing"], limit=1)
    assert history[0].time == date(2025, 5, 2)
    assert history[0].values == {"title": "Tie"}
    assert {name: kept.reason for name, kept in history.withheld.items()} == {
        "amount": "purpose_not_permitted",
        "nothing": "unknown_field",
    }
    assert desk.history(BO, "purchases", purpose=PERSONAL, fields=["title"]).records == ()
    ids = {r.id for r in desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"])}
    assert len(ids) == 3
    with pytest.raises(AccessDenied):
        desk.history(NOBODY, "purchases", purpose=PERSONAL, fields=["title"])


def test_what_is_malformed_is_refused_before_anything_is_looked_up(shop: Vault) -> None:
    """InvalidInput, nothing logged, no value in the message."""
    desk = shop.service("desk")
    size = shop.parts.store.log.size()
    bad = [
        lambda: desk.fetch(ANN, purpose=PERSONAL, fields=[]),
        lambda: desk.fetch(ANN, purpose=PERSONAL, fields="given_name"),
        lambda: desk.fetch(ANN, purpose=PERSONAL, fields=["x" * 300]),
        lambda: desk.fetch(ANN, purpose=PERSONAL, fields=["\ud800"]),
        lambda: desk.fetch(ANN, purpose=PERSONAL, fields=[f"f{i}" for i in range(2000)]),
        lambda: desk.fetch(ANN, purpose="p" * (10 << 20), fields=["given_name"]),
        lambda: desk.fetch(ANN, purpose="\udfff", fields=["given_name"]),
        lambda: desk.fetch(by(email="not an address"), purpose=PERSONAL, fields=["given_name"]),
        lambda: desk.fetch(by(email="x" * (10 << 20)), purpose=PERSONAL, fields=["given_name"]),
        lambda: desk.fetch(7, purpose=PERSONAL, fields=["given_name"]),  # type: ignore[arg-type]  # that is the point
        lambda: desk.fetch("", purpose=PERSONAL, fields=["given_name"]),
        lambda: desk.history(ANN, "nothing", purpose=PERSONAL, fields=["title"]),
        lambda: desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"], limit=0),
        lambda: desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"], since=NAIVE),
        lambda: desk.put(ANN, {}, purpose="enrolment"),
        lambda: desk.put(ANN, ["given_name"], purpose="enrolment"),  # type: ignore[arg-type]  # that is the point
        by,
        lambda: by(email="a@b.org", crm_id="C1"),
        lambda: by(email=7),  # type: ignore[arg-type]  # that is the point
        lambda: shop.service("nothing"),
    ]
    for call in bad:
        with pytest.raises(InvalidInput) as refused:
            call()
        assert "ann@" not in str(refused.value)
    assert shop.parts.store.log.size() == size


@pytest.mark.parametrize(
    "field, value",
    [
        ("given_name", 7), ("given_name", "x" * 201), ("given_name", "x" * (10 << 20)), ("given_name", "a\x00b"), ("given_name", "\ud800"),
        ("size", "big"), ("size", True), ("size", 1.5), ("size", 2**60), ("born", "1984-13-01"), ("born", "yesterday"),
        ("email", "nobody"), ("phone", "12"), ("allergies", "nuts"), ("allergies", [["nuts"]]), ("allergies", [1]), ("allergies", ["x"] * 2000),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_by_field_and_rule(
    shop: Vault, field: str, value: object
) -> None:
    """The message names the field, never the value; nothing is written."""
    before = dict(shop.customer(ANN).profile())
    with pytest.raises(InvalidInput) as refused:
        shop.service("register").put(ANN, {field: value}, purpose="enrolment")
    assert refused.value.field is not None
    assert refused.value.field.startswith(field)
    assert len(str(refused.value)) < 300
    assert dict(shop.customer(ANN).profile()) == before


def test_put_writes_clears_and_enrols(shop: Vault) -> None:
    """None clears; `by()` that finds nobody creates for who may enrol, with the value she was named by."""
    register = shop.service("register")
    assert (
        len(
            register.put(ANN, {"given_name": None, "size": 40, "born": date(1984, 5, 3)}, purpose="enrolment")
        )
        == 32
    )
    assert dict(shop.customer(ANN).profile())["size"] == 40
    assert "given_name" not in shop.customer(ANN).profile()
    register.put(by(email="new@example.org"), {"given_name": "Neu"}, purpose="enrolment")
    assert dict(shop.customer(by(email="new@example.org")).profile()) == {
        "email": "new@example.org",
        "given_name": "Neu",
    }
    register.put(ANN, {"email": "ann.new@example.org"}, purpose="enrolment")
    assert shop.customer(by(email="ann.new@example.org")).profile()["crm_id"] == "C1"
    with pytest.raises(privet.errors.NotFound):
        shop.customer(ANN)
    with pytest.raises(InvalidInput):
        register.put(by(email="x@example.org"), {"email": "y@example.org"}, purpose="enrolment")


def test_a_write_needs_purpose_and_field_whole(shop: Vault) -> None:
    """One field denied refuses all of them, and it is logged; a service that does not enrol creates nobody."""
    desk = shop.service("desk")
    with pytest.raises(AccessDenied) as denied:
        desk.put(ANN, {"given_name": "Anna", "phone": "+351912345679"}, purpose=PERSONAL)
    assert set(denied.value.withheld) == {"phone"}
    assert shop.customer(ANN).profile()["given_name"] == "Ann"
    desk.put(ANN, {"given_name": "Anna"}, purpose=PERSONAL)
    assert shop.customer(ANN).profile()["given_name"] == "Anna"
    with pytest.raises(AccessDenied):
        desk.put(NOBODY, {"given_name": "No"}, purpose=PERSONAL)
    with pytest.raises(AccessDenied):
        desk.put(ANN, {"nothing": "x"}, purpose=PERSONAL)
    with pytest.raises(AccessDenied):
        shop.service("register").record(
            NOBODY, "purchases", {"invoice": "I9", "day": "2025-01-01", "title": "x"}, purpose="enrolment"
        )


def test_a_look_up_clash_tells_only_those_who_may_look(shop: Vault) -> None:
    """Like any bad value to a service without `find` on the field; Conflict to one with it."""
    register, desk = shop.service("register"), shop.service("desk")
    said = []
    for value in ("bo@example.org", "not an address"):
        with pytest.raises(InvalidInput) as refused:
            register.put(ANN, {"email": value}, purpose="enrolment")
        said.append((type(refused.value), str(refused.value)))
    assert said[0] == said[1]
    with pytest.raises(Conflict):
        desk.put(ANN, {"email": "bo@example.org"}, purpose=PERSONAL)


def test_a_record_with_the_same_key_replaces(shop: Vault) -> None:
    """And one without what its collection needs is refused by name."""
    register = shop.service("register")
    register.record(
        ANN,
        "purchases",
        {"invoice": "I1", "day": date(2025, 3, 1), "title": "Bonnet", "amount": Decimal("11.00")},
        purpose="enrolment",
    )
    bought = shop.customer(ANN).profile().collections["purchases"]
    assert [r["title"] for r in bought] == ["Tie", "Cap", "Bonnet"]
    for missing in ("invoice", "day"):
        values = {"invoice": "I9", "day": "2025-01-01", "title": "x"}
        del values[missing]
        with pytest.raises(InvalidInput, match=missing):
            register.record(ANN, "purchases", values, purpose="enrolment")


def test_consent_is_in_force_at_once_both_ways(shop: Vault, clock: StoppedClock) -> None:
    """Given, withdrawn, given again, and run out at its hour."""
    letters, ann = shop.service("letters"), shop.customer(ANN)

    def reasons() -> tuple[str, ...]:
        try:
            letters.fetch(ANN, purpose="marketing.email", fields=["email"])
        except AccessDenied as denied:
            return denied.reasons
        return ()

    assert reasons() == ("consent_required",)
    ann.consent("marketing.email")
    assert reasons() == ()
    ann.withdraw("marketing.email")
    assert reasons() == (
        "consent_required",
    )  # the phantom's reason: whether she ever consented is her affair
    ann.consent("marketing.email")
    clock.pass_time(timedelta(days=729))
    assert reasons() == ()
    clock.pass_time(timedelta(days=2))
    assert reasons() == ("consent_required",)
    mine = [a.withheld for a in ann.accesses() if a.service == "letters"]
    assert [next(iter(w.values()), None) for w in mine] == [
        "consent_expired",
        None,
        "consent_withdrawn",
        None,
        "consent_required",
    ]


def test_retention_ends_a_field_at_its_hour(shop: Vault, clock: StoppedClock) -> None:
    """Withheld as expired before any sweep; a collection's old records are gone from a history."""
    desk = shop.service("desk")
    clock.pass_time(timedelta(days=366))
    view = desk.fetch(ANN, purpose=PERSONAL, fields=["given_name", "size"])
    assert view.withheld["size"].reason == "expired"
    clock.pass_time(timedelta(days=3650))
    assert desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"]).records == ()


def test_threads_share_a_vault(shop: Vault) -> None:
    """Many at once: each gets its own answer, each has its entry, the log is sound."""
    desk, errors = shop.service("desk"), []

    def work(who: privet.By, name: str) -> None:
        try:
            for _ in range(10):
                assert desk.fetch(who, purpose=PERSONAL, fields=["given_name"])["given_name"] == name
        except BaseException as error:  # noqa: BLE001  handed to the test's thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in [(ANN, "Ann"), (BO, "Bo")] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(shop.officer("ana").audit.query(service="desk")) == 60
    assert shop.officer("ana").audit.verify().ok


def test_a_revision_changes_with_what_was_released_only(shop: Vault) -> None:
    """Another field's change leaves it; the field's own does not."""
    desk, register = shop.service("desk"), shop.service("register")

    def revision() -> str:
        return desk.fetch(ANN, purpose=PERSONAL, fields=["given_name"]).revision

    first = revision()
    register.put(ANN, {"size": 41}, purpose="enrolment")
    assert revision() == first
    register.put(ANN, {"given_name": "Anna"}, purpose="enrolment")
    assert revision() != first


def test_no_value_shows_in_a_repr(shop: Vault) -> None:
    """Of a view, a history, a profile, a look-up."""
    desk = shop.service("desk")
    shown = repr(desk.fetch(ANN, purpose=PERSONAL, fields=["given_name", "size"])) + repr(ANN)
    shown += repr(desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"])) + repr(
        shop.customer(ANN).profile()
    )
    for secret in ("Ann", "ann@", "Hat", "=38", ": 38"):
        assert secret not in shown.replace("withheld", "")
