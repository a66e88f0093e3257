"""The twins of the service answer what was stored: a twin that skipped its work would flatter nobody but us."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.bench.people import FIELDS, PURPOSE, generate
from tests.bench.twin_service import make
from tests.bench.twins import PlainTwin, sqlite_engine

PEOPLE = 40


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, list[str], list[dict[str, Any]]]:
    people = list(generate(PEOPLE))
    twin = PlainTwin(sqlite_engine(tmp_path / "plain.db"), people)
    twin.close()
    return tmp_path / "plain.db", twin.ids, people


def expected(person: dict[str, Any]) -> dict[str, Any]:
    """As SQLite's driver has it: a date as text, a boolean as a number."""
    plain = {**person, "born": person["born"].isoformat(), "room.extra_towels": person["room.extra_towels"]}
    return {name: plain[name] for name in FIELDS}


@pytest.mark.parametrize("kind", ["well", "coalesced"])
def test_careful_twins_answer_many_at_once(
    filled: tuple[Path, list[str], list[dict[str, Any]]], kind: str
) -> None:
    """Each of forty clients gets its own person, also where one statement serves them all; nobody is 404."""
    path, ids, people = filled
    app = make(kind, str(path))

    async def ask(who: str) -> tuple[int, Any]:
        sent: list[dict[str, Any]] = []
        asked = orjson.dumps({"subject": who, "purpose": PURPOSE, "fields": FIELDS})

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": asked, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app({"type": "http"}, receive, send)
        return sent[0]["status"], orjson.loads(sent[1]["body"])

    async def all_of_them() -> list[tuple[int, Any]]:
        app._find = await app._start()
        await asyncio.gather(*(ask(who) for who in ids))
        return await asyncio.gather(*(ask(who) for who in (*ids, "nobody")))

    *answers, nobody = asyncio.run(all_of_them())
    assert nobody[0] == 404
    for who, person, (status, answer) in zip(ids, people, answers, strict=True):
        assert status == 200
        assert answer == {"subject": who, "values": expected(person)}


def test_the_usual_twin_answers_by_its_model(filled: tuple[Path, list[str], list[dict[str, Any]]]) -> None:
    """FastAPI, the ORM and a response model, over the same table."""
    path, ids, people = filled
    app = make("usual", str(path))

    async def ask(who: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://twin") as client:
            return await client.post("/v1/fetch", json={"subject": who, "purpose": PURPOSE, "fields": FIELDS})

    values = {name.replace(".", "_"): value for name, value in expected(people[3]).items()}
    assert asyncio.run(ask(ids[3])).json() == {"subject": ids[3], "values": values}
    assert asyncio.run(ask("nobody")).status_code == 404
