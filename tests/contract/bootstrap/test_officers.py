"""Officers: they find who did what and why, are logged themselves, pause, and never see a value."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from privet import Vault, by
from privet.bootstrap.auditing import StewardAudit
from privet.bootstrap.reporting import make_report
from privet.bootstrap.signin import CODE_SENT
from privet.domain.ids import Millis, to_millis
from privet.errors import AccessDenied, InvalidInput, NotFound
from privet.testing import StoppedClock, open_vault


@pytest.fixture
def told(vault: Vault, clock: StoppedClock) -> Vault:
    """A vault in which a few things have happened, an hour apart."""
    register = vault.service("register")
    register.put(by(email="ann@example.org"), {"crm_id": "C1", "given_name": "Ann"}, purpose="enrolment")
    register.put(by(email="bo@example.org"), {"crm_id": "C2", "given_name": "Bo"}, purpose="enrolment")
    clock.pass_time(timedelta(hours=1))
    vault.service("desk").fetch(
        by(email="ann@example.org"),
        purpose="service-personalisation",
        fields=["given_name", "email", "phone"],
    )
    clock.pass_time(timedelta(hours=1))
    for who in ("ann@example.org", "nobody@example.org"):
        with pytest.raises(AccessDenied):
            vault.service("letters").fetch(by(email=who), purpose="marketing.email", fields=["email"])
    return vault


def test_filters_and_and_newest_comes_first(told: Vault) -> None:
    """By subject, service, purpose, field, decision, act, reason, time."""
    audit = told.officer("ana").audit
    everything = audit.query()
    assert [line.position for line in everything] == sorted(
        (line.position for line in everything), reverse=True
    )
    about_ann = audit.query(subject=by(email="ann@example.org"))
    assert [line.act for line in about_ann] == ["read", "read", "put"]
    assert audit.query(subject=about_ann[0].subject) == about_ann
    assert [line.service for line in audit.query(service="letters")] == ["letters", "letters"]
    assert [line.service for line in audit.query(purpose="service-personalisation")] == ["desk"]
    assert len(audit.query(field="email", decision="refuse")) == 2
    assert [line.decision for line in audit.query(field="phone")] == ["partial"]
    assert [line.subject is None for line in audit.query(reason="consent_required")] == [True, False]
    assert len(audit.query(act="put", limit=1)) == 1
    assert audit.query(service="letters", act="put") == []


def test_a_refusal_that_is_of_no_field_is_found_by_its_reason(told: Vault) -> None:
    """A consent that a service may not record has a reason as a read has."""
    with pytest.raises(AccessDenied) as refused:
        told.service("letters").consent(by(email="ann@example.org"), "marketing.email", given=True)
    found = told.officer("ana").audit.query(reason="service_not_permitted")
    assert [line.audit_id for line in found] == [refused.value.audit_id]
    assert found[0].detail["reason"] == "service_not_permitted"


def asked(name: str, word: str) -> dict[str, Any]:
    return {name: word}


@pytest.mark.parametrize(
    "name, word, meant",
    [
        ("act", "withdrew", "withdraw"),
        ("decision", "refused", "refuse"),
        ("reason", "consent_require", "consent_required"),
        ("service", "letter", "letters"),
        ("purpose", "marketing.mail", "marketing.email"),
        ("field", "emails", "email"),
    ],
)
def test_a_slip_in_a_filter_is_no_empty_answer(told: Vault, name: str, word: str, meant: str) -> None:
    """It is refused by its name, with the word that was meant, and never repeated."""
    for audit in (told.officer("ana").audit, StewardAudit(told.parts)):
        with pytest.raises(InvalidInput) as refused:
            audit.query(**asked(name, word))
        assert refused.value.field == name
        assert f"did you mean {meant}?" in str(refused.value)
        assert audit.query(**asked(name, meant)) is not None
    with pytest.raises(InvalidInput) as refused:
        told.officer("ana").audit.page(limit=1, **asked(name, "ann@example.org"))
    assert "ann@example.org" not in str(refused.value)


def test_every_act_that_stands_in_a_log_is_a_filter(told: Vault) -> None:
    """Those of consent, of an objection and of her sign-in too."""
    ann = by(email="ann@example.org")
    letters, herself, audit = told.service("letters"), told.customer(ann), told.officer("ana").audit
    for ask in (letters.consent_status, letters.consent_receipt):
        with suppress(AccessDenied):
            ask(ann, "marketing.email")
    herself.restrict()
    herself.unrestrict()
    herself.object("service-personalisation")
    herself.unobject("service-personalisation")
    written = {line.act for line in audit.query()}
    assert {"consent-status", "consent-receipt", "unobject", "unrestrict"} <= written
    for act in written:
        assert {line.act for line in audit.query(act=act)} == {act}
    assert audit.query(act=CODE_SENT) == []


def test_a_name_that_a_catalogue_has_given_up_is_still_a_filter(told: Vault) -> None:
    """What was done under it is still in the log."""
    settings = told.parts.settings
    told.close()
    file = settings.directory / "catalogue.yaml"
    text = file.read_text(encoding="utf-8")
    assert "\n  letters:" in text
    file.write_text(text.replace("\n  letters:", "\n  post:"), encoding="utf-8")
    with open_vault(settings.directory) as vault:
        audit = vault.officer("ana").audit
        assert "letters" not in vault.parts.catalogue.services
        assert [line.service for line in audit.query(service="letters")] == ["letters", "letters"]
        assert audit.query(service="post") == []


def test_time_cuts_both_ways(told: Vault, clock: StoppedClock) -> None:
    """`since` and `until` are inclusive, and must have a zone."""
    audit = told.officer("ana").audit
    now = datetime.fromtimestamp(clock.now / 1000, UTC)
    assert {line.service for line in audit.query(since=now)} == {"letters"}
    assert {line.service for line in audit.query(until=now - timedelta(minutes=90))} == {"register", None}
    with pytest.raises(InvalidInput):
        audit.query(since=datetime(2026, 1, 1))  # noqa: DTZ001  that is the point


def test_a_clock_that_was_put_back_for_a_while_hides_nothing(told: Vault, clock: StoppedClock) -> None:
    """What was logged before that, and lies in the time that is asked about, is found and counted."""
    now, desk = datetime.fromtimestamp(clock.now / 1000, UTC), told.service("desk")
    clock.now = Millis(clock.now - 5 * 3_600_000)
    for _ in range(20):
        desk.find(email="ann@example.org", purpose="service-personalisation")
    clock.pass_time(timedelta(hours=5))
    audit = told.officer("ana").audit
    assert [line.service for line in audit.query(since=now, act="read")] == ["letters", "letters"]
    assert [line.service for line in audit.page(since=now, act="read", limit=9).lines] == ["letters"] * 2
    made = make_report(told.parts, since=to_millis(now), until=None, actor="steward")
    assert {line.service: line.refuse for line in made.lines if line.act == "read"} == {"letters": 2}


def test_a_line_tells_what_was_released_and_the_true_reasons(told: Vault) -> None:
    """Fields that left, fields that did not and why, the policy's revision; and no value anywhere."""
    line = told.officer("ana").audit.query(service="desk")[0]
    assert line.fields == ("email", "given_name")
    assert dict(line.reasons) == {"phone": "purpose_not_permitted"}
    assert line.policy == told.parts.bundle.revision
    assert "Ann" not in repr(line)
    assert "ann@" not in repr(line)


def test_queries_are_logged_under_the_officers_name(told: Vault) -> None:
    """What was searched for too, but never the address that was typed."""
    audit = told.officer("ana").audit
    audit.query(subject=by(email="ann@example.org"), service="desk")
    line = audit.query(act="query")[0]
    assert line.actor == "officer:ana"
    assert line.detail["filters"] == {"service": "desk"}
    assert "ann@" not in repr(line)


def test_one_entry_by_its_audit_id(told: Vault) -> None:
    """As a customer or a service quotes it."""
    with pytest.raises(AccessDenied) as denied:
        told.service("letters").fetch(by(email="bo@example.org"), purpose="marketing.email", fields=["email"])
    audit = told.officer("ana").audit
    assert denied.value.audit_id is not None
    assert audit.entry(denied.value.audit_id).reasons == {"email": "consent_required"}
    with pytest.raises(NotFound):
        audit.entry("0" * 32)
    for bad in ("", "zz", "0" * 31):
        with pytest.raises(InvalidInput):
            audit.entry(bad)


def test_a_decision_is_made_again_from_the_log_alone(told: Vault) -> None:
    """Same question, same revision, same answer; what no policy decided cannot be replayed."""
    audit = told.officer("ana").audit
    for line in (
        audit.query(service="letters") + audit.query(service="desk") + audit.query(service="register")
    ):
        again = audit.replay(line.audit_id)
        assert again.same, line
        assert again.decision.revision == line.policy
    with pytest.raises(InvalidInput):
        audit.replay(audit.query(act="query")[0].audit_id)
    with pytest.raises(NotFound):
        audit.replay("0" * 32)


def test_nobody_is_not_found_and_nonsense_is_refused(told: Vault) -> None:
    """An officer, unlike a service, may know that there is nobody."""
    audit = told.officer("ana").audit
    with pytest.raises(NotFound):
        audit.query(subject=by(email="nobody@example.org"))
    for bad in ("ann", "00"):
        with pytest.raises(InvalidInput):
            audit.query(subject=bad)
    for none in (0, -1, 2**53, 10**30):
        with pytest.raises(InvalidInput, match=r"^limit must be"):
            audit.query(limit=none)
    with pytest.raises(InvalidInput):
        told.officer("nobody")


def test_a_pause_holds_at_once_and_until_lifted(told: Vault) -> None:
    """A paused purpose refuses its reads, with its reason; others go on; the pause is logged."""
    ana, desk = told.officer("ana"), told.service("desk")
    ana.pause("service-personalisation")
    assert ana.paused() == ("service-personalisation",)
    with pytest.raises(AccessDenied) as denied:
        desk.fetch(by(email="ann@example.org"), purpose="service-personalisation", fields=["given_name"])
    assert denied.value.reasons == ("paused",)
    ana.resume("service-personalisation")
    assert (
        desk.fetch(by(email="ann@example.org"), purpose="service-personalisation", fields=["given_name"])[
            "given_name"
        ]
        == "Ann"
    )
    ana.pause("desk")
    with pytest.raises(AccessDenied):
        desk.fetch(by(email="ann@example.org"), purpose="service-personalisation", fields=["given_name"])
    with pytest.raises(InvalidInput):
        ana.pause("nothing")
    assert [line.actor for line in ana.audit.query(act="pause")] == ["officer:ana"] * 3


def test_the_log_verifies_and_says_so(told: Vault) -> None:
    """Every entry is under a signed checkpoint after a verification, which is itself logged."""
    report = told.officer("ana").audit.verify()
    assert report.ok
    assert report.proven == report.size
    assert told.officer("ana").audit.query(act="verify")[0].decision == "done"
