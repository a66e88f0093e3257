"""Tokens that come late, never, odd, or in another process or loop: a call still ends when it must, and says why."""

import asyncio
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

import privet
from privet.errors import InvalidInput, Unavailable
from tests.contract.sdk.faces import Make
from tests.contract.sdk.scripted import HER, VIEW, WRITTEN, Scripted, answer, problem

NO = problem(401, "unauthenticated")


def fetch(client: Any, **options: Any) -> Any:
    return client.fetch(HER, purpose="stay", fields=["given_name"], **options)


@pytest.mark.parametrize("how", ["awaited", "in a thread"])
def test_a_token_that_never_comes_is_not_awaited_for_ever(how: str) -> None:
    """`timeout` and `deadline` hold, for whoever fetches and whoever waits for it; once it comes, all is well."""
    comes = threading.Event()

    async def awaited() -> str:
        return await asyncio.sleep(0 if comes.is_set() else 60, "t")

    def in_a_thread() -> str:
        comes.wait(60)
        return "t"

    async def main(url: str) -> None:
        token = awaited if how == "awaited" else in_a_thread
        async with privet.AsyncClient(url, token=token, timeout=0.5) as client:
            calls = [fetch(client), fetch(client), fetch(client, deadline=0.4)]
            heard = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)
            assert [type(each) for each in heard] == [Unavailable] * 3
            assert all("no token" in str(each) and "Nothing was asked" in str(each) for each in heard)
            comes.set()
            assert (await fetch(client, deadline=30.0))["given_name"] == "Ada"

    with Scripted(answer(VIEW)) as server:
        asyncio.run(main(server.url))
        assert len(server.got) == 1


def test_a_thread_waits_for_anothers_token_no_longer_than_it_may() -> None:
    """One thread's callable hangs: the calls of the others end by their own deadlines."""
    comes, asked = threading.Event(), threading.Event()

    def token() -> str:
        asked.set()
        comes.wait(60)
        return "t"

    with Scripted(answer(WRITTEN)) as server, privet.Client(server.url, token=token, timeout=50.0) as client:
        slow = threading.Thread(target=lambda: client.put(HER, {"a": 1}, purpose="p"))
        slow.start()
        assert asked.wait(30)
        start = time.monotonic()
        with pytest.raises(Unavailable, match=r"no token within 0\.3 s.*Nothing was asked"):
            fetch(client, deadline=0.3)
        assert time.monotonic() - start < 20
        comes.set()
        slow.join()
        assert len(server.got) == 1


def test_a_token_that_came_late_may_follow_a_write() -> None:
    """Where the request was sent before, it is said that the write may be done."""
    given: list[str] = []

    async def token() -> str:
        given.append("t")
        return "e30.eyJleHAiOjF9.x" if len(given) == 1 else await asyncio.sleep(60, "t")

    async def main(url: str) -> None:
        async with privet.AsyncClient(url, token=token, timeout=4.0, retries=5) as client:
            with pytest.raises(Unavailable, match=r"no token within 4 s.*idempotency_key"):
                await client.put(HER, {"a": 1}, purpose="p")

    with Scripted(problem(503, "unavailable")) as server:
        asyncio.run(main(server.url))
        assert len(server.got) == 1


def test_a_callables_own_timeout_is_its_own() -> None:
    """It is not taken for the end of the call."""

    async def token() -> str:
        raise TimeoutError("the issuer was too slow")

    async def main() -> None:
        async with privet.AsyncClient("http://localhost:1", token=token) as client:
            with pytest.raises(TimeoutError, match="the issuer"):
                await fetch(client)

    asyncio.run(main())


@pytest.mark.parametrize("odd", [None, 7, b"token", ["t"]], ids=str)
def test_what_is_no_text_is_no_token(make: Make, odd: Any) -> None:
    """Said as such, by both clients."""
    with pytest.raises(InvalidInput, match="must return text"):
        fetch(make("http://localhost:1", token=lambda: odd))


def test_the_next_loop_fetches_a_token_of_its_own() -> None:
    """A client that outlives its loop: many at once in the first, many in the next; nothing is said to a log."""
    said: list[str] = []

    async def token() -> str:
        await asyncio.sleep(0.02)
        return "e30.eyJleHAiOjF9.x"  # one that has expired, so that each call needs another

    with Scripted(answer(VIEW, Connection="close")) as server:
        client = privet.AsyncClient(server.url, token=token)

        async def some() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context)))
            assert len(await asyncio.gather(*(fetch(client) for _ in range(3)))) == 3

        for _ in range(3):
            asyncio.run(some())
        asyncio.run(client.close())
    assert said == []


def test_a_fork_while_a_token_is_fetched() -> None:
    """The child does not wait for a thread that it has not."""
    code = """
import os, sys, threading, time, privet
parent, asked, comes = os.getpid(), threading.Event(), threading.Event()
def token():
    if os.getpid() == parent:
        asked.set()
        comes.wait(60)
    return "t"
client = privet.Client(sys.argv[1], token=token, timeout=20.0)
ask = lambda: client.fetch(sys.argv[2], purpose="p", fields=["given_name"])
thread = threading.Thread(target=ask)
thread.start()
asked.wait(60)
child = os.fork()
if child == 0:
    try:
        ask()
    except BaseException:
        os._exit(1)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
comes.set()
thread.join()
sys.exit(status)
"""
    with Scripted(answer(VIEW)) as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, server.url, HER], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


SECRET = "privet_abcdefgh_" + "S" * 43


@pytest.mark.parametrize("bad", [SECRET + "\n" + SECRET, "é" + SECRET], ids=["two lines", "no ascii"])
@pytest.mark.parametrize("source", ["callable", "file"])
def test_a_token_that_cannot_be_one_shows_nowhere(make: Make, tmp_path: Path, bad: str, source: str) -> None:
    """A file with two of them, a callable with more than one line: in no error, its chain, or locals of ours."""
    (tmp_path / "token").write_text("good")
    options: dict[str, Any] = (
        {"token": lambda: bad} if source == "callable" else {"token": None, "token_file": tmp_path / "token"}
    )
    with Scripted(NO) as server:
        client = make(server.url, **options)
        (tmp_path / "token").write_text(bad, encoding="utf-8")
        with pytest.raises(InvalidInput) as wrong:
            fetch(client)
    assert wrong.value.__context__ is wrong.value.__cause__ is None
    report = traceback.TracebackException.from_exception(wrong.value, capture_locals=True)
    ours = [frame for frame in report.stack if "/privet/sdk/" in frame.filename]
    assert len(ours) > 2
    assert SECRET not in "".join(str(frame.locals) for frame in ours)
