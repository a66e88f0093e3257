"""The way of a write, start here: identify, decide, seal, store, audit, in one unit of work.

A batch of writes sees its own earlier writes. Refuses, whole, a write of which any field is not permitted; one about
nobody by a service that does not enrol; a unique look-up value that another has; and a service's change of what is held
of somebody who has processing restricted. Consent is not asked: storing is not using.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import sleep

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.config.values import Value, parse_json
from privet.crypto.fields import contexts_of
from privet.crypto.keyring import Keyring
from privet.crypto.revision import Revisions
from privet.decide.verdict import NO_ANSWERS, Answers, Undecided
from privet.domain.catalogue import Catalogue, Field
from privet.domain.coarse import coarse_day, instant
from privet.domain.ids import NOBODY, PROFILE_RECORD, SubjectId
from privet.domain.ports import Clock, EntryRow, Randomness, Standing, Store, VaultState, WriteUnit
from privet.domain.request import By, SubjectRef
from privet.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    PreconditionFailed,
    PrivetError,
    StoreGone,
    Unavailable,
)
from privet.identify.current import check_current
from privet.identify.resolver import Resolver
from privet.intake.deciding import WriteDecider
from privet.intake.indexing import Indexing, LookupTaken
from privet.intake.once import Once
from privet.intake.request import WriteRequest, Written
from privet.intake.working import Sealer, Working, with_expiry, write_hash

_TRIES = 12
_PAUSE_S = 0.02


@dataclass(kw_only=True, slots=True)
class Batch:
    """One unit of work under way: subjects already opened, and entries to append at its end."""

    unit: WriteUnit
    state: VaultState
    answers: Answers = field(default_factory=Answers)
    working: dict[SubjectId, Working] = field(default_factory=dict)
    entries: list[EntryRow] = field(default_factory=list)
    named: dict[tuple[str | None, SubjectRef], SubjectId | None] = field(default_factory=dict)
    """Who was meant by a reference, as far as this batch has asked; forgotten when a look-up value changes."""


class Intake:
    """Stores what writers may store."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        keyring: Keyring,
        resolver: Resolver,
        decider: WriteDecider,
        scribe: Scribe,
        sealer: Sealer,
        indexing: Indexing,
        once: Once,
        revisions: Revisions,
        standing: Standing,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._keyring = keyring
        self._resolver = resolver
        self._decider = decider
        self._scribe = scribe
        self._sealer = sealer
        self._indexing = indexing
        self._once = once
        self._revisions = revisions
        self._standing = standing
        self._clock = clock
        self._randomness = randomness
        self._collection_by_name = catalogue.collections

    def write(self, request: WriteRequest) -> Written:
        """One write, durable when this returns. Tried again when another writer was faster.

        A request with an idempotency key that was done before is not done again: its first entry is the answer.
        Raises AccessDenied (logged), InvalidInput (KeyReused), PreconditionFailed, LookupTaken, Unavailable.
        """
        answers = Answers()
        remembered = self._once.write(request)
        for turn in range(_TRIES):
            try:
                with self._store.write() as unit:
                    unit.expect(lambda: self._resolver.expected([(request.service, request.subject)]))
                    batch = self.begin(unit, answers)
                    if remembered is not None and (done := remembered.find(unit)) is not None:
                        return Written(done, NOBODY, created=False)
                    outcome = self.apply(batch, request)
                    if remembered is not None and isinstance(outcome, Written):
                        remembered.keep(unit, outcome.entry)
                    self.finish(batch)
            except PreconditionFailed:
                raise
            except Conflict:
                sleep(random.uniform(0, _PAUSE_S * turn))  # noqa: S311  so that those who race do not race again in step
                continue
            except StoreGone as gone:
                if turn or not gone.undone:
                    raise
                continue
            except Undecided as undecided:
                answers.update(self._decider.ask(undecided.questions))
                answers.last = turn >= _TRIES // 2
                continue
            if isinstance(outcome, PrivetError):
                raise outcome
            return outcome
        raise Unavailable("other writers keep changing this person's data; try again")

    def expect(self, unit: WriteUnit, requests: Sequence[WriteRequest]) -> None:
        """Before `begin`: tells the store all look-up values that a batch will look for, so that it asks once."""

        def wanted() -> tuple[Sequence[SubjectId], Sequence[bytes]]:
            who = [(r.service, r.subject) for r in requests if isinstance(r.subject, By)]
            values = [
                (who.service, By(path, str(value)))
                for who in requests
                for path, value in who.values.items()
                if value is not None and self._catalogue.every_field[path].lookup is not None
            ]
            indexes = [self._resolver.expected([one])[1] for one in dict.fromkeys([*who, *values])]
            return (), [index for some in indexes for index in some]

        unit.expect(wanted)

    def begin(self, unit: WriteUnit, answers: Answers = NO_ANSWERS) -> Batch:
        """Starts a batch within a unit of work; `answers` are those of policy asked beforehand.

        Raises Unavailable when the vault moved on under this process.
        """
        state = unit.state()
        check_current(self._catalogue, self._keyring, state)
        self._standing.refresh()
        return Batch(unit=unit, state=state, answers=answers)

    def finish(self, batch: Batch) -> None:
        """Appends the batch's entries. They and the writes are durable once the unit is."""
        if batch.entries:
            batch.unit.append(batch.entries)
            batch.entries = []

    def apply(self, batch: Batch, request: WriteRequest) -> Written | PrivetError:
        """The outcome of one write; a refused one changes nothing but the log. Raises Conflict: undo the unit."""
        try:
            return self._apply(batch, request)
        except (LookupTaken, PreconditionFailed) as known:
            return known
        except Conflict:
            raise
        except Unavailable:
            raise
        except PrivetError as refused:
            return refused

    def _apply(self, batch: Batch, request: WriteRequest) -> Written:
        damage = None
        try:
            working = self.find(batch, request)
        except IntegrityError as damaged:
            # As in a read: who may not know hears what is said about nobody.
            working, damage = None, damaged
        permitted = self._decider.decide(
            batch.state,
            request,
            working,
            batch.answers,
            barred=lambda: self._is_barred(batch, working, request),
        )
        if permitted.refusal is not None:
            denial, entry = permitted.refusal
            batch.entries.append(entry)
            raise denial
        if damage is not None:
            raise damage  # who may enrol: never a second row for somebody whose own does not open
        created = working is None
        if request.if_revision is not None:
            self._verify_unchanged(request, request.if_revision, working)
        if working is None:
            working, request = self._enrol(request)
        if request.collection is None:
            sealed = self._put(batch, working, request)
            new_record = False
        else:
            sealed, new_record = self._record(batch, working, request)
        batch.working[working.subject] = working
        if created:
            batch.named = {(request.service, request.subject): working.subject}
        entry = self._scribe.act(
            self._act(request),
            Decision.DONE if request.service is None else Decision.PERMIT,
            {**permitted.private, "fields": sorted(request.values), "facts": self._facts_rev(working)},
            keys=working.keys,
            subject=working.subject,
            purpose=request.purpose,
            basis=self._basis(request.purpose),
            service=request.service,
            classes=[self._catalogue.every_field[path].category for path in request.values],
            count=len(request.values),
            written=write_hash(sealed),
        )
        batch.entries.append(entry)
        return Written(entry.id, working.subject, created, new_record)

    def _is_barred(self, batch: Batch, working: Working | None, request: WriteRequest) -> bool:
        """Whether she has restricted processing, and a service would change what is held (GDPR art. 18(2)).

        A new record is stored: that is what restriction leaves. Every put counts as a change, whatever is held, so that
        its answer tells neither which fields are nor what is in them.
        """
        if request.service is None:
            return False
        stands = None if working is None else self._standing.find(working.subject)
        restricted = (working is not None and working.facts.restricted) or (
            stands is not None and stands.restricted
        )
        if request.collection is None or (working is not None and not restricted):
            return restricted
        number = self._collection_by_name[request.collection].number
        if working is None:
            batch.unit.find_record(
                NOBODY, number, PROFILE_RECORD
            )  # the statements are the same whoever is here
            return False
        record = working.keys.record_id(number, request.key)
        return batch.unit.find_record(working.subject, number, record) is not None

    def _verify_unchanged(self, request: WriteRequest, revision: str, working: Working | None) -> None:
        covered = self._revisions.covered(revision)
        assert request.service is not None
        if working is None:
            raise PreconditionFailed("there is no revision of somebody new; write without one")
        contexts = contexts_of(working.entries.values(), covered)
        self._revisions.verify(revision, request.service, working.subject, contexts, covered)

    def find(self, batch: Batch, request: WriteRequest) -> Working | None:
        """The subject of a write, opened; None for nobody.

        Raises IntegrityError when her row does not open, or does not hold the value by which she was named.
        """
        name = (request.service, request.subject)
        if name in batch.named:
            subject = batch.named[name]
            if subject is None:
                return None
        else:
            subject = self._resolver.subjects(batch.unit, batch.state.epochs, [name])[0]
            batch.named[name] = subject
        if subject is None:
            if request.service is not None:
                # the statements are the same whoever is, or is not, here; the steward may know
                batch.unit.find_rows([NOBODY])
            return None
        if subject not in batch.working:
            row = batch.unit.find_rows([subject]).get(subject)
            if row is None:
                return None
            stands = self._standing.find(subject)
            if stands is not None and stands.erased:
                raise IntegrityError(
                    "the row of an erased person was put back; the next key rotation removes it"
                )
            batch.working[subject] = self._sealer.load(row)
        working = batch.working[subject]
        if isinstance(request.subject, By) and working.row is not None:
            self._resolver.lookups.verify_held(working.keys, working.row, request.subject)
        return working

    def holds_record(self, batch: Batch, working: Working, request: WriteRequest) -> bool:
        """Whether the record that a request would write is stored already, word for word."""
        assert request.collection is not None
        collection = self._collection_by_name[request.collection]
        record = working.keys.record_id(collection.number, request.key)
        stored = batch.unit.find_record(working.subject, collection.number, record)
        return stored is not None and self._sealer.holds_record(working, stored, self._values(request))

    def _enrol(self, request: WriteRequest) -> tuple[Working, WriteRequest]:
        """A new subject; the look-up value by which she was named becomes part of her profile."""
        who = request.subject
        assert isinstance(who, By)  # the decider enrols nobody by a pairwise id
        drawn = bytearray(self._randomness(16))
        drawn[6] = drawn[6] & 0x0F | 0x40
        drawn[8] = drawn[8] & 0x3F | 0x80
        working = self._sealer.new(SubjectId(bytes(drawn)))
        held = self._resolver.lookups.field(who.field)
        given = request.values.get(held.path)
        lookups = self._resolver.lookups
        if given is None:
            values = {**request.values, held.path: parse_json(held.type, who.value, where=held.path)}
            return working, request._replace(values=values)
        if lookups.inner(held, str(given)) != lookups.inner(held, who.value):
            raise InvalidInput(
                f"{held.path}: differs from the value by which the new person was named", field=held.path
            )
        return working, request

    def _put(self, batch: Batch, working: Working, request: WriteRequest) -> list[bytes]:
        changes = [(self._catalogue.fields[path], value) for path, value in request.values.items()]
        may_know = None if request.service is None else self._catalogue.services[request.service].find
        planned = self._indexing.plan(batch.unit, batch.state.epochs, working, changes, may_know=may_know)
        now = self._clock()
        sealed = []
        facts = working.facts
        for held, value in changes:
            sealed.append(self._sealer.set_value(working, held, value))
            facts = with_expiry(facts, held, value, now)
        working.set_facts(facts)
        if working.row is None:
            # the row must exist before its index rows name it
            self._indexing.seal(working, planned)
            self._sealer.store(batch.unit, working, batch.state.epoch)
            self._indexing.insert(batch.unit, planned)
        else:
            if planned:
                batch.named = {}
            self._indexing.apply(batch.unit, working, planned)
            self._sealer.store(batch.unit, working, batch.state.epoch)
        return sealed

    def _record(self, batch: Batch, working: Working, request: WriteRequest) -> tuple[list[bytes], bool]:
        assert request.collection is not None
        collection = self._collection_by_name[request.collection]
        record = working.keys.record_id(collection.number, request.key)
        stored = batch.unit.find_record(working.subject, collection.number, record)
        values = self._values(request)
        time = request.values[collection.fields[collection.time].path]
        row = self._sealer.seal_record(
            working,
            collection.number,
            record,
            coarse_day(collection.coarse_time, instant(time)),  # type: ignore[arg-type]  # check_record saw to its type
            1 if stored is None else stored.revision + 1,
            values,
        )
        return [row.fields], batch.unit.upsert_record(row)

    def _values(self, request: WriteRequest) -> list[tuple[Field, Value]]:
        fields = self._catalogue.every_field
        return [(fields[path], value) for path, value in request.values.items() if value is not None]

    def _act(self, request: WriteRequest) -> str:
        if request.service is None:
            return Act.IMPORT.value
        return Act.PUT.value if request.collection is None else Act.RECORD.value

    def _basis(self, name: str) -> str | None:
        purpose = self._catalogue.purposes.get(name)
        return str(purpose.basis) if purpose is not None and purpose.basis is not None else None

    def _facts_rev(self, working: Working) -> int:
        return working.row.facts_rev if working.row is not None else 0
