# ruff: noqa: E501 - a call reads best on its line
"""The SDK in process over time, in threads and with odd input; its contract itself is in tests/contract/vault."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import privet
from privet import Refusal, Vault, View, by
from privet.errors import AccessDenied, InvalidInput
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


def test_nobody_and_a_foreign_or_forged_id_are_one(shop: Vault) -> None:
    """An unknown address, another service's id, one that was altered, and rubbish: the same refusal, word for word."""
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

    def titles(**window: Any) -> list[object]:
        return [
            r["title"] for r in desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"], **window)
        ]

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
    bad: list[Callable[[], object]] = [
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
        lambda: desk.fetch("ann@example.org", purpose=PERSONAL, fields=["given_name"]),
        lambda: desk.fetch_many([ANN, "ann@example.org"], purpose=PERSONAL, fields=["given_name"]),
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


def test_no_value_shows_in_a_repr(shop: Vault) -> None:
    """Of a view, a history, a profile, a look-up."""
    desk = shop.service("desk")
    shown = repr(desk.fetch(ANN, purpose=PERSONAL, fields=["given_name", "size"])) + repr(ANN)
    shown += repr(desk.history(ANN, "purchases", purpose=PERSONAL, fields=["title"])) + repr(
        shop.customer(ANN).profile()
    )
    for secret in ("Ann", "ann@", "Hat", "=38", ": 38"):
        assert secret not in shown.replace("withheld", "")


def test_a_slip_in_a_look_ups_name_is_answered_with_its_own(shop: Vault) -> None:
    """The look-ups that this service may use, and the one that was meant: never those of others."""
    with pytest.raises(InvalidInput) as refused:
        shop.service("desk").fetch(by(emial="ann@example.org"), purpose=PERSONAL, fields=["given_name"])
    assert refused.value.field == "subject"
    assert str(refused.value).endswith("; do you mean email?")
    assert "crm_id" not in str(refused.value)
    assert "emial" not in str(refused.value)
