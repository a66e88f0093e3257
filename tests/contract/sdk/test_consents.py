"""Consents that a service collects, by every face: recorded, asked for, told of where it may see her, and receipts."""

import pytest

import privet
from privet.errors import AccessDenied, InvalidInput
from tests.contract.sdk.faces import FacedWorld


def test_a_no_counts_at_once(shared: FacedWorld) -> None:
    """Recorded by who collects it; her own yes comes back only from her."""
    who = shared.guest()
    mailer, shop = shared.service("mailer"), shared.service("web-shop")
    shared.customer(who).consent("surveys")
    assert mailer.fetch(who, purpose="surveys", fields=["given_name"])["given_name"] == "Ada"
    assert len(shop.consent(who, "surveys", given=False, source="by telephone")) == 32
    with pytest.raises(AccessDenied):
        mailer.fetch(who, purpose="surveys", fields=["given_name"])


def test_a_request_waits_for_her(shared: FacedWorld) -> None:
    """Requested, until she confirms."""
    who = shared.guest()
    mailer = shared.service("mailer")
    assert len(mailer.request_consent(who, "marketing.email", source="banner")) == 32
    with pytest.raises(AccessDenied):
        mailer.fetch(who, purpose="marketing.email", fields=["email"])
    statuses = {consent.purpose: consent.status for consent in shared.customer(who).consents()}
    assert statuses["marketing.email"] == "requested"
    shared.customer(who).consent("marketing.email")
    assert mailer.consent_status(who, "marketing.email") in ("given", "renewed")
    told = [
        session.consent_receipt(who, "marketing.email")
        for session in (mailer, shared.vault.service("mailer"))
    ]
    of_each = {"@id", "dct:identifier", "proof"}  # each copy is signed anew, under an id of its own
    far, near = ({name: v for name, v in (one or {}).items() if name not in of_each} for one in told)
    assert far == near
    assert len(far) > 5


def test_of_nobody_nothing_is_told(shared: FacedWorld) -> None:
    """Taken without effect; unknown, and no receipt."""
    nobody, mailer = privet.by(email="nobody.at.all@example.org"), shared.service("mailer")
    assert len(mailer.consent(nobody, "marketing.email", given=True)) == 32
    assert len(mailer.request_consent(nobody, "marketing.email")) == 32
    assert mailer.consent_status(nobody, "marketing.email") == "unknown"
    assert mailer.consent_receipt(nobody, "marketing.email") is None


def test_only_what_a_service_collects(shared: FacedWorld) -> None:
    """Another purpose is refused, with its reason and audit id; a malformed source is the caller's mistake."""
    who, desk, mailer = shared.guest(), shared.service("front-desk"), shared.service("mailer")
    for ask in (desk.consent, desk.request_consent, desk.consent_status, desk.consent_receipt):
        with pytest.raises(AccessDenied) as refused:
            ask(who, "marketing.email")
        assert refused.value.reasons
        assert len(str(refused.value.audit_id)) == 32
    for source in (7, "\ud800"):
        with pytest.raises(InvalidInput):
            mailer.consent(who, "marketing.email", source=source)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InvalidInput, match="the source of a consent is text of at most 500 characters"):
        mailer.consent(who, "marketing.email", source="x" * 501)
