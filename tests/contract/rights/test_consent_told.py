"""What a service is told of a consent that it collects: the truth where it may see her, else as of nobody."""

import pytest

from privet.audit.leaf import Leaf, parse_leaf
from privet.bootstrap.service import ServiceSession
from privet.consent.receipt import verify_receipt
from privet.domain.ids import EntryId
from privet.domain.request import SubjectRef, by
from privet.errors import AccessDenied, InvalidInput
from tests.contract.rights.conftest import House

NOBODY = by(email="nobody-at-all@example.org")


def newest(house: House) -> tuple[Leaf, int]:
    """The newest entry, and how long its sealed part is."""
    house.vault.parts.store.sequence()
    row = next(iter(house.vault.parts.store.log.entries_newest()))
    return parse_leaf(row.leaf), len(row.sealed)


def looked(house: House, desk: ServiceSession, who: SubjectRef, purpose: str) -> tuple[object, ...]:
    """All that a service or a reader of the log learns of two looks."""
    shown: list[object] = []
    for look in (desk.consent_status, desk.consent_receipt):
        answer = look(who, purpose)
        leaf, size = newest(house)
        shown += [answer, size, leaf.act, leaf.decision, leaf.service, leaf.purpose, leaf.classes, leaf.n]
    return tuple(shown)


def test_a_request_is_requested_until_she_confirms(house: House) -> None:
    """Asked for, then hers to give: the service that may see her follows it."""
    who = house.guest()
    shop = house.vault.service("web-shop")
    assert shop.consent_status(who, "surveys") == "unknown"
    assert shop.consent_receipt(who, "surveys") is None
    shop.request_consent(who, "surveys", source="checkout box")
    assert shop.consent_status(who, "surveys") == "requested"
    house.customer(who).consent("surveys")
    assert shop.consent_status(who, "surveys") == "given"
    house.customer(who).withdraw("surveys")
    assert shop.consent_status(who, "surveys") == "withdrawn"


def test_a_request_never_weakens_a_standing_consent(house: House) -> None:
    """Asking again for what she gave changes nothing."""
    who = house.guest()
    house.customer(who).consent("marketing.email")
    house.vault.service("mailer").request_consent(who, "marketing.email")
    assert house.mail(who) == who.value


def test_what_may_not_be_seen_is_told_as_nobody(house: House) -> None:
    """No consent, refused, withdrawn, restricted, erased and nobody: one answer, one leaf, one length."""
    mailer = house.vault.service("mailer")
    unasked, refused, restricted, withdrawn, erased = (house.guest() for _ in range(5))
    mailer.consent(refused, "marketing.email", given=False)
    for who in (restricted, withdrawn, erased):
        house.customer(who).consent("marketing.email")
    house.customer(restricted).restrict()
    house.customer(withdrawn).withdraw("marketing.email")
    known = mailer.fetch(erased, purpose="marketing.email", fields=["email"]).subject
    house.customer(erased).erase()
    seen = {
        looked(house, mailer, who, "marketing.email")
        for who in (NOBODY, unasked, refused, restricted, withdrawn, erased, known)
    }
    assert len(seen) == 1
    assert "unknown" in seen.pop()


def test_recording_then_asking_tells_nobody_from_somebody_in_nothing(house: House) -> None:
    """Who may record could else record and ask: the form that may only write sees nothing of either."""
    form = house.vault.service("newsletter-form")
    who = house.guest()
    for person in (who, NOBODY):
        form.consent(person, "surveys", given=False)
    assert looked(house, form, who, "surveys") == looked(house, form, NOBODY, "surveys")


def test_only_what_the_service_collects(house: House) -> None:
    """Another purpose is refused, logged, and so are an unknown one and a look-up that is not its own."""
    who = house.guest()
    desk, mailer = house.vault.service("front-desk"), house.vault.service("mailer")
    for session, person, purpose, reason in (
        (desk, who, "marketing.email", "service_not_permitted"),
        (mailer, who, "surveys", "service_not_permitted"),
        (mailer, who, "no-such", "unknown_purpose"),
        (mailer, by(phone="+351912345678"), "marketing.email", "lookup_not_permitted"),
    ):
        for act in (session.consent_status, session.consent_receipt, session.request_consent):
            with pytest.raises(AccessDenied) as refused:
                act(person, purpose)
            assert refused.value.reasons == (reason,)
            assert newest(house)[0].id == EntryId(bytes.fromhex(refused.value.audit_id or ""))


def test_a_prohibited_purpose_cannot_be_requested(house: House) -> None:
    """Nothing could ever act on it."""
    with pytest.raises(AccessDenied):
        house.vault.service("mailer").request_consent(house.guest(), "resale")


def test_a_source_that_cannot_be_written_is_refused_of_nobody_too(house: House) -> None:
    """Before anybody is looked for."""
    for source in ("x" * 501, "\ud800"):
        with pytest.raises(InvalidInput):
            house.vault.service("mailer").request_consent(NOBODY, "marketing.email", source=source)


def test_her_receipt_is_signed_and_joins_with_no_other_copy(house: House) -> None:
    """Two services' copies have no word in common that is hers alone, nor does her own."""
    who = house.guest()
    own = house.customer(who).consent("marketing.email")
    shop, mailer = house.vault.service("web-shop"), house.vault.service("mailer")
    copies = [
        shop.consent_receipt(who, "marketing.email"),
        mailer.consent_receipt(who, "marketing.email"),
        own,
    ]
    public = house.vault.parts.keyring.signer().public
    told = []
    for copy in copies:
        assert copy is not None
        verify_receipt(copy, public)
        record = copy["dpv:hasRecordOfActivity"]
        told.append(
            {copy["@id"], copy["dct:identifier"], record["dct:identifier"], str(record["dpv:hasDataSubject"])}
        )
    assert not told[0] & told[1]
    assert not (told[0] | told[1]) & told[2]
    assert copies[0] is not None
    assert copies[0]["dct:created"]["@value"].endswith("T00:00:00.000Z")


def test_she_sees_who_asked(house: House) -> None:
    """A look at her consent stands in her own list."""
    who = house.guest()
    house.vault.service("web-shop").consent_status(who, "surveys")
    newest_of_hers = house.customer(who).accesses(limit=2)[1]
    assert (newest_of_hers.act, newest_of_hers.service) == ("consent-status", "web-shop")
