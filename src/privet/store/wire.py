"""Statements that go to PostgreSQL together and are answered together: one round trip, however many they are.

On libpq's pipeline mode, below psycopg's cursors: a batch of reads pays for two trips rather than six. Values are
bound, in binary; statements are prepared once a connection. Refuses to wait without end: a server that does not answer
in time is given up together with its connection.
"""

import select
from collections.abc import Sequence
from hashlib import sha256
from time import monotonic
from typing import Any, Final, NamedTuple

from psycopg import Error, OperationalError, errors, pq
from psycopg.adapt import Transformer

from privet.store.patience import PatientConnection
from privet.store.wire_types import Type

_BEGIN_STATUSES: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_BINARY: Final = 1


class Statement:
    """One statement: its text with $1, $2 …, the types it takes and the types of the columns it gives."""

    __slots__ = ("_encoders", "formats", "gives_rows", "name", "oids", "sql", "text")

    def __init__(self, text: str, takes: Sequence[Type] = (), gives: Sequence[Type] = ()) -> None:
        self.text = text
        self.sql = text.encode()
        self.name = f"privet_{sha256(self.sql).hexdigest()[:16]}".encode()
        self.oids = [kind.oid for kind in takes]
        self.formats = [_BINARY] * len(takes)
        self._encoders = [kind.encode for kind in takes]
        self.gives_rows = bool(gives)

    def bind(self, values: Sequence[Any]) -> list[bytes | None]:
        return [
            None if value is None else encode(value)
            for encode, value in zip(self._encoders, values, strict=True)
        ]


class Call(NamedTuple):
    """A statement and its values."""

    statement: Statement
    values: Sequence[Any] = ()


class Answer(NamedTuple):
    """What a call gave: rows, how many it touched, and what the server calls that."""

    rows: list[tuple[Any, ...]]
    touched: int
    said: bytes


BEGIN: Final = Call(Statement("BEGIN"))
COMMIT: Final = Call(Statement("COMMIT"))
ROLLBACK: Final = Call(Statement("ROLLBACK"))


class Wire:
    """Trips over one connection, which no other thread uses meanwhile."""

    def __init__(self, raw: PatientConnection, *, prepares: bool, patience_s: float) -> None:
        self._raw = raw
        self._pg: Any = raw.pgconn
        self._loading = Transformer(raw)
        self._prepares = prepares
        self._patience = patience_s
        self._prepared: set[bytes] = set()
        self._poll = select.poll()
        self._poll.register(self._pg.socket, select.POLLIN)
        self.warned = False
        raw.add_notice_handler(self._notice)

    def lose_patience(self) -> None:
        """What is sent past this wire waits no longer than it does."""
        self._raw.patience_s = self._patience

    @property
    def is_lost(self) -> bool:
        return bool(self._pg.status != pq.ConnStatus.OK)

    @property
    def in_transaction(self) -> bool:
        return bool(self._pg.transaction_status != pq.TransactionStatus.IDLE)

    def is_alive(self) -> bool:
        """A look at an idle connection without a trip: what a server says as it ends has arrived by itself."""
        if self.is_lost:
            return False
        if not self._poll.poll(0):
            return True
        try:
            self._pg.consume_input()
        except OperationalError:
            return False
        # Something that is not an end may be said while idle too: a changed setting.
        return self._pg.status == pq.ConnStatus.OK and not self._poll.poll(0)

    def trip(self, calls: Sequence[Call]) -> list[Answer]:
        """One answer a call. The first call that fails ends the rest and raises psycopg's error for it.

        OperationalError when the connection was lost or the server was silent for too long: then it is closed, and
        what became of the calls is unknown.
        """
        pg = self._pg
        try:
            pg.enter_pipeline_mode()
            preparing = [self._send(call) for call in calls]
            pg.pipeline_sync()
            until = monotonic() + self._patience
            self._flush(until)
            answers, failed = self._receive(calls, preparing, until)
            pg.exit_pipeline_mode()
        except BaseException as error:
            self._raw.close()
            if isinstance(error, OperationalError) or not isinstance(error, Error):
                raise
            raise OperationalError("the connection was lost") from None
        if failed is not None:
            raise errors.error_from_result(failed)
        return answers

    def _send(self, call: Call) -> bool:
        """Whether it had to be prepared first."""
        pg, statement = self._pg, call.statement
        bound = statement.bind(call.values)
        if not self._prepares:
            pg.send_query_params(
                statement.sql,
                bound,
                param_types=statement.oids,
                param_formats=statement.formats,
                result_format=_BINARY,
            )
            return False
        unknown = statement.name not in self._prepared
        if unknown:
            pg.send_prepare(statement.name, statement.sql, statement.oids)
            self._prepared.add(statement.name)
        pg.send_query_prepared(statement.name, bound, statement.formats, _BINARY)
        return unknown

    def _receive(
        self, calls: Sequence[Call], preparing: Sequence[bool], until: float
    ) -> tuple[list[Answer], Any]:
        answers: list[Answer] = []
        failed = None
        for call, unknown in zip(calls, preparing, strict=True):
            if unknown:
                result = self._result(until)
                if result.status not in _BEGIN_STATUSES:
                    self._prepared.discard(call.statement.name)
                    failed = failed or result
            result = self._result(until)
            if result.status in _BEGIN_STATUSES:
                if failed is None:
                    answers.append(self._read(call.statement, result))
            else:
                failed = failed or result
        last = self._next(until)
        if last is None or last.status != pq.ExecStatus.PIPELINE_SYNC:
            raise OperationalError("the server ended the connection")
        return answers, failed

    def _read(self, statement: Statement, result: Any) -> Answer:
        rows: list[Any] = []
        if statement.gives_rows and result.ntuples:
            # psycopg's loaders, in C: a tenth of what a loop over the values takes.
            loading = self._loading
            loading.set_pgresult(result, set_loaders=True, format=pq.Format.BINARY)
            rows = loading.load_rows(0, result.ntuples, tuple)
        return Answer(rows, result.command_tuples or 0, result.command_status or b"")

    def _result(self, until: float) -> Any:
        """Of one command: its result, and the None behind it."""
        result = self._next(until)
        if result is None or self._next(until) is not None:
            raise OperationalError("the server's answers are not those to our calls")
        return result

    def _next(self, until: float) -> Any:
        pg = self._pg
        while pg.is_busy():
            self._wait(select.POLLIN, until)
            pg.consume_input()
        return pg.get_result()

    def _flush(self, until: float) -> None:
        pg = self._pg
        while pg.flush():
            if self._wait(select.POLLIN | select.POLLOUT, until) & select.POLLIN:
                pg.consume_input()

    def _wait(self, wanted: int, until: float) -> int:
        left = until - monotonic()
        if wanted != select.POLLIN:
            self._poll.modify(self._pg.socket, wanted)
        try:
            ready = self._poll.poll(max(0.0, left) * 1000)
        finally:
            if wanted != select.POLLIN:
                self._poll.modify(self._pg.socket, select.POLLIN)
        if not ready:
            raise OperationalError("the server does not answer")
        return ready[0][1]

    def _notice(self, diagnostic: Any) -> None:
        self.warned = self.warned or diagnostic.severity_nonlocalized == "WARNING"
