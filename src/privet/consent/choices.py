"""A subject's choices about purposes: give, refuse, withdraw, and how they stand.

Each is one ledger entry, folded into her sealed facts, and one log entry, in one unit: when a call returns, no read
that starts later, in any process, sees the old state. A no is in the control journal before it is acknowledged.
Refuses purposes the catalogue does not know, and consent to prohibited ones. What services record is in collected.py.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from privet.audit.leaf import Act, Decision
from privet.consent.ledger import LedgerBook, LedgerEntry, Receipt
from privet.consent.receipt import issue_receipt
from privet.consent.transitions import Wish, get_consentable, get_known, needs_explicit, next_status
from privet.domain.answer import Consent
from privet.domain.catalogue import LegalBasis, Purpose
from privet.domain.consent import ConsentRecord, ConsentStatus, FoldedConsent
from privet.domain.ids import Millis, SubjectId, from_millis
from privet.domain.subject import Facts
from privet.errors import IntegrityError, InvalidInput
from privet.intake.amendment import Amendment, Amendments, Held, Standing
from privet.intake.once import Remembered

DAY = 86_400_000
CUSTOMER = "customer"
STEWARD = "steward"


class Chosen(NamedTuple):
    """What a choice came to. `changed` is False where it already stood so; then the receipt is the earlier one."""

    record: ConsentRecord
    receipt: Receipt
    audit_id: str
    changed: bool


class Choices:
    """Records choices of one vault's subjects."""

    def __init__(self, *, amendments: Amendments) -> None:
        self._amendments = amendments
        self._catalogue = amendments.catalogue
        self._book = LedgerBook(vault=amendments.vault, randomness=amendments.randomness)
        self._signer = amendments.keyring.signer()

    def give(
        self,
        subject: SubjectId,
        purpose: str,
        *,
        actor: str = CUSTOMER,
        source: str | None = None,
        notice_version: str | None = None,
    ) -> Chosen:
        """She says yes: given, or renewed where a consent stood. `notice_version`: of the text she saw.

        Raises InvalidInput for an unknown or prohibited purpose, Conflict when the notice is not the current one any
        more (show her the new text), NotFound when she is not there.
        """
        found = get_consentable(self._catalogue, purpose)
        if notice_version is not None and notice_version != self._notice_version(found):
            raise Standing(
                f"{purpose}: the notice has changed since it was shown; show the new text and ask again"
            )
        return self.record(subject, found, Wish.GIVE, actor=actor, by_subject=True, source=source)

    def decline(
        self, subject: SubjectId, purpose: str, *, actor: str = CUSTOMER, source: str | None = None
    ) -> Chosen:
        """She says no: withdrawn after a yes, refused where there was none. Again changes nothing, and is no error.

        Raises InvalidInput for an unknown purpose (a prohibited one is no error), NotFound when she is not there.
        """
        found = get_known(self._catalogue, purpose)
        return self.record(subject, found, Wish.DECLINE, actor=actor, by_subject=True, source=source)

    def state(self, subject: SubjectId, *, actor: str = CUSTOMER) -> tuple[Consent, ...]:
        """Every purpose that needs consent, or that she has spoken on, as it stands now. Logged.

        Raises IntegrityError when ledger and facts tell different stories.
        """

        def look(held: Held) -> Amendment[tuple[Consent, ...]]:
            self._entries(held)
            return self._looked(held, self._standing(held), "consents", actor)

        return self._amendments.amend(subject, look)

    def _standing(self, held: Held) -> tuple[Consent, ...]:
        found = []
        for name, purpose in sorted(self._catalogue.purposes.items()):
            folded = held.facts.consents.get(name)
            if folded is not None:
                found.append(
                    Consent(
                        purpose=name,
                        status=held.status(name).value,
                        at=from_millis(folded.at),
                        until=None if folded.until is None else from_millis(folded.until),
                        notice_version=folded.notice_version,
                    )
                )
            elif purpose.basis is LegalBasis.CONSENT or needs_explicit(self._catalogue, name):
                found.append(
                    Consent(purpose=name, status="unknown", at=None, until=None, notice_version=None)
                )
        return tuple(found)

    def papers(self, held: Held) -> tuple[tuple[Consent, ...], tuple[LedgerEntry, ...]]:
        """Standing consents and the whole ledger, within a unit of another act (an export), which logs it."""
        return self._standing(held), self._entries(held)

    def ledger(self, subject: SubjectId, *, actor: str = CUSTOMER) -> tuple[LedgerEntry, ...]:
        """The whole ledger, oldest first, with the receipts that were issued. Logged."""

        def look(held: Held) -> Amendment[tuple[LedgerEntry, ...]]:
            return self._looked(held, self._entries(held), "consent ledger", actor)

        return self._amendments.amend(subject, look)

    def _looked(self, held: Held, result: Any, what: str, actor: str) -> Amendment[Any]:
        entry = self._amendments.scribe.act(
            Act.ACCESS,
            Decision.DONE,
            {"actor": actor, "what": what},
            keys=held.keys,
            subject=held.subject,
        )
        return Amendment(result=result, entry=entry)

    def _entries(self, held: Held) -> tuple[LedgerEntry, ...]:
        return self._book.entries(held.unit, held.subject, held.keys, held.facts, held.facts_rev)

    def record(
        self,
        subject: SubjectId,
        purpose: Purpose,
        wish: Wish,
        *,
        actor: str,
        by_subject: bool,
        source: str | None,
        service: str | None = None,
        size: int | None = None,
        peer: str = "",
        once: Remembered | None = None,
    ) -> Chosen:
        """One choice, whoever recorded it. `by_subject` False: no yes of it lifts a no of hers. `size`: of the log
        entry's private part, where its length must tell nothing. `once`: an idempotency key; DoneBefore when it was
        used already. Raises InvalidInput for too long a source, NotFound.
        """
        if source is not None and len(source) > 500:
            raise InvalidInput("the source of a consent has at most 500 characters", field="source")
        change = self._change(purpose, wish, actor, by_subject, source, service, size, peer)
        if once is None:
            return self._amendments.amend(subject, change)

        def change_once(held: Held) -> Amendment[Chosen]:
            once.check(held.unit)
            made = change(held)
            once.keep(held.unit, made.entry.id)
            return made

        return self._amendments.amend(subject, change_once)

    def _change(
        self,
        purpose: Purpose,
        wish: Wish,
        actor: str,
        by_subject: bool,
        source: str | None,
        service: str | None,
        size: int | None,
        peer: str,
    ) -> Callable[[Held], Amendment[Chosen]]:
        def change(held: Held) -> Amendment[Chosen]:
            # A yes needs a sound ledger. A no does not wait for one: whoever harms it must not keep a consent in force.
            if wish is not Wish.DECLINE:
                self._entries(held)
            facts = self._past_the_ledger(held) if wish is Wish.DECLINE else held.facts
            standing = facts.consents.get(purpose.name)
            current = ConsentStatus.UNKNOWN if standing is None else standing.status_at(held.now)
            if wish is not Wish.DECLINE and standing is not None:
                current = held.status(purpose.name)  # a no that only the journal has is hers to lift, too
            status = next_status(current, wish, by_subject=by_subject)
            private: dict[str, Any] = {
                "actor": actor,
                "purpose": purpose.name,
                "status": (status or current).value,
                "notice_version": self._notice_version(purpose),
                "changed": status is not None,
            }
            if source is not None:
                private["source"] = source
            if peer:
                private["peer"] = peer
            entry = self._amendments.scribe.act(
                Act.WITHDRAW if wish is Wish.DECLINE else Act.CONSENT,
                Decision.DONE,
                private,
                keys=held.keys,
                subject=held.subject,
                purpose=purpose.name,
                service=service,
                size=size,
            )
            journal = (("withdraw", purpose.name),) if wish is Wish.DECLINE else ()
            if status is None:
                last = self._last(held, facts, purpose, wish, actor)
                # an imported entry, or one from a restore, came without a receipt, perhaps without an id
                receipt = last.receipt or self._receipt(
                    held, replace(last.record, audit_id=last.record.audit_id or entry.id.hex())
                )
                chosen = Chosen(last.record, receipt, entry.id.hex(), False)
                return Amendment(result=chosen, entry=entry, journal=journal)
            at = self._moment(held, standing, purpose, wish)
            record = ConsentRecord(
                seq=facts.ledger + 1,
                purpose=purpose.name,
                status=status,
                at=at,
                until=self._until(purpose, status, at),
                notice=purpose.notice,
                notice_version=self._notice_version(purpose),
                actor=actor,
                source=source,
                audit_id=entry.id.hex(),
            )
            receipt = self._receipt(held, record)
            held.working.set_facts(
                self._book.record(held.unit, held.subject, held.keys, facts, record, receipt)
            )
            chosen = Chosen(record, receipt, record.audit_id, True)
            return Amendment(result=chosen, entry=entry, journal=journal, at=at)

        return change

    def _moment(self, held: Held, standing: FoldedConsent | None, purpose: Purpose, wish: Wish) -> Millis:
        """Now; but never before the word it follows, though a clock was set back, and for a no after it: rows that are
        put back are held against the journal by these times."""
        said = 0 if standing is None else standing.at + (1 if wish is Wish.DECLINE else 0)
        return Millis(max(held.now, said, held.stands.withdrawn.get(purpose.name, 0)))

    def _last(self, held: Held, facts: Facts, purpose: Purpose, wish: Wish, actor: str) -> LedgerEntry:
        """The entry that stands. A no that is said again waits for no sound ledger either: then it is as her facts
        have it."""
        try:
            entries = self._entries(held)
        except IntegrityError:
            if wish is not Wish.DECLINE:
                raise
            said = facts.consents[purpose.name]
            record = ConsentRecord(
                seq=max(1, facts.ledger),
                purpose=purpose.name,
                status=said.status,
                at=said.at,
                until=said.until,
                notice=purpose.notice,
                notice_version=said.notice_version,
                actor=actor,
            )
            return LedgerEntry(record, None)
        return next(e for e in reversed(entries) if e.record.purpose == purpose.name)

    def _past_the_ledger(self, held: Held) -> Facts:
        """Her facts, counting entries that the ledger has beyond them: facts put back to an earlier state must not
        keep her from saying no again."""
        taken = {row.seq for row in held.unit.ledger(held.subject)}
        last = held.facts.ledger
        while last + 1 in taken:
            last += 1
        return replace(held.facts, ledger=last)

    def _receipt(self, held: Held, record: ConsentRecord) -> Receipt:
        return issue_receipt(
            self._catalogue, record, pseudonym=held.keys.receipt_pseudonym, signer=self._signer
        )

    def _until(self, purpose: Purpose, status: ConsentStatus, now: Millis) -> Millis | None:
        if purpose.consent_days is None or not status.permits:
            return None
        return Millis(now + purpose.consent_days * DAY)

    def _notice_version(self, purpose: Purpose) -> str | None:
        return None if purpose.notice is None else self._catalogue.notices[purpose.notice].version
