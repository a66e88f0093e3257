"""What a service that collects a consent is told of it: how it stands, and a receipt.

Only where it may see the person at all, which is where one field of hers at least would be released to it now, for one
of its own purposes. Else, and of nobody, it hears `unknown` and None: whoever may record a consent could otherwise
record one and ask, and so learn who is a customer. Each look is logged, with the same statements and the same lengths.
Refuses (AccessDenied, logged) what the catalogue alone refuses, and to hand two services copies of a receipt that they
could join: each gets its own, under a pseudonym of its own, by the day.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from privet.audit.leaf import Act, Decision
from privet.consent.choices import DAY, Choices
from privet.consent.collected import ROOM, Collected
from privet.consent.ledger import LedgerEntry
from privet.consent.receipt import issue_receipt
from privet.crypto.envelope import SubjectKeys
from privet.crypto.framing import join
from privet.crypto.kdf import mac
from privet.decide.controls import ControlBox
from privet.decide.question import Asked, Circumstances
from privet.decide.verdict import Answers, Judge, Question, Undecided
from privet.domain.catalogue import Catalogue, Service, matches
from privet.domain.consent import ConsentStatus
from privet.domain.decision import Operation
from privet.domain.ids import NOBODY, EntryId, Millis, SubjectId
from privet.domain.ports import VaultState, WriteUnit
from privet.domain.subject import NOTHING_STANDS
from privet.errors import IntegrityError, NotFound, Unavailable
from privet.identify.current import check_current
from privet.intake.amendment import Amendments, Held

STATUS = Act.CONSENT_STATUS.value
RECEIPT = Act.CONSENT_RECEIPT.value
_TRIES = 8


class Told(NamedTuple):
    """The answer to one look. `receipt` is None where none is asked for, or none is told."""

    status: str
    receipt: dict[str, Any] | None
    audit_id: str


class Telling:
    """Answers services."""

    def __init__(
        self,
        *,
        amendments: Amendments,
        choices: Choices,
        collected: Collected,
        judge: Judge,
        controls: ControlBox,
    ) -> None:
        self._amendments = amendments
        self._choices = choices
        self._collected = collected
        self._judge = judge
        self._controls = controls
        self._signer = amendments.keyring.signer()

    @property
    def _catalogue(self) -> Catalogue:
        return self._amendments.catalogue

    def status(
        self, service: Service, subject: SubjectId | None, purpose: str, *, lookup: str = "", peer: str = ""
    ) -> Told:
        """How the consent stands. `subject` None: nobody was found. Raises AccessDenied, as Collected.record."""
        return self._tell(service, subject, purpose, STATUS, lookup, peer)

    def receipt(
        self, service: Service, subject: SubjectId | None, purpose: str, *, lookup: str = "", peer: str = ""
    ) -> Told:
        """A signed copy of the last entry, for this service. Raises AccessDenied, as Collected.record."""
        return self._tell(service, subject, purpose, RECEIPT, lookup, peer)

    def _tell(
        self, service: Service, subject: SubjectId | None, purpose: str, act: str, lookup: str, peer: str
    ) -> Told:
        self._collected.check(service, subject, purpose, lookup=lookup, peer=peer, act=act)
        answers = Answers()
        for turn in range(_TRIES):
            try:
                return self._amendments.insist(
                    lambda: self._look(service, subject, purpose, act, lookup, peer, answers)
                )
            except Undecided as undecided:  # a policy engine elsewhere: asked outside the unit of work
                answers.update(self._judge.ask(undecided.questions))
                answers.last = turn >= _TRIES // 2
        raise Unavailable("the policy engine keeps changing its mind; try again")

    def _look(
        self,
        service: Service,
        subject: SubjectId | None,
        purpose: str,
        act: str,
        lookup: str,
        peer: str,
        answers: Answers,
    ) -> Told:
        parts = self._amendments
        with parts.store.write() as unit:
            state = unit.state()
            check_current(self._catalogue, parts.keyring, state)
            held = self._hold(unit, state, subject)
            visible = self._is_visible(state, held, service, lookup, answers)
            status, last = ConsentStatus.UNKNOWN, None
            if held is not None and visible:
                status = held.status(purpose)
            if act == RECEIPT:
                last = self._last(unit, held, purpose)
            entry = parts.scribe.act(
                act,
                Decision.DONE,
                {"actor": f"service:{service.name}", "purpose": purpose, "told": visible, "peer": peer},
                keys=None if held is None else held.keys,
                subject=NOBODY if held is None else held.subject,
                purpose=purpose,
                service=service.name,
                size=ROOM + 2 * len(purpose) + len(service.name) + len(peer.encode()),
            )
            unit.append((entry,))
        receipt = None
        if held is not None and visible and last is not None:
            receipt = self._copy(held.keys, service, *last, entry.id)
        return Told(status.value, receipt, entry.id.hex())

    def _hold(self, unit: WriteUnit, state: VaultState, subject: SubjectId | None) -> Held | None:
        """She as she stands; None for nobody, the erased, and a row that does not open."""
        parts = self._amendments
        who = subject or NOBODY  # nobody is looked for too: the statements are the same
        row = unit.find_rows((who,)).get(who)
        parts.standing.refresh()
        stands = parts.standing.find(who) or NOTHING_STANDS
        if row is None or stands.erased:
            return None
        try:
            working = parts.sealer.load(row)
        except IntegrityError:
            return None
        return Held(unit, state, working, parts.clock(), stands)

    def _is_visible(
        self, state: VaultState, held: Held | None, service: Service, lookup: str, answers: Answers
    ) -> bool:
        """Policy is asked about nobody too: the answer to that is no, but takes as long."""
        paths = tuple(
            path
            for path in self._catalogue.fields
            if any(matches(pattern, path) for pattern in service.fields)
        )
        if not paths:
            return False
        questions = []
        for purpose in sorted(service.purposes):
            asked = Asked(service.name, Operation.FIND.value, purpose, paths, service.recipient, lookup)
            controls = self._controls.bearing_on(state, service.name, purpose)
            person = None if held is None else self._circumstances(held, purpose)
            questions.append(Question(asked, person, controls))
        return any(verdict.released for verdict in self._judge.judge(questions, answers))

    def _circumstances(self, held: Held, purpose: str) -> Circumstances:
        facts, by_number = held.facts, self._catalogue.field_by_number
        return Circumstances(
            consent=held.status(purpose).value,
            restricted=held.restricted,
            objected=tuple(sorted(held.objected & self._catalogue.ancestors[purpose])),
            minor=facts.minor_until is not None and held.now < facts.minor_until,
            relationship=facts.relationship,
            expired=tuple(
                sorted(
                    by_number[number].path
                    for number, until in facts.expires.items()
                    if held.now >= until and number in by_number
                )
            ),
        )

    def _last(self, unit: WriteUnit, held: Held | None, purpose: str) -> tuple[int, LedgerEntry] | None:
        """The newest entry on this purpose, and its number among those on it."""
        if held is None:
            unit.ledger(NOBODY)
            return None
        try:
            entries = self._choices.papers(held)[1]
        except (IntegrityError, NotFound):
            return None
        own = [entry for entry in entries if entry.record.purpose == purpose]
        return (len(own), own[-1]) if own else None

    def _copy(
        self, keys: SubjectKeys, service: Service, seq: int, entry: LedgerEntry, audit_id: EntryId
    ) -> dict[str, Any]:
        """The service's own copy: nothing in it is in another service's, or tells of her other choices."""
        record = entry.record
        day = Millis(record.at - record.at % DAY)
        until = None if record.until is None else Millis(record.until - record.until % DAY)
        key = keys.receipt_pseudonym.ljust(32, b"\0")  # mac takes keys of 32 bytes
        pseudonym = mac(key, join(b"service", service.name.encode()))[:16]
        return issue_receipt(
            self._catalogue,
            replace(record, seq=seq, at=day, until=until, audit_id=audit_id.hex()),
            pseudonym=pseudonym,
            signer=self._signer,
        )
