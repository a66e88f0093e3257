"""What we are compared with: the same people in the clear, by SQLAlchemy Core as a good user of it writes it.

One table, one row a person, a typed column a field, the id its primary key. Statements are built once, one connection
is held, and SQLite has the very settings of a vault (WAL, synchronous=FULL, secure_delete, cache). With a log, each
read adds a row (time, service, purpose, person, fields), in the transaction of the read, durable before the values
are handed on; a batch is one IN select, one executemany and one commit. There are two such twins: one whose log can
only be appended to, and one whose log has an index by person, as ours has, so that it too can answer who read her.
"""

import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
)
from sqlalchemy.pool import NullPool

from privet.store import sqlite_file
from tests.bench.people import FIELDS, PURPOSE, SERVICE

metadata = MetaData()
_TYPES: dict[str, Any] = {"born": Date, "points": Integer, "room.extra_towels": Boolean}
customer = Table(
    "customer",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("crm_id", String, unique=True),
    *(
        Column(name.replace(".", "_"), _TYPES.get(name, String), key=name, index=name == "email")
        for name in FIELDS
    ),
)


def _log(name: str, *, indexed: bool) -> Table:
    return Table(
        name,
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("at", BigInteger, nullable=False),
        Column("service", String, nullable=False),
        Column("purpose", String, nullable=False),
        Column("customer", String(32), nullable=False, index=indexed),
        Column("fields", String, nullable=False),
    )


access_log = _log("access_log", indexed=False)
indexed_log = _log("indexed_log", indexed=True)

_WANTED = [customer.c[name].label(name) for name in FIELDS]
_ONE = select(*_WANTED).where(customer.c.id == bindparam("who"))
_MANY = select(customer.c.id, *_WANTED).where(customer.c.id.in_(bindparam("who", expanding=True)))
_ASKED = ",".join(FIELDS)

Values = dict[str, Any]


class PlainTwin:
    """Profiles in the clear, read without a trace."""

    word = "plain twin"
    detail = ""

    def __init__(self, engine: Engine, people: Iterable[dict[str, Any]]) -> None:
        self._engine = engine
        metadata.create_all(engine)
        rows = [{"id": uuid.uuid4().hex, **person} for person in people]
        with engine.begin() as connection:
            connection.execute(insert(customer), rows)
        self.ids = [row["id"] for row in rows]
        self._connection: Connection = engine.connect()

    def fetch(self, who: str) -> Values:
        with self._connection.begin():
            row = self._connection.execute(_ONE, {"who": who}).one()
        return row._asdict()

    def fetch_many(self, who: Sequence[str]) -> list[Values]:
        with self._connection.begin():
            found = {
                row.id: row._asdict() for row in self._connection.execute(_MANY, {"who": list(who)}).all()
            }
        return [found[one] for one in who]

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()


class LoggingTwin(PlainTwin):
    """The same, with one unprotected log row a read."""

    word = "plain twin with a log row"
    insert = insert(access_log)

    def fetch(self, who: str) -> Values:
        with self._connection.begin():
            row = self._connection.execute(_ONE, {"who": who}).one()
            self._connection.execute(self.insert, _entry(who, _now()))
        return row._asdict()

    def fetch_many(self, who: Sequence[str]) -> list[Values]:
        with self._connection.begin():
            found = {
                row.id: row._asdict() for row in self._connection.execute(_MANY, {"who": list(who)}).all()
            }
            now = _now()
            self._connection.execute(self.insert, [_entry(one, now) for one in who])
        return [found[one] for one in who]


class IndexedTwin(LoggingTwin):
    """The same, its log indexed by person."""

    detail = ", the twin's log indexed by person as ours is"
    insert = insert(indexed_log)


def sqlite_engine(path: Path, **pool: Any) -> Engine:
    """A file of its own, opened as a vault opens its own."""
    driver = sqlite_file.get_driver()

    def connect() -> Any:
        connection = driver.connect(str(path), check_same_thread=False, cached_statements=512)
        sqlite_file.prepare(connection)
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        return connection

    return create_engine("sqlite://", module=driver, creator=connect, **({"poolclass": NullPool} | pool))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _entry(who: str, now: int) -> dict[str, Any]:
    return {"at": now, "service": SERVICE, "purpose": PURPOSE, "customer": who, "fields": _ASKED}
