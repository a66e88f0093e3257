"""Leaves of refused requests: each has one, no caller can fill the log, and what was not logged singly is counted."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from privet.bootstrap.vault import Vault
from privet.errors import Unavailable
from privet.http.caller import Caller
from privet.http.problems import CODES
from privet.http.refusals import A_SECOND, Refusals
from privet.testing import make_vault
from tests.contract.sdk.every_type import CATALOGUE, NOTICES

DESK = Caller(kind="service", name="desk", credential="key:aaaaaaaa")


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with make_vault(tmp_path_factory.mktemp("refusals") / "vault", CATALOGUE, NOTICES) as made:
        yield made


@pytest.fixture
def lines(vault: Vault) -> Callable[[], list[tuple[str | None, str, int]]]:
    """(service, code, more) of the entries made since, oldest first."""
    start = vault.parts.store.log.size()

    def read() -> list[tuple[str | None, str, int]]:
        found = [line for line in vault.officer("ana").audit.query(act="request") if line.position >= start]
        return [
            (line.service, str(line.detail["code"]), int(str(line.detail.get("more", 0))))
            for line in found[::-1]
        ]

    return read


async def refuse(refusals: Refusals, caller: Caller = DESK, code: str = "invalid_input") -> None:
    await refusals.note(caller, route="/v1/put", status=422, code=code, request_id="r")


def test_durable_when_it_returns(
    vault: Vault, lines: Callable[[], list[tuple[str | None, str, int]]]
) -> None:
    """One entry, of this very refusal."""

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            await refuse(Refusals(vault.parts, pool))
            assert lines() == [("desk", "invalid_input", 0)]

    asyncio.run(run())


def test_beyond_a_few_a_second_they_are_counted(
    vault: Vault, lines: Callable[[], list[tuple[str | None, str, int]]]
) -> None:
    """And the count is told when the second is over; another caller keeps its own."""
    clock = Clock()
    other = Caller(kind="officer", name="ana", credential="jwt:0")

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            refusals = Refusals(vault.parts, pool, clock=clock)
            await asyncio.gather(*(refuse(refusals) for _ in range(100)))
            await refuse(refusals, other)
            assert len(lines()) == A_SECOND + 1
            clock.now += 1.5
            await refuse(refusals, code="wrong_role")

    asyncio.run(run())
    told = lines()
    assert ("desk", "counted", 100 - A_SECOND) in told
    assert ("desk", "wrong_role", 0) in told
    assert len(told) == A_SECOND + 3


def test_the_count_is_by_code(vault: Vault) -> None:
    """What a caller was refused for is told though there was no entry for each; all codes at once have room."""
    start = vault.parts.store.log.size()
    codes = [code for code, (status, _) in CODES.items() if status < 500]

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            refusals = Refusals(vault.parts, pool, a_second=1)
            for number, code in enumerate(["not_found", *codes], start=0):
                for _ in range(max(1, number)):
                    await refuse(refusals, code=code)
            refusals._counts["service", "desk"].dropped["invalid_input"] += 10**9
            await refusals.flush()

    asyncio.run(run())
    lines = [line for line in vault.officer("ana").audit.query(act="request") if line.position >= start]
    counted = {code: number for number, code in enumerate(codes, start=1)}
    counted["invalid_input"] += 10**9
    assert lines[0].detail["codes"] == counted
    assert lines[0].detail["more"] == sum(counted.values())


def test_what_is_only_counted_is_told_at_the_end(
    vault: Vault, lines: Callable[[], list[tuple[str | None, str, int]]]
) -> None:
    """Before the process stops."""

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            refusals = Refusals(vault.parts, pool, a_second=1)
            for _ in range(3):
                await refuse(refusals)
            await refusals.flush()

    asyncio.run(run())
    assert lines() == [("desk", "invalid_input", 0), ("desk", "counted", 2)]


def test_the_end_waits_for_what_is_on_its_way_to_the_disk(
    vault: Vault, lines: Callable[[], list[tuple[str | None, str, int]]]
) -> None:
    """The count of a second that is over, behind another entry on a slow disk: the threads end after both."""
    clock, disk = Clock(), threading.Event()

    async def run() -> None:
        pool = ThreadPoolExecutor(1)
        refusals = Refusals(vault.parts, pool, a_second=1, clock=clock)
        for _ in range(3):
            await refuse(refusals)
        pool.submit(disk.wait, 20)
        other = asyncio.ensure_future(
            refuse(refusals, Caller(kind="officer", name="ana", credential="jwt:0"))
        )
        await asyncio.sleep(0)  # it asks for its entry …
        await asyncio.sleep(0)  # … which waits for the disk
        clock.now += 1.5
        refusals._turn()
        ending = asyncio.ensure_future(refusals.flush())
        await asyncio.sleep(0)
        disk.set()
        await ending
        await asyncio.to_thread(pool.shutdown)
        await other

    asyncio.run(run())
    assert lines() == [("desk", "invalid_input", 0), (None, "invalid_input", 0), ("desk", "counted", 2)]


def test_lengths_tell_nothing(vault: Vault) -> None:
    """Entries of one caller are of one length, whatever they say."""
    start = vault.parts.store.log.size()

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            refusals = Refusals(vault.parts, pool)
            await refusals.note(DESK, route="", status=404, code="not_found", request_id="r")
            await refusals.note(
                DESK,
                route="/v1/consent/receipt",
                status=415,
                code="unsupported_media_type",
                request_id="r" * 64,
            )

    asyncio.run(run())
    log = vault.parts.store.log
    assert len({len(row.sealed) for row in log.entries(start, log.size())}) == 1


def test_a_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Whoever waits for the entry hears of it; the next is tried again."""
    vault = make_vault(tmp_path / "vault", CATALOGUE, NOTICES)

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            refusals = Refusals(vault.parts, pool)
            vault.close()
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await refuse(refusals)

    asyncio.run(run())
