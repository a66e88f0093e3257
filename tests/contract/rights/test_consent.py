"""Consent through a whole vault: in force at once, never undone by others, and nothing in the database edits it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from privet.audit.leaf import parse_leaf
from privet.consent.ledger import LedgerBook
from privet.consent.receipt import verify_receipt
from privet.domain.catalogue import Service
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import EntryId, Millis
from privet.domain.request import By, SubjectRef, by
from privet.errors import AccessDenied, Conflict, IntegrityError, InvalidInput, NotFound
from privet.intake.amendment import Amendment, Held
from tests.contract.rights.conftest import DAY, House


def status(house: House, who: object, purpose: str) -> str:
    me = house.customer(who)  # type: ignore[arg-type]
    return next(consent.status for consent in me.consents() if consent.purpose == purpose)


def service(house: House, name: str) -> Service:
    return house.vault.parts.catalogue.services[name]


def test_consent_is_in_force_at_once_and_so_is_withdrawal(house: House) -> None:
    """The read after consent is permitted, the read after withdrawal is refused."""
    who = house.guest()
    with pytest.raises(AccessDenied):
        house.mail(who)
    house.customer(who).consent("marketing.email")
    assert house.mail(who) == who.value
    house.customer(who).withdraw("marketing.email")
    with pytest.raises(AccessDenied) as refused:
        house.mail(who)
    assert refused.value.reasons


def test_an_edited_ledger_row_is_named_damage(house: House) -> None:
    """One flipped byte of a ledger entry is an IntegrityError, and consent is not taken on top of it."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    sealed = bytearray(house.row("SELECT sealed FROM consent WHERE subject = :s", s=subject)[0])
    sealed[40] ^= 1
    house.tamper("UPDATE consent SET sealed = :b WHERE subject = :s", b=bytes(sealed), s=subject)
    with pytest.raises(IntegrityError):
        me.consents()
    with pytest.raises(IntegrityError):
        me.consent("marketing.email")


def test_a_ledger_entry_of_somebody_else_does_not_open(house: House) -> None:
    """An entry copied from one person to another, same number, is an IntegrityError."""
    one, other = house.guest(), house.guest()
    house.customer(one).consent("marketing.email")
    house.customer(other).withdraw("marketing.email")
    given = house.row("SELECT sealed FROM consent WHERE subject = :s", s=house.subject(one))[0]
    house.tamper("UPDATE consent SET sealed = :b WHERE subject = :s", b=given, s=house.subject(other))
    with pytest.raises(IntegrityError):
        house.customer(other).consents()


def test_a_ledger_that_lacks_its_last_entry_is_damage(house: House) -> None:
    """Deleting a withdrawal from the ledger does not pass unseen: the sealed facts count entries."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    me.withdraw("marketing.email")
    house.tamper("DELETE FROM consent WHERE subject = :s AND seq = 2", s=subject)
    with pytest.raises(IntegrityError):
        me.consents()


def test_facts_of_somebody_else_permit_nothing(house: House) -> None:
    """The facts of one who consented, copied to one who refused, open for nobody: the read is refused."""
    yes, no = house.guest(), house.guest()
    house.customer(yes).consent("marketing.email")
    house.customer(no).withdraw("marketing.email")
    facts, rev = house.row("SELECT facts, facts_rev FROM subject WHERE subject = :s", s=house.subject(yes))
    house.tamper(
        "UPDATE subject SET facts = :f, facts_rev = :r WHERE subject = :s",
        f=facts,
        r=rev,
        s=house.subject(no),
    )
    with pytest.raises((AccessDenied, IntegrityError)):
        house.mail(no)


def test_facts_from_before_a_withdrawal_do_not_come_back_under_its_revision(house: House) -> None:
    """Old facts put back under the present revision do not open: nothing is released."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    given = house.row("SELECT facts FROM subject WHERE subject = :s", s=subject)[0]
    me.withdraw("marketing.email")
    house.tamper("UPDATE subject SET facts = :f WHERE subject = :s", f=given, s=subject)
    with pytest.raises((AccessDenied, IntegrityError)):
        house.mail(who)
    with pytest.raises(IntegrityError):
        me.consents()


def test_facts_rolled_back_with_their_revision_disagree_with_the_ledger(house: House) -> None:
    """Old facts put back with their old revision open, but the ledger tells: she sees damage, not a consent."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    facts, rev = house.row("SELECT facts, facts_rev FROM subject WHERE subject = :s", s=subject)
    me.withdraw("marketing.email")
    house.tamper(
        "UPDATE subject SET facts = :f, facts_rev = :r WHERE subject = :s", f=facts, r=rev, s=subject
    )
    with pytest.raises(IntegrityError):
        me.consents()


def test_a_prohibited_or_unknown_purpose_takes_no_consent(house: House) -> None:
    """InvalidInput, nothing in the ledger; a no to a prohibited purpose is no error."""
    who = house.guest()
    me = house.customer(who)
    for purpose in ("resale", "nonsense", "", None, ["marketing.email"]):
        with pytest.raises(InvalidInput):
            me.consent(purpose)  # type: ignore[arg-type]
    assert house.row("SELECT count(*) FROM consent WHERE subject = :s", s=house.subject(who))[0] == 0
    assert me.withdraw("resale")["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]["@type"] == [
        "dpv:ConsentRefused"
    ]


def test_withdrawing_again_changes_nothing_and_gives_the_same_receipt(house: House) -> None:
    """Idempotent: one ledger entry, the same receipt; both calls are in her log."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    first = me.withdraw("marketing.email")
    assert me.withdraw("marketing.email") == first
    assert house.row("SELECT count(*) FROM consent WHERE subject = :s", s=house.subject(who))[0] == 2
    assert [line.act for line in me.accesses()].count("withdraw") == 2


def test_consent_after_consent_is_renewed_and_runs_anew(house: House) -> None:
    """Given, then renewed; the new end counts from the renewal."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    house.clock.ahead = 100 * DAY
    me.consent("marketing.email")
    consent = next(c for c in me.consents() if c.purpose == "marketing.email")
    assert consent.status == "renewed"
    assert consent.at is not None
    assert consent.until is not None
    assert (consent.until - consent.at).days == 365


def test_consent_runs_out(house: House) -> None:
    """After the purpose's time the status is expired and reads are refused; saying yes again renews it."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    house.clock.ahead = 365 * DAY + 60_000
    assert status(house, who, "marketing.email") == "expired"
    with pytest.raises(AccessDenied):
        house.mail(who)
    me.consent("marketing.email")
    assert status(house, who, "marketing.email") == "renewed"
    assert house.mail(who) == who.value


def test_consent_to_an_old_notice_is_a_conflict(house: House) -> None:
    """What she saw is not what holds now: nothing is recorded."""
    who = house.guest()
    with pytest.raises(Conflict):
        house.customer(who).consent("marketing.email", notice_version="0" * 64)
    current = house.vault.parts.catalogue.notices["marketing"].version
    assert house.customer(who).consent("marketing.email", notice_version=current)


def test_what_a_service_would_profit_from_stays_requested(house: House) -> None:
    """The mailer may claim the purpose: its yes is a request until she confirms."""
    who = house.guest()
    subject = house.subject(who)
    house.rights.collected.record(service(house, "mailer"), subject, "marketing.email")
    assert status(house, who, "marketing.email") == "requested"
    with pytest.raises(AccessDenied):
        house.mail(who)
    house.customer(who).consent("marketing.email")
    assert house.mail(who) == who.value


def test_a_service_that_gains_nothing_records_a_given_consent(house: House) -> None:
    """The shop collects for the mailer: given at once. For special fields even then only requested."""
    who = house.guest()
    subject = house.subject(who)
    shop = service(house, "web-shop")
    house.rights.collected.record(shop, subject, "marketing.email", source="checkout box")
    house.rights.collected.record(shop, subject, "meals")
    assert house.mail(who) == who.value
    assert status(house, who, "meals") == "requested"


def test_no_service_undoes_a_no(house: House) -> None:
    """After her withdrawal a service's yes is a request, however often it is sent."""
    who = house.guest()
    subject = house.subject(who)
    house.customer(who).consent("marketing.email")
    house.customer(who).withdraw("marketing.email")
    for _ in range(3):
        house.rights.collected.record(service(house, "web-shop"), subject, "marketing.email")
        assert status(house, who, "marketing.email") == "requested"
    with pytest.raises(AccessDenied):
        house.mail(who)


def test_a_no_told_to_a_service_counts_at_once(house: House) -> None:
    """A service that collects passes on a withdrawal: refused from then on."""
    who = house.guest()
    house.customer(who).consent("marketing.email")
    house.rights.collected.record(
        service(house, "mailer"), house.subject(who), "marketing.email", given=False
    )
    assert status(house, who, "marketing.email") == "withdrawn"


@pytest.mark.parametrize(
    "name, purpose, reason",
    [
        ("kitchen", "meals", "service_not_permitted"),
        ("web-shop", "nonsense", "unknown_purpose"),
        ("web-shop", "", "purpose_missing"),
        ("front-desk", "resale", "service_not_permitted"),
    ],
)
def test_a_service_that_does_not_collect_is_refused_and_logged(
    house: House, name: str, purpose: str, reason: str
) -> None:
    """AccessDenied with the reason; she sees the attempt; nothing is recorded."""
    who = house.guest()
    with pytest.raises(AccessDenied) as refused:
        house.rights.collected.record(service(house, name), house.subject(who), purpose)
    assert refused.value.reasons == (reason,)
    seen = {line.audit_id: line for line in house.customer(who).accesses()}
    assert seen[refused.value.audit_id or ""].decision == "refuse"
    assert house.row("SELECT count(*) FROM consent WHERE subject = :s", s=house.subject(who))[0] == 0


def test_a_service_hears_the_same_of_nobody(house: House) -> None:
    """Nobody, to a service that does not collect, reads as anybody does."""
    who = house.guest()
    heard = []
    for subject in (house.subject(who), None):
        with pytest.raises(AccessDenied) as refused:
            house.rights.collected.record(service(house, "kitchen"), subject, "meals")
        heard.append((str(refused.value), refused.value.reasons))
    assert heard[0] == heard[1]


def test_receipts_verify_with_the_public_key_alone(house: House) -> None:
    """Every receipt she was given verifies, and names no value of hers."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    me.withdraw("marketing.email")
    public = house.vault.parts.keyring.signer().public
    receipts = me.receipts()
    assert len(receipts) == 2
    for receipt in receipts:
        verify_receipt(receipt, public)
        assert who.value not in str(receipt)
        assert house.subject(who).hex() not in str(receipt)


def test_a_no_without_a_receipt_gets_one_when_it_is_said_again(house: House) -> None:
    """Entries of imports and restores have none, and may have no id: withdrawing again signs one and adds no entry."""
    who = house.guest()

    def carried_over(held: Held) -> Amendment[None]:
        book = LedgerBook(vault=house.vault.parts.vault, randomness=house.vault.parts.randomness)
        record = ConsentRecord(
            seq=1,
            purpose="marketing.email",
            status=ConsentStatus.WITHDRAWN,
            at=held.now,
            until=None,
            notice=None,
            notice_version=None,
            actor="customer",
        )
        held.working.set_facts(book.record(held.unit, held.subject, held.keys, held.facts, record))
        entry = house.rights.amendments.scribe.act(
            "restore", "done", {}, keys=held.keys, subject=held.subject
        )
        return Amendment(result=None, entry=entry)

    house.rights.amendments.amend(house.subject(who), carried_over)
    receipt = house.customer(who).withdraw("marketing.email")
    verify_receipt(receipt, house.vault.parts.keyring.signer().public)
    assert house.row("SELECT count(*) FROM consent WHERE subject = :s", s=house.subject(who))[0] == 1


def test_a_service_session_records_consent(house: House) -> None:
    """By look-up or pairwise id; by a look-up it may not use AccessDenied, which she sees."""
    who = house.guest(phone="+351210000003")
    shop = house.vault.service("web-shop")
    shop.consent(who, "surveys", source="form")
    assert status(house, who, "surveys") == "given"
    known = shop.fetch(who, purpose="stay", fields=["given_name"]).subject
    shop.consent(known, "surveys", given=False)
    assert status(house, who, "surveys") == "withdrawn"
    form = house.vault.service("newsletter-form")
    form.consent(who, "surveys", given=False)  # it enrols, and may write this look-up
    with pytest.raises(AccessDenied) as refused:
        form.consent(by(phone="+351210000003"), "surveys")
    assert refused.value.reasons == ("lookup_not_permitted",)
    assert refused.value.audit_id in {line.audit_id for line in house.customer(who).accesses()}


@pytest.mark.parametrize("given", [True, False])
def test_recording_a_consent_tells_no_service_who_exists(house: House, given: bool) -> None:
    """For somebody, whatever she said before, and for nobody: an audit id, and leaves alike in form and length."""
    shop = house.vault.service("web-shop")
    fresh, refused, restricted = house.guest(), house.guest(), house.guest()
    house.customer(refused).withdraw("surveys")
    house.customer(restricted).restrict()
    told: list[SubjectRef] = [fresh, refused, restricted, by(email="nobody@example.org"), "pw1_" + "F" * 43]
    ids = [shop.consent(who, "surveys", given=given, source="a form") for who in told]
    house.vault.parts.store.sequence()
    shapes = set()
    for audit_id in ids:
        row = house.vault.parts.store.log.find_entry(EntryId(bytes.fromhex(audit_id)))
        assert row is not None
        leaf = parse_leaf(row.leaf)
        shapes.add(
            (
                leaf.act,
                leaf.decision,
                leaf.purpose,
                leaf.service,
                leaf.n,
                leaf.classes,
                len(row.leaf),
                len(row.sealed),
            )
        )
    assert len(shapes) == 1


def test_a_customer_who_is_nobody_is_not_found(house: House) -> None:
    """No session for somebody who is not there."""
    with pytest.raises(NotFound):
        house.vault.customer(by(email="nobody@example.org"))


@contextmanager
def put_back(house: House, who: By) -> Iterator[None]:
    """After the body her facts are what they were before it, as whoever can write to the database may have them."""
    subject = house.subject(who)
    facts, rev = house.row("SELECT facts, facts_rev FROM subject WHERE subject = :s", s=subject)
    yield
    house.tamper(
        "UPDATE subject SET facts = :f, facts_rev = :r WHERE subject = :s", f=facts, r=rev, s=subject
    )


@pytest.mark.parametrize("ahead", [0, DAY])
def test_a_no_outlasts_its_yes_though_a_clock_was_set_back(house: House, ahead: int) -> None:
    """Said in the same moment, or when the clock was a day ahead at her yes: the row from before it permits nothing."""
    who = house.guest()
    me = house.customer(who)
    house.clock.stopped = house.clock() + ahead
    me.consent("marketing.email")
    assert house.mail(who) == who.value
    house.clock.stopped -= ahead
    with put_back(house, who):
        me.withdraw("marketing.email")
    with pytest.raises(AccessDenied):
        house.mail(who)


def test_a_yes_after_a_no_counts_though_a_clock_was_set_back(house: House) -> None:
    """Her no was said twice by a clock that was ahead: her yes after it is in force all the same."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    me.withdraw("marketing.email")
    house.clock.ahead = DAY
    me.withdraw("marketing.email")
    house.clock.ahead = 0
    me.consent("marketing.email")
    assert house.mail(who) == who.value


def test_no_service_undoes_a_no_that_stands_in_the_journal_alone(house: House) -> None:
    """A crash came between the journal and her row: to a service's yes it is a no like any other."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    house.vault.parts.journal.append(
        "withdraw", subject, purpose="marketing.email", at=Millis(house.clock() + 1)
    )
    house.clock.ahead = 1_000
    house.rights.collected.record(service(house, "web-shop"), subject, "marketing.email")
    assert status(house, who, "marketing.email") == "requested"
    with pytest.raises(AccessDenied):
        house.mail(who)
    me.consent("marketing.email")
    assert house.mail(who) == who.value


def test_a_no_said_again_waits_for_no_sound_ledger(house: House) -> None:
    """With a damaged ledger a no is taken as often as it is said, each with a receipt that verifies."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    house.tamper("UPDATE consent SET sealed = :b WHERE subject = :s", b=bytes(100), s=subject)
    for _ in range(3):
        verify_receipt(me.withdraw("marketing.email"), house.vault.parts.keyring.signer().public)
        with pytest.raises(AccessDenied):
            house.mail(who)
    with pytest.raises(IntegrityError):
        me.consents()
