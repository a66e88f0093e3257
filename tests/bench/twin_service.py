"""The services that ours stands beside: the same people in the clear, no key, no policy, no log, nobody asked who asks.

    python -m tests.bench.twin_service KIND DATABASE PORT

KIND is `usual` (FastAPI, SQLAlchemy's ORM, a response model: what most would write), `well` (bare ASGI, the driver's
own prepared statements, orjson, one statement a request) or `coalesced` (as `well`, and what arrives while a statement
runs is the next statement). DATABASE is a SQLite file or a PostgreSQL URL, filled by tests.bench.twins. All run under
the same uvicorn settings, which `serve` has: one worker, uvloop, httptools, no access log, the collector frozen.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from privet.store import sqlite_file
from tests.bench.people import FIELDS

Row = dict[str, Any]
Find = Callable[[str], Awaitable[Row | None]]
_COLUMNS = ", ".join(f'"{name.replace(".", "_")}"' for name in FIELDS)
_ONE = f"SELECT {_COLUMNS} FROM customer WHERE id = "
_MANY = f"SELECT id, {_COLUMNS} FROM customer WHERE id "
_POOL, _THREADS = 16, 40


def serve(app: Any, port: int) -> None:
    """Runs an ASGI application as all of these run."""
    import uvicorn

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    # As long as ours keeps an idle connection: with uvicorn's five seconds, a stalled machine would cut some off.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
        timeout_keep_alive=60,
    )


class Bare:
    """`/v1/fetch` as bare ASGI, written with care."""

    def __init__(self, start: Callable[[], Awaitable[Find]]) -> None:
        self._start = start
        self._find: Find | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self._find = await self._start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        asked = orjson.loads(body)
        assert self._find is not None
        row = await self._find(asked["subject"])
        if row is None:
            status, answer = 404, b'{"detail":"nobody"}'
        else:
            values = {name: row[name] for name in asked["fields"]}
            status, answer = 200, orjson.dumps({"subject": asked["subject"], "values": values})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def _sqlite(path: str) -> Any:
    connection = sqlite_file.connect(sqlite_file.get_driver(), Path(path), read_only=False)
    sqlite_file.prepare(connection)
    return connection


def well_on_sqlite(path: str) -> Bare:
    async def start() -> Find:
        connection = _sqlite(path)

        async def find(who: str) -> Row | None:
            row = connection.execute(_ONE + "?", (who,)).fetchone()
            return None if row is None else dict(zip(FIELDS, row, strict=True))

        return find

    return Bare(start)


def well_on_postgresql(url: str) -> Bare:
    async def start() -> Find:
        pool: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
        for _ in range(_POOL):
            pool.put_nowait(await _connect(url))

        async def find(who: str) -> Row | None:
            connection = await pool.get()
            try:
                cursor = await connection.execute(_ONE + "%s", (who,), prepare=True)
                row = await cursor.fetchone()
            finally:
                pool.put_nowait(connection)
            return None if row is None else dict(zip(FIELDS, row, strict=True))

        return find

    return Bare(start)


async def _connect(url: str) -> Any:
    import psycopg

    return await psycopg.AsyncConnection.connect(url.replace("+psycopg", ""), autocommit=True)


class Coalesced:
    """Those who ask while a statement runs are found by the next."""

    def __init__(self, find_many: Callable[[Sequence[str]], Awaitable[dict[str, Row]]], lanes: int) -> None:
        self._find_many = find_many
        self._waiting: list[tuple[str, asyncio.Future[Row | None]]] = []
        self._lanes = lanes
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, who: str) -> Awaitable[Row | None]:
        answer: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((who, answer))
        if self._running < self._lanes:
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answer

    async def _run(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = self._waiting, []
            found = await self._find_many([who for who, _ in batch])
            for who, answer in batch:
                answer.set_result(found.get(who))
        self._running -= 1


def coalesced_on_sqlite(path: str) -> Bare:
    async def start() -> Find:
        connection = _sqlite(path)

        async def find_many(who: Sequence[str]) -> dict[str, Row]:
            width = 1 << (len(who) - 1).bit_length()  # few distinct statements
            filled = (*who, *[who[-1]] * (width - len(who)))
            rows = connection.execute(f"{_MANY}IN ({', '.join('?' * width)})", filled).fetchall()
            return {row[0]: dict(zip(FIELDS, row[1:], strict=True)) for row in rows}

        return Coalesced(find_many, 1).find

    return Bare(start)


def coalesced_on_postgresql(url: str) -> Bare:
    async def start() -> Find:
        pool: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
        for _ in range(2):
            pool.put_nowait(await _connect(url))

        async def find_many(who: Sequence[str]) -> dict[str, Row]:
            connection = await pool.get()
            try:
                cursor = await connection.execute(_MANY + "= ANY(%s)", (list(who),), prepare=True)
                rows = await cursor.fetchall()
            finally:
                pool.put_nowait(connection)
            return {row[0]: dict(zip(FIELDS, row[1:], strict=True)) for row in rows}

        return Coalesced(find_many, 2).find

    return Bare(start)


def usual(url: str) -> Any:
    """As most would write it, and as the frameworks' own tutorials do."""
    from collections.abc import Iterator
    from datetime import date
    from typing import Annotated

    from fastapi import Depends, FastAPI, HTTPException
    from pydantic import BaseModel, ConfigDict
    from sqlalchemy import create_engine
    from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

    from tests.bench.twins import customer, sqlite_engine

    class Base(DeclarativeBase):
        pass

    class Customer(Base):
        __table__ = customer
        __mapper_args__ = {  # noqa: RUF012  SQLAlchemy's own form
            "properties": {name.replace(".", "_"): customer.c[name] for name in FIELDS}
        }

    class Asked(BaseModel):
        subject: str
        purpose: str
        fields: list[str]

    class Profile(BaseModel):
        model_config = ConfigDict(from_attributes=True)
        given_name: str | None
        family_name: str | None
        email: str | None
        phone: str | None
        country: str | None
        born: date | None
        language: str | None
        points: int | None
        room_bed: str | None
        room_extra_towels: bool | None

    class Answer(BaseModel):
        subject: str
        values: Profile

    # As many as FastAPI has threads: with few, threads that wait for one keep those from ending that hold one.
    if url.startswith("postgresql"):
        engine = create_engine(url, pool_size=_THREADS, max_overflow=0)
    else:
        from sqlalchemy.pool import QueuePool

        engine = sqlite_engine(Path(url), poolclass=QueuePool, pool_size=_THREADS, max_overflow=0)
    make_session = sessionmaker(engine)
    app = FastAPI()

    def session() -> Iterator[Session]:
        with make_session() as open_session:
            yield open_session

    @app.post("/v1/fetch", response_model=Answer)
    def fetch(asked: Asked, db: Annotated[Session, Depends(session)]) -> Any:
        found = db.get(Customer, asked.subject)
        if found is None:
            raise HTTPException(404, "nobody")
        return {"subject": asked.subject, "values": Profile.model_validate(found)}

    return app


def make(kind: str, database: str) -> Any:
    postgresql = database.startswith("postgresql")
    if kind == "usual":
        return usual(database)
    if kind == "well":
        return well_on_postgresql(database) if postgresql else well_on_sqlite(database)
    if kind == "coalesced":
        return coalesced_on_postgresql(database) if postgresql else coalesced_on_sqlite(database)
    raise SystemExit(f"no such twin: {kind}")


if __name__ == "__main__":
    serve(make(sys.argv[1], sys.argv[2]), int(sys.argv[3]))
