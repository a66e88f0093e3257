"""A unit of work on PostgreSQL, READ COMMITTED. Log entries go to this worker's outbox as the unit commits."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from privet.domain.ids import SubjectId
from privet.domain.ports import EntryRow, RecordRow, SubjectRow, VaultState, WriteUnit
from privet.errors import Conflict, PrivetError
from privet.store import statements as s
from privet.store.faults import explain, sqlstate
from privet.store.held import HeldConnections
from privet.store.outbox import Outbox
from privet.store.unit import Unit

STATEMENTS = s.build("postgresql")
_ROWS = f"SELECT {s.SUBJECT_COLUMNS} FROM subject WHERE subject = ANY(%b)"
_KEEP_SUBJECT = "SELECT 1 FROM subject WHERE subject = %b FOR KEY SHARE"
_LOOKUPS = "SELECT value, subject FROM lookup WHERE value = ANY(%b)"


class PostgresqlUnit(Unit):
    """`entries` are what the unit appends; `PostgresqlWriting` writes them last, since they wait for a lock."""

    statements = STATEMENTS

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.entries: list[EntryRow] = []

    def state(self) -> VaultState:
        rows = self._all(STATEMENTS.state, ())
        return self._state(rows[0] if rows else None)

    def find_subjects(self, indexes: Sequence[bytes]) -> Mapping[bytes, tuple[SubjectId, ...]]:
        found: dict[bytes, tuple[SubjectId, ...]] = {}
        rows: Sequence[Any] = ()
        if len(indexes) == 1:
            rows = self._all(STATEMENTS.lookup_one, (indexes[0],))
        elif indexes:
            rows = self._all(_LOOKUPS, (list(indexes),))
        for value, subject in rows:
            held = found.get(value, ())
            if subject not in held:
                found[value] = (*held, subject)
        return found

    def find_rows(self, subjects: Sequence[SubjectId]) -> Mapping[SubjectId, SubjectRow]:
        rows: Sequence[Any] = ()
        if len(subjects) == 1:
            rows = self._all(STATEMENTS.row, (subjects[0],))
        elif subjects:
            rows = self._all(_ROWS, (list(subjects),))
        make = SubjectRow._make
        return {row[0]: make(row) for row in rows}

    def upsert_record(self, row: RecordRow) -> bool:
        """Holds the subject's row against erasure; puts to her profile go on."""
        if not self._all(_KEEP_SUBJECT, (row.subject,)):
            raise self._spoil("the subject is not there any more")
        return super().upsert_record(row)

    def append(self, entries: Sequence[EntryRow]) -> None:
        self.entries.extend(entries)

    def _clear_tag(self, tag: bytes) -> None:
        """With the head locked no sequencer is under way; what it takes later, it finds among the erased."""
        self._run(s.LOCK_HEAD)
        self._run(self.statements.insert_erased, {"tag": tag})
        self._run(s.CLEAR_ENTRIES, {"tagged": tag})
        self._run(s.CLEAR_OUTBOX, {"tagged": tag})

    def _all(self, statement: str, parameters: tuple[object, ...]) -> Sequence[Any]:
        try:
            cursor = self._connection.exec_driver_sql(statement, parameters).cursor
            assert cursor is not None
            return cursor.fetchall()
        except SQLAlchemyError as error:
            raise self._fail(error) from None


class PostgresqlWriting:
    """`Store.write()`: begins, and ends in exactly one of committed, undone, or unknown (then a new stream starts)."""

    def __init__(self, connections: HeldConnections, outbox: Outbox) -> None:
        self._connections = connections
        self._outbox = outbox

    def __enter__(self) -> WriteUnit:
        self._connection = self._connections.take()
        self._unit = PostgresqlUnit(self._connection)
        return self._unit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._unit.spoiled:
                raise Conflict("something in this transaction failed, so all of it was undone")
            if error is None:
                self._commit(self._unit.entries)
        except SQLAlchemyError as failure:
            raise explain(failure) from None
        finally:
            self._connections.give_back(self._connection)

    def _commit(self, entries: Sequence[EntryRow]) -> None:
        if not entries:
            self._connection.commit()
            return
        outbox = self._outbox
        outbox.hold()
        try:
            outbox.write(self._connection, entries)
        except BaseException:
            outbox.settle(committed=False)
            raise
        try:
            self._connection.commit()
        except BaseException as error:
            if was_undone(error):
                outbox.settle(committed=False)
            else:
                outbox.abandon()
            raise
        outbox.settle(committed=True)


def was_undone(error: BaseException) -> bool:
    """Whether a failed COMMIT certainly did nothing: the server itself said so, and lives on to say it.

    A server that panics in the middle (its log could be written and not synced, or only in part: 58030, 53100) may find
    the commit when it recovers. So only an ERROR counts, not FATAL, not PANIC.
    """
    if isinstance(error, PrivetError):
        return True
    state = sqlstate(error)
    said = getattr(getattr(error, "orig", None), "diag", None)
    return (
        isinstance(error, SQLAlchemyError)
        and state is not None
        and not state.startswith(("08", "57P", "58", "XX", "40003"))
        and getattr(said, "severity_nonlocalized", None) == "ERROR"
    )
