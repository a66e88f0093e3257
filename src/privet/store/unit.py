"""One transaction, as the core sees it: what is the same on both backends.

Refuses to commit once anything in it failed: a lost compare-and-swap undoes the whole unit, even when the caller
caught the Conflict.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.exc import SQLAlchemyError

from privet.domain.ids import Millis, RecordId, SubjectId
from privet.domain.ports import (
    EntryRow,
    EpochRow,
    EpochState,
    IndexRow,
    LedgerRow,
    RecordRow,
    SubjectRow,
    TicketRow,
    VaultState,
)
from privet.errors import Conflict, IntegrityError, PrivetError, Unavailable
from privet.store import statements as s
from privet.store import tables as t
from privet.store.faults import explain
from privet.store.prepared import Prepared

_BEFORE: Mapping[EpochState, tuple[EpochState, ...]] = {
    "open": ("open",),
    "closing": ("open", "closing"),
    "destroyed": ("closing", "destroyed"),
}


class Unit(ABC):
    """ReadUnit and WriteUnit over one SQLAlchemy connection. `statements` are the backend's."""

    statements: s.Statements

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.spoiled = False
        self._held_epochs: dict[int, str | None] = {}

    def expect(self, wanted: Callable[[], tuple[Sequence[SubjectId], Sequence[bytes]]]) -> None:
        """Nothing to win where a statement costs no trip."""
        del wanted

    # What each backend does its own way.

    @abstractmethod
    def state(self) -> VaultState: ...
    @abstractmethod
    def find_subjects(self, indexes: Sequence[bytes]) -> Mapping[bytes, tuple[SubjectId, ...]]: ...
    @abstractmethod
    def find_rows(self, subjects: Sequence[SubjectId]) -> Mapping[SubjectId, SubjectRow]: ...
    @abstractmethod
    def append(self, entries: Sequence[EntryRow]) -> None: ...
    @abstractmethod
    def _clear_tag(self, tag: bytes) -> None: ...

    # Reading.

    def records(
        self,
        subject: SubjectId,
        collection: int | None = None,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> Sequence[RecordRow]:
        wanted = s.RECORDS.where(t.record.c.subject == subject)
        if collection is not None:
            wanted = wanted.where(t.record.c.collection == collection)
        if since is not None:
            wanted = wanted.where(t.record.c.coarse >= since)
        if until is not None:
            wanted = wanted.where(t.record.c.coarse <= until)
        rows = [RecordRow._make(row) for row in self._run(wanted if limit is None else wanted.limit(limit))]
        if limit is None or len(rows) < limit or not rows:
            return rows
        last = rows[-1].coarse
        whole = self._run(wanted.where(t.record.c.coarse == last))
        return [row for row in rows if row.coarse != last] + [RecordRow._make(row) for row in whole]

    def find_record(self, subject: SubjectId, collection: int, record: RecordId) -> RecordRow | None:
        key = (
            t.record.c.subject == subject,
            t.record.c.collection == collection,
            t.record.c.record == record,
        )
        row = self._run(s.RECORDS.where(*key)).first()
        return None if row is None else RecordRow._make(row)

    def ledger(self, subject: SubjectId) -> Sequence[LedgerRow]:
        return [LedgerRow._make(row) for row in self._run(s.LEDGER, {"of": subject})]

    def indexes_of(self, subject: SubjectId) -> Sequence[IndexRow]:
        return list(map(IndexRow._make, self._run(s.INDEXES_OF, {"of": subject})))

    def subjects_after(
        self, after: SubjectId | None, limit: int, *, epoch: int | None = None
    ) -> Sequence[SubjectRow]:
        wanted = s.SUBJECTS.limit(limit)
        if after is not None:
            wanted = wanted.where(t.subject.c.subject > after)
        if epoch is not None:
            wanted = wanted.where(t.subject.c.epoch == epoch)
        return [SubjectRow._make(row) for row in self._run(wanted)]

    def count_subjects(self, *, epoch: int | None = None) -> int:
        wanted = s.COUNT_SUBJECTS if epoch is None else s.COUNT_SUBJECTS.where(t.subject.c.epoch == epoch)
        return int(self._run(wanted).scalar_one())

    def epochs(self) -> Sequence[EpochRow]:
        return [EpochRow._make(row) for row in self._run(s.EPOCHS)]

    def numbers(self) -> Mapping[tuple[str, str], int]:
        return {(kind, name): number for kind, name, number in self._run(s.NUMBERS)}

    def import_progress(self, run: bytes) -> bytes | None:
        return cast("bytes | None", self._run(s.FIND_IMPORT, {"of": run}).scalar())

    def find_service_note(self, key: str) -> bytes | None:
        return cast("bytes | None", self._run(s.FIND_NOTE, {"of": key}).scalar())

    def find_ticket(self, ticket: bytes) -> TicketRow | None:
        row = self._run(s.FIND_TICKET, {"of": ticket}).first()
        return None if row is None else TicketRow._make(row)

    # Writing.

    def insert_subject(self, row: SubjectRow) -> None:
        self._check_epoch(row.epoch)
        if self._run(self.statements.insert_subject, row._asdict()).rowcount != 1:
            raise self._spoil("the subject is there already")

    def lock_subject(self, subject: SubjectId) -> bool:
        return self._run(s.LOCK_SUBJECT, {"of": subject}).first() is not None

    def swap_keys(self, subject: SubjectId, rev: int, epoch: int, keys: bytes) -> None:
        self._check_epoch(epoch)
        self._swap(self.statements.swap_keys, {"of": subject, "rev": rev, "value": keys, "new_epoch": epoch})

    def swap_facts(self, subject: SubjectId, rev: int, facts: bytes) -> None:
        self._swap(self.statements.swap_facts, {"of": subject, "rev": rev, "value": facts})

    def swap_fields(self, subject: SubjectId, rev: int, fields: bytes) -> None:
        self._swap(self.statements.swap_fields, {"of": subject, "rev": rev, "value": fields})

    def insert_indexes(self, rows: Sequence[IndexRow], *, unique: bool) -> None:
        if not rows:
            return
        for epoch in sorted({row.epoch for row in rows}):
            self._check_epoch(epoch, creating=False)
        slots = [{**row._asdict(), "slot": b"" if unique else row.subject} for row in rows]
        self._run(self.statements.insert_lookup, slots)
        if unique:
            ours = {(row.value, row.subject) for row in rows}
            values = [row.value for row in rows]
            for held in self._run(self.statements.lookup_holders, {"values": values}).all():
                if tuple(held) not in ours:
                    raise self._spoil("another subject has this look-up value")

    def delete_indexes(self, rows: Sequence[tuple[bytes, SubjectId]]) -> None:
        for value, subject in rows:
            self._run(s.DELETE_LOOKUP, {"of_value": value, "of": subject})

    def delete_epoch_indexes(self, epoch: int) -> int:
        return self._run(s.DELETE_EPOCH_LOOKUPS, {"number": epoch}).rowcount

    def upsert_record(self, row: RecordRow) -> bool:
        if self._run(self.statements.insert_record, row._asdict()).rowcount == 1:
            return True
        changed = self._run(
            self.statements.update_record,
            {
                "of": row.subject,
                "in_collection": row.collection,
                "named": row.record,
                "before": row.revision - 1,
                "coarse": row.coarse,
                "new_fields": row.fields,
            },
        )
        if changed.rowcount != 1:
            raise self._spoil("the record changed meanwhile")
        return False

    def delete_record(self, subject: SubjectId, collection: int, record: RecordId) -> None:
        self._run(s.DELETE_RECORD, {"of": subject, "in_collection": collection, "named": record})

    def append_ledger(self, row: LedgerRow) -> None:
        if self._run(self.statements.insert_consent, row._asdict()).rowcount != 1:
            raise self._spoil("the consent ledger has this entry already")

    def erase_subject(self, subject: SubjectId, tag: bytes) -> None:
        for statement in s.ERASED_TABLES:
            self._run(statement, {"of": subject})
        self._clear_tag(tag)

    def set_controls(self, rev: int, controls: bytes) -> None:
        self._swap(s.SET_CONTROLS, {"rev": rev, "value": controls})

    def set_catalogue(self, digest: str, numbers: Mapping[tuple[str, str], int]) -> None:
        for (kind, name), number in numbers.items():
            self._run(self.statements.insert_number, {"kind": kind, "name": name, "number": number})
        stored = self.numbers()
        if any(stored.get(key) != number for key, number in numbers.items()):
            raise self._spoil("a catalogue number is given already, and numbers are permanent")
        self._run(s.SET_CATALOGUE, {"value": digest})

    def open_epoch(self, epoch: int, at: Millis) -> None:
        self._held_epochs.clear()
        self._run(s.OPEN_EPOCH, {"epoch": epoch, "state": "open", "opened": at})

    def set_epoch(self, epoch: int, state: EpochState) -> None:
        self._held_epochs.clear()
        # Its row lock waits for every transaction that creates keys under this epoch.
        allowed = {"number": epoch, "new_state": state, "before": _BEFORE[state]}
        if self._run(s.SET_EPOCH, allowed).rowcount != 1:
            raise self._spoil(f"epoch {epoch} is unknown or past being {state}")
        if state == "destroyed" and self._run(s.NAMES_EPOCH, {"number": epoch}).first() is not None:
            raise self._spoil(f"subjects still have keys under epoch {epoch}")

    def set_import_progress(self, run: bytes, progress: bytes) -> None:
        self._run(self.statements.put_import, {"run": run, "progress": progress})

    def set_service_note(self, key: str, value: bytes) -> None:
        self._run(self.statements.put_note, {"key": key, "value": value})

    def insert_ticket(self, row: TicketRow) -> None:
        if self._run(self.statements.insert_ticket, row._asdict()).rowcount != 1:
            raise self._spoil("the ticket is there already")

    def swap_ticket(self, before: TicketRow, after: TicketRow) -> None:
        values = {"before": before.sealed, "new_until": after.until, "value": after.sealed}
        self._swap(s.SWAP_TICKET, {"of": before.id, **values})

    def delete_ticket(self, ticket: bytes) -> bool:
        return self._run(s.DELETE_TICKET, {"of": ticket}).rowcount == 1

    def delete_tickets_before(self, moment: Millis) -> int:
        return self._run(s.DELETE_TICKETS_BEFORE, {"moment": moment}).rowcount

    # Inside.

    def _run(
        self, statement: Executable | Prepared, parameters: Any = None
    ) -> CursorResult[*tuple[Any, ...]]:
        try:
            if isinstance(statement, Prepared):
                return statement.run(self._connection, parameters)
            return self._connection.execute(statement, parameters)
        except SQLAlchemyError as error:
            raise self._fail(error) from None

    def _swap(self, statement: Executable | Prepared, parameters: Mapping[str, object]) -> None:
        if self._run(statement, parameters).rowcount != 1:
            raise self._spoil("the stored state changed meanwhile")

    def _check_epoch(self, epoch: int, *, creating: bool = True) -> None:
        # Once asked it stands until the unit ends: the row is locked for that long.
        held = self._held_epochs
        if epoch not in held:
            held[epoch] = self._run(self.statements.find_epoch, {"number": epoch}).scalar()
        state = held[epoch]
        if state != "open" and (creating or state != "closing"):
            raise self._spoil(f"epoch {epoch} is no longer open")

    def _spoil(self, message: str) -> Conflict:
        self.spoiled = True
        return Conflict(message)

    def _fail(self, error: Exception) -> PrivetError:
        self.spoiled = True
        return explain(error)

    def _state(self, row: Any) -> VaultState:
        if row is None:
            self.spoiled = True
            raise IntegrityError("the database has lost its vault row; restore a backup")
        schema, digest, controls, controls_rev, epoch, epochs = row[:6]
        if schema != t.SCHEMA:
            self.spoiled = True
            raise Unavailable("another Privet upgraded this vault meanwhile: restart with that version")
        return VaultState(schema, digest, controls, controls_rev, epoch or 0, _parse_epochs(epochs or ""))


@lru_cache(maxsize=64)
def _parse_epochs(listed: str) -> tuple[int, ...]:
    return tuple(sorted(int(number) for number in listed.split(",") if number))
