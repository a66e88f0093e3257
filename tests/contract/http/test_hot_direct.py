"""A fetch taken without a task of its own, on a real vault: what the long way would say, and no more counted for it."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from privet.bootstrap.credentials import create_key
from privet.http.callers import Authenticator, Caller
from privet.http.hot import HotRoutes
from privet.http.observing import Deaf
from privet.http.refusals import Refusals
from tests.contract.http.shop import PURPOSE, Shop, run


class Asked:
    """One whole request, and the statuses that it was answered with, either way."""

    again: Any = None

    def __init__(self, body: object, credential: bytes) -> None:
        self.body = bytearray(json.dumps(body).encode())
        self.statuses: list[int] = []
        self.scope = {
            "type": "http",
            "path": "/v1/fetch",
            "raw_path": b"/v1/fetch",
            "method": "POST",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"authorization", credential)],
        }

    def answer(self, head: bytes, _body: bytes) -> None:
        self.statuses.append(int(head.split()[1]))

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(self.body), "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


def test_a_fetch_that_finds_no_room_is_counted_once(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 to a caller who keeps within his rate: the full queue costs him no second request of it."""
    parts = sqlite_shop.vault.parts
    credential = b"Bearer " + create_key(parts, "desk").text.encode()
    counted: list[Caller] = []

    async def work() -> None:
        authenticator, lane = Authenticator(parts), sqlite_shop.lane(most_waiting=0)
        monkeypatch.setattr(authenticator, "admit", counted.append)
        await authenticator.authenticate(credential, None)
        with ThreadPoolExecutor(1) as pool:
            hot = HotRoutes(parts, lane=lane, authenticator=authenticator, refusals=Refusals(parts, pool))
            asked = Asked({"subject": sqlite_shop.ids[0], "purpose": PURPOSE, "fields": ["size"]}, credential)
            if not hot.direct(asked):
                await hot.fetch(asked.scope, asked.receive, asked.send)
            await asyncio.sleep(0)
            await lane.drain()
        assert asked.statuses == [503]

    run(work())
    assert len(counted) == 1


class Counted(Deaf):
    """Which status each request was counted with."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def request(self, route: str, status: int, seconds: float) -> None:
        self.statuses.append(status)


def test_an_error_of_our_own_is_not_counted_as_an_answer(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is the edge's to answer, and a 500 to whoever counts."""
    parts, counted = sqlite_shop.vault.parts, Counted()
    credential = b"Bearer " + create_key(parts, "desk").text.encode()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(parts.pipeline._identify, "identify", broken)

    async def work() -> None:
        lane = sqlite_shop.lane()
        with ThreadPoolExecutor(1) as pool:
            hot = HotRoutes(
                parts,
                lane=lane,
                authenticator=Authenticator(parts),
                refusals=Refusals(parts, pool),
                observer=counted,
            )
            asked = Asked({"subject": sqlite_shop.ids[0], "purpose": PURPOSE, "fields": ["size"]}, credential)
            with pytest.raises(ZeroDivisionError):
                await hot.fetch(asked.scope, asked.receive, asked.send)
            await lane.drain()

    run(work())
    assert counted.statuses == [500]
