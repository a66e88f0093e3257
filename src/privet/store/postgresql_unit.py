"""A unit of work on PostgreSQL, READ COMMITTED: few round trips, since each costs more than most statements.

BEGIN goes with the first statement; what `expect` announced is loaded with it. Writes wait until something is read, or
the unit ends, and go together; a lost compare-and-swap then undoes all of it. Log entries go to this worker's outbox
in one trip with COMMIT. A connection found dead by the first trip is replaced and the unit begun anew: nothing but
BEGIN, reads and uncommitted writes was sent. Refuses to acknowledge a commit whose outcome is unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import SQLAlchemyError

from privet.domain.ids import SubjectId
from privet.domain.ports import (
    EntryRow,
    IndexRow,
    LedgerRow,
    RecordRow,
    SubjectRow,
    VaultState,
    WriteUnit,
)
from privet.errors import Conflict, PrivetError, StoreGone
from privet.store import postgresql_statements as p
from privet.store import statements as s
from privet.store.faults import GONE, explain, sqlstate
from privet.store.outbox import Outbox
from privet.store.pool import Link, Pool
from privet.store.prepared import Prepared
from privet.store.unit import Unit
from privet.store.wire import BEGIN, COMMIT, Answer, Call

Check = Callable[[Answer], None]
_LOST_SWAP = "the stored state changed meanwhile"
_UNASKED, _MUST_BE_OPEN, _MUST_LIVE = "?", "must be open", "must live"


class PostgresqlUnit(Unit):
    """`entries` are what the unit appends; `PostgresqlWriting` writes them last, since they wait for a lock."""

    statements = p.CORE

    def __init__(self, pool: Pool, opening: Sequence[Call] = ()) -> None:
        self._pool = pool
        self.link: Link = pool.take()
        super().__init__(self.link.connection)
        self._opening = [BEGIN, *opening]
        self._begun = False
        self._waiting: list[tuple[Call, Check | None]] = []
        self._expected: list[Call] = []
        self._rows_ahead: tuple[frozenset[bytes], dict[bytes, tuple[Any, ...]]] | None = None
        self._lookups_ahead: dict[bytes, tuple[SubjectId, ...]] = {}
        self.entries: list[EntryRow] = []

    # Reading.

    def expect(self, wanted: Callable[[], tuple[Sequence[SubjectId], Sequence[bytes]]]) -> None:
        subjects, indexes = wanted()
        self._expected = [
            *([_rows_call(subjects)] if subjects else ()),
            *([_lookups_call(indexes)] if indexes else ()),
        ]

    def state(self) -> VaultState:
        expected, self._expected = self._expected, []
        first, *rest = self._trip([Call(p.STATE), *expected])
        for call, answer in zip(expected, rest, strict=True):
            asked = call.values[0] if isinstance(call.values[0], list) else [call.values[0]]
            if call.statement in (p.ROW, p.ROWS):
                self._rows_ahead = (frozenset(asked), {row[0]: row for row in answer.rows})
            else:
                self._lookups_ahead = dict.fromkeys(asked, ())
                _fold(self._lookups_ahead, answer)
        return self._state(first.rows[0] if first.rows else None)

    def find_subjects(self, indexes: Sequence[bytes]) -> Mapping[bytes, tuple[SubjectId, ...]]:
        # Whether rows were loaded ahead must not depend on who was found.
        self._rows_ahead = None
        ahead = self._lookups_ahead
        found: dict[bytes, tuple[SubjectId, ...]] = {}
        if all(index in ahead for index in indexes):
            found = {index: ahead[index] for index in indexes if ahead[index]}
        elif indexes:
            _fold(found, self._trip([_lookups_call(indexes)])[0])
        return found

    def find_rows(self, subjects: Sequence[SubjectId]) -> Mapping[SubjectId, SubjectRow]:
        make = SubjectRow._make
        ahead = self._rows_ahead
        if ahead is not None and ahead[0].issuperset(subjects):
            return {subject: make(ahead[1][subject]) for subject in subjects if subject in ahead[1]}
        if not subjects:
            return {}
        return {row[0]: make(row) for row in self._trip([_rows_call(subjects)])[0].rows}

    # Writing. Whatever is loaded after a write is loaded anew.

    def insert_subject(self, row: SubjectRow) -> None:
        self._hold_epoch(row.epoch)
        self._later(Call(p.INSERT_SUBJECT, row), self._one("the subject is there already"))

    def swap_keys(self, subject: SubjectId, rev: int, epoch: int, keys: bytes) -> None:
        self._hold_epoch(epoch)
        self._later(Call(p.SWAP_KEYS, (subject, rev, keys, epoch)), self._one(_LOST_SWAP))

    def swap_facts(self, subject: SubjectId, rev: int, facts: bytes) -> None:
        self._later(Call(p.SWAP_FACTS, (subject, rev, facts)), self._one(_LOST_SWAP))

    def swap_fields(self, subject: SubjectId, rev: int, fields: bytes) -> None:
        self._later(Call(p.SWAP_FIELDS, (subject, rev, fields)), self._one(_LOST_SWAP))

    def insert_indexes(self, rows: Sequence[IndexRow], *, unique: bool) -> None:
        if not rows:
            return
        for epoch in sorted({row.epoch for row in rows}):
            self._hold_epoch(epoch, creating=False)
        for row in rows:
            slot = b"" if unique else row.subject
            self._later(Call(p.INSERT_LOOKUP, (row.value, slot, row.subject, row.field, row.epoch)))
            held = self._lookups_ahead.get(row.value)
            if held is not None and row.subject not in held:
                self._lookups_ahead[row.value] = (*held, row.subject)
        if unique:
            ours = {(row.value, row.subject) for row in rows}

            def check(answer: Answer) -> None:
                if any(holder not in ours for holder in answer.rows):
                    raise self._spoil("another subject has this look-up value")

            self._later(_lookups_call([row.value for row in rows]), check)

    def delete_indexes(self, rows: Sequence[tuple[bytes, SubjectId]]) -> None:
        super().delete_indexes(rows)
        self._lookups_ahead = {}

    def delete_epoch_indexes(self, epoch: int) -> int:
        self._lookups_ahead = {}
        return super().delete_epoch_indexes(epoch)

    def upsert_record(self, row: RecordRow) -> bool:
        """Holds the subject's row against erasure; puts to her profile go on."""
        kept, inserted = self._trip([Call(p.KEEP_SUBJECT, (row.subject,)), Call(p.INSERT_RECORD, row)])
        if not kept.rows:
            raise self._spoil("the subject is not there any more")
        return bool(inserted.touched) or super().upsert_record(row)

    def append_ledger(self, row: LedgerRow) -> None:
        self._later(Call(p.INSERT_CONSENT, row), self._one("the consent ledger has this entry already"))

    def append(self, entries: Sequence[EntryRow]) -> None:
        self.entries.extend(entries)

    def erase_subject(self, subject: SubjectId, tag: bytes) -> None:
        self._lookups_ahead = {}
        super().erase_subject(subject, tag)

    # Inside.

    def settle(self) -> None:
        """Sends what waits, and what of it is a lost race raises Conflict."""
        if self._waiting or not self._begun:
            self._trip(())

    def call(self, *calls: Call) -> list[Answer]:
        """In this transaction, in one trip with what waits."""
        return self._trip(calls)

    def _clear_tag(self, tag: bytes) -> None:
        """With the head locked no sequencer is under way; what it takes later, it finds among the erased."""
        self._run(s.LOCK_HEAD)
        self._run(self.statements.insert_erased, {"tag": tag})
        self._run(s.CLEAR_ENTRIES, {"tagged": tag})
        self._run(s.CLEAR_OUTBOX, {"tagged": tag})

    def _check_epoch(self, epoch: int, *, creating: bool = True) -> None:
        self._hold_epoch(epoch, creating=creating)
        self.settle()

    def _hold_epoch(self, epoch: int, *, creating: bool = True) -> None:
        """Locks the epoch's row until the unit ends; that it is open is checked when the answer comes."""
        held = self._held_epochs.get(epoch, _UNASKED)
        if held == _MUST_BE_OPEN or (held == _MUST_LIVE and not creating):
            return
        if held not in (_UNASKED, _MUST_LIVE):
            super()._check_epoch(epoch, creating=creating)
            return

        def check(answer: Answer) -> None:
            self._held_epochs[epoch] = answer.rows[0][0] if answer.rows else None
            super(PostgresqlUnit, self)._check_epoch(epoch, creating=creating)

        self._held_epochs[epoch] = _MUST_BE_OPEN if creating else _MUST_LIVE
        self._later(Call(p.HOLD_EPOCH, (epoch,)), check)

    def _later(self, call: Call, check: Check | None = None) -> None:
        self._rows_ahead = None
        self._waiting.append((call, check))

    def _one(self, otherwise: str) -> Check:
        def check(answer: Answer) -> None:
            if answer.touched != 1:
                raise self._spoil(otherwise)

        return check

    def _trip(self, calls: Sequence[Call]) -> list[Answer]:
        """The answers to `calls`, with what must go before them."""
        waiting, self._waiting = self._waiting, []
        opening = [] if self._begun else self._opening
        sent = [*opening, *(call for call, _ in waiting), *calls]
        try:
            answers = self._send(sent)
        except (psycopg.Error, PrivetError) as error:
            raise self._fail(error) from None
        for (_, check), answer in zip(waiting, answers[len(opening) :], strict=False):
            if check is not None:
                check(answer)
        return answers[len(opening) + len(waiting) :]

    def _send(self, calls: Sequence[Call]) -> list[Answer]:
        answers = self.link.wire.trip(calls) if self._begun else find_answers(self.link, calls)
        if answers is None:
            self.link = self._pool.replace(self.link)
            self._connection = self.link.connection
            answers = self.link.wire.trip(calls)
        self._begun = True
        return answers

    def _run(
        self, statement: Executable | Prepared, parameters: Any = None
    ) -> CursorResult[*tuple[Any, ...]]:
        if statement is s.LOCK_SUBJECT or not getattr(statement, "is_select", False):
            self._rows_ahead = None
        self.settle()
        return super()._run(statement, parameters)


class PostgresqlWriting:
    """`Store.write()`: begins, and ends in exactly one of committed, undone, or unknown (then a new stream starts)."""

    def __init__(self, pool: Pool, outbox: Outbox, opening: Sequence[Call] = ()) -> None:
        self._pool = pool
        self._outbox = outbox
        self._opening = opening

    def __enter__(self) -> WriteUnit:
        self._unit = PostgresqlUnit(self._pool, self._opening)
        return self._unit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unit = self._unit
        try:
            if error is None and not unit.spoiled:
                unit.settle()
            if error is None and unit.spoiled:
                raise Conflict("something in this transaction failed, so all of it was undone")
            if error is None:
                self._commit(unit, unit.entries)
        except (SQLAlchemyError, psycopg.Error) as failure:
            raise explain(failure) from None
        finally:
            self._pool.give_back(unit.link)

    def _commit(self, unit: PostgresqlUnit, entries: Sequence[EntryRow]) -> None:
        wire = unit.link.wire
        wire.warned = False
        if not entries:
            try:
                verify_committed(wire.trip([COMMIT]), warned=wire.warned)
            except psycopg.Error as error:
                if was_undone(error):
                    raise
                raise StoreGone(GONE, undone=False) from None
            return
        outbox = self._outbox
        outbox.hold()
        committed = undone = False
        try:
            answers = wire.trip([*outbox.calls(entries), COMMIT])
            verify_committed(answers, warned=wire.warned)
            committed = True
        except BaseException as error:
            undone = was_undone(error)
            if isinstance(error, psycopg.Error) and not undone:
                raise StoreGone(GONE, undone=False) from None
            raise
        finally:
            if committed or undone:
                outbox.settle(committed=committed)
            else:
                outbox.abandon()


def find_answers(link: Link, calls: Sequence[Call]) -> list[Answer] | None:
    """Of the first trip of a transaction; None when the connection was found dead: then all of it may be sent anew."""
    try:
        return link.wire.trip(calls)
    except psycopg.OperationalError:
        if not link.wire.is_lost:
            raise
    return None


def verify_committed(answers: Sequence[Answer], *, warned: bool) -> None:
    """Raises unless the server said COMMIT, and nothing more.

    It says ROLLBACK when the transaction had failed, and COMMIT with a warning when it no longer waited for the
    replica that must have the commit.
    """
    if answers[-1].said != b"COMMIT":
        raise Conflict("something in this transaction failed, so all of it was undone")
    if warned:
        raise StoreGone("the database server committed without its replica; try again", undone=False)


def was_undone(error: BaseException) -> bool:
    """Whether a failed COMMIT certainly did nothing: the server itself said so, and lives on to say it.

    A server that panics in the middle (its log could be written and not synced, or only in part: 58030, 53100) may find
    the commit when it recovers. So only an ERROR counts, not FATAL, not PANIC.
    """
    if isinstance(error, StoreGone):
        return error.undone
    if isinstance(error, PrivetError):
        return True
    state = sqlstate(error)
    said = getattr(getattr(error, "orig", error), "diag", None)
    return (
        isinstance(error, (SQLAlchemyError, psycopg.Error))
        and state is not None
        and not state.startswith(("08", "57P", "58", "XX", "40003"))
        and getattr(said, "severity_nonlocalized", None) == "ERROR"
    )


def _rows_call(subjects: Sequence[SubjectId]) -> Call:
    return Call(p.ROW, (subjects[0],)) if len(subjects) == 1 else Call(p.ROWS, (list(subjects),))


def _lookups_call(indexes: Sequence[bytes]) -> Call:
    return Call(p.LOOKUP, (indexes[0],)) if len(indexes) == 1 else Call(p.LOOKUPS, (list(indexes),))


def _fold(found: dict[bytes, tuple[SubjectId, ...]], answer: Answer) -> None:
    for value, subject in answer.rows:
        held = found.get(value, ())
        if subject not in held:
            found[value] = (*held, subject)
