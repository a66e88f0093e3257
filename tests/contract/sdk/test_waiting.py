"""When to ask again, how long to wait, which connection to use: by both clients, of a server that misbehaves."""

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import privet
from privet.errors import InvalidInput, PrivetError, RateLimited, Unavailable
from tests.contract.sdk.faces import Make
from tests.contract.sdk.scripted import (
    HER,
    VIEW,
    WRITTEN,
    Got,
    Scripted,
    Step,
    answer,
    drip,
    echo,
    hang_up,
    hold,
    late,
    named,
    problem,
    raw,
)

BUSY = problem(503, "unavailable")
TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def fetch(client: Any, name: str = "her", **options: Any) -> Any:
    return client.fetch(named(name), purpose="stay", fields=["given_name"], **options)


@pytest.mark.parametrize(
    "step",
    [BUSY, problem(429, "rate_limited"), answer(b"", 502), answer(b"", 503), answer(b"", 504), hang_up],
)
def test_what_passes_is_tried_again(make: Make, step: Step) -> None:
    """503, 429, a proxy's 502 and 504, no answer: asked again, and then it is there."""
    with Scripted(step, step, answer(VIEW)) as server:
        assert fetch(make(server.url))["given_name"] == "Ada"
        assert len(server.got) == 3


@pytest.mark.parametrize(
    "step",
    [
        problem(403, "wrong_role"),
        problem(404, "not_found"),
        problem(408, "request_timeout"),
        problem(409, "conflict"),
        problem(422, "invalid_input"),
        problem(500, "internal"),
        problem(401, "unauthenticated"),
        answer(b"x", 400, kind="text/html"),
        answer(b"x", 200, kind="text/html"),
        raw(HEAD + b"Content-Length: 99999999999\r\n\r\n{}"),
    ],
)
def test_what_was_answered_is_not_asked_again(make: Make, step: Step) -> None:
    """No 4xx but 429, and no answer that cannot be read."""
    with Scripted(step) as server:
        with pytest.raises(PrivetError):
            fetch(make(server.url, retries=5))
        assert len(server.got) == 1


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_bounded(make: Make, retries: int) -> None:
    """As many as were allowed, then the last error."""
    with Scripted(BUSY) as server:
        with pytest.raises(Unavailable, match="a sentence"):
            fetch(make(server.url, retries=retries))
        assert len(server.got) == retries + 1


def test_every_try_of_a_write_has_one_key(make: Make) -> None:
    """Made where none is given, another for each call; so no retry writes twice."""
    with Scripted(BUSY, hang_up, answer(WRITTEN)) as server:
        client = make(server.url)
        client.put(HER, {"a": 1}, purpose="p")
        client.put(HER, {"a": 1}, purpose="p")
        client.record(HER, "stays", {"a": 1}, purpose="p")
        client.consent(HER, "p")
        client.request_consent(HER, "p")
        client.put(HER, {"a": 1}, purpose="p", idempotency_key="mine")
        keys = [got.header("Idempotency-Key") for got in server.got]
    assert len(set(keys[:3])) == 1
    assert None not in keys
    assert len(set(keys)) == 6
    assert keys[-1] == "mine"
    assert min(len(key or "") for key in keys[:-1]) >= 22


def test_retry_after_is_honoured(make: Make) -> None:
    """No sooner than it says."""
    with Scripted(problem(429, "rate_limited", retry_after="1"), answer(VIEW)) as server:
        start = time.monotonic()
        fetch(make(server.url))
        assert time.monotonic() - start >= 1.0


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(make: Make) -> None:
    """The error comes at once, with how long it would be."""
    with Scripted(problem(429, "rate_limited", retry_after="60")) as server:
        start = time.monotonic()
        with pytest.raises(RateLimited) as refused:
            fetch(make(server.url))
        assert time.monotonic() - start < 10
        assert refused.value.retry_after == 60
        assert len(server.got) == 1


@pytest.mark.parametrize(
    "step",
    [
        hold,
        drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000, 0.05),
        drip(HEAD + b"Content-Length: 1000\r\n\r\n" + b" " * 1000, 0.02),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 300, 0.02),
    ],
    ids=["silent", "headers in drips", "a body in drips", "chunks in drips"],
)
@pytest.mark.parametrize("how", ["timeout", "deadline"])
def test_no_call_outlasts_its_deadline(make: Make, step: Step, how: str) -> None:
    """However the vault dawdles, retries included; the sentence says how long was waited."""
    with Scripted(step) as server:
        client = make(server.url, timeout=0.6 if how == "timeout" else 30.0, retries=9)
        start = time.monotonic()
        with pytest.raises(Unavailable, match=r"within 0\.6 s"):
            fetch(client, deadline=None if how == "timeout" else 0.6)
        assert 0.5 <= time.monotonic() - start < 4


@pytest.mark.parametrize("step", [hold, hang_up], ids=["silent", "hung up"])
def test_no_answer_is_told_as_it_concerns_the_caller(make: Make, step: Step) -> None:
    """A class of privet.errors, with nothing of the sdk's own before it; of a write only, that it may be done."""
    with Scripted(step) as server:
        client = make(server.url, timeout=0.5, retries=0)
        with pytest.raises(Unavailable) as read:
            fetch(client)
        with pytest.raises(Unavailable) as written:
            client.put(HER, {"a": 1}, purpose="p")
    for raised in (read, written):
        assert type(raised.value) is Unavailable
        assert raised.value.__context__ is raised.value.__cause__ is None
    assert "idempotency_key" not in str(read.value)
    assert ("idempotency_key" in str(written.value)) is (step is hold)


def test_a_deadline_is_for_all_of_a_call(make: Make) -> None:
    """Of a fetch_many in several requests, too; `timeout` is for each of them."""
    views = {"answers": [VIEW] * 1000}
    with Scripted(late(0.3, answer(views))) as server:
        client = make(server.url)
        assert len(client.fetch_many([HER] * 3000, purpose="p", fields=["a"])) == 3000
        with pytest.raises(Unavailable):
            client.fetch_many([HER] * 3000, purpose="p", fields=["a"], deadline=0.5)


def test_nobody_there(make: Make) -> None:
    """Connection refused, no such host: Unavailable, and the port is not waited for longer than allowed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    start = time.monotonic()
    for url in (f"http://127.0.0.1:{port}", "https://no-such-host.invalid"):
        with pytest.raises(Unavailable, match="cannot be reached"):
            fetch(make(url, timeout=3.0))
    assert time.monotonic() - start < 7


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address at which a connection is neither made nor refused: as many wait there as may."""
    with ExitStack() as ends:
        listener = ends.enter_context(socket.socket())
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        for _ in range(20):
            one = ends.enter_context(socket.socket())
            one.settimeout(0.5)
            try:
                one.connect(listener.getsockname())
            except TimeoutError:
                yield listener.getsockname()
                return
        pytest.fail("this system lets everybody in")


def test_a_host_of_several_addresses(
    make: Make, silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is silent leaves time for the next; all together they take no more than the deadline."""
    with Scripted(answer(VIEW)) as server:
        known = [silent, ("127.0.0.1", int(server.url.rpartition(":")[2]))]
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, **__: [(*TCP, "", address) for address in known]
        )
        assert fetch(make(server.url, timeout=4.0, retries=0))["given_name"] == "Ada"
        known[:] = [silent] * 4
        start = time.monotonic()
        with pytest.raises(Unavailable, match="within 1 s"):
            fetch(make(server.url, timeout=1.0, retries=0))
        assert time.monotonic() - start < 3.5


def test_a_connection_is_used_again(make: Make) -> None:
    """Twenty calls, one connection."""
    with Scripted(answer(VIEW)) as server:
        client = make(server.url)
        for _ in range(20):
            fetch(client)
        assert server.connections == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_a_stale_connection_is_no_failure(make: Make, retries: int) -> None:
    """Closed by the vault while idle, or just as it was used: another one is taken, without counting as a retry."""
    closing = raw(answer_bytes(VIEW))
    with Scripted(closing, answer(VIEW), hang_up, answer(VIEW)) as server:
        client = make(server.url, retries=retries)
        fetch(client)
        time.sleep(0.1)
        for _ in range(2):
            assert fetch(client)["given_name"] == "Ada"
        assert len(server.got) == 4
        assert server.connections == 3


def answer_bytes(body: object) -> bytes:
    payload = json.dumps(body).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(payload) + payload


def test_connection_close_is_heeded(make: Make) -> None:
    """What the vault wants closed is not used again."""
    with Scripted(answer(VIEW, Connection="close")) as server:
        client = make(server.url)
        for _ in range(3):
            fetch(client)
        assert server.connections == 3


@pytest.mark.parametrize("end", ["it waits", "it hangs up"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "over tls"])
def test_an_early_refusal_of_a_large_body_is_heard(make: Make, papers: Path, secure: bool, end: str) -> None:
    """The vault answers 413, and may hang up, before all of it was sent."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(papers / "localhost.pem", papers / "localhost.key")

    def early(peer: socket.socket) -> None:
        if secure:
            peer = context.wrap_socket(peer, server_side=True)
        with peer, suppress(OSError):
            peer.settimeout(30)
            peer.recv(1000)
            problem(413, "body_too_large")(peer, None)  # type: ignore[arg-type]  # it looks at no request
            if end == "it hangs up":
                time.sleep(0.3)  # the answer is there by then: a reset may overtake it
            while end == "it waits" and peer.recv(1 << 20):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: early(listener.accept()[0]), daemon=True)
        thread.start()
        url = f"{'https' if secure else 'http'}://localhost:{listener.getsockname()[1]}"
        client = make(url, retries=0, ca_file=papers / "ca.pem" if secure else None)
        with pytest.raises(InvalidInput, match="a sentence"):
            client.put(HER, {"a": "x" * 7_000_000}, purpose="p")
        client.close()
        thread.join(30)


def test_a_new_connection_that_fails_is_a_failure(make: Make) -> None:
    """With no retries nothing is asked twice but by a connection that has served before."""
    with Scripted(hang_up) as server:
        with pytest.raises(Unavailable, match="without an answer"):
            make(server.url, retries=0).put(HER, {"a": 1}, purpose="p")
        assert len(server.got) == 1


def test_threads_share_a_client() -> None:
    """Each hears its own answer; connections are shared, not mixed up."""
    with Scripted(echo) as server, privet.Client(server.url, token="t") as client:

        def work(number: int) -> bool:
            return all(
                fetch(client, f"s-{number}-{at}")["given_name"] == f"s-{number}-{at}" for at in range(25)
            )

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(8)))
        assert server.connections <= 8


def test_ctrl_c_leaves_no_stray_answer() -> None:
    """A call interrupted while it waits: its connection is gone, and the next call hears its own answer."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupting(peer: socket.socket, got: Got) -> bool:
        signal.pthread_kill(main, signal.SIGINT)  # now that it waits
        return late(0.4, echo)(peer, got)

    with Scripted(interrupting, echo) as server, privet.Client(server.url, token="t") as client:
        with pytest.raises(KeyboardInterrupt):
            fetch(client, "first")
        for at in range(3):
            assert fetch(client, f"next-{at}")["given_name"] == f"next-{at}"
        assert server.connections == 2


def test_a_cancelled_call_leaves_the_client_usable() -> None:
    """Likewise, awaited; many at once, half of them cancelled."""

    async def main(url: str) -> None:
        async with privet.AsyncClient(url, token="t") as client:
            first = asyncio.create_task(fetch(client, "first"))
            await asyncio.sleep(0.2)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            tasks = [asyncio.create_task(fetch(client, f"s-{at}")) for at in range(40)]
            await asyncio.sleep(0.01)
            for task in tasks[::2]:
                task.cancel()
            heard = await asyncio.gather(*tasks, return_exceptions=True)
            for at, view in enumerate(heard):
                assert isinstance(view, asyncio.CancelledError) or view["given_name"] == f"s-{at}"  # type: ignore[index]
            assert any(isinstance(view, privet.View) for view in heard)
            assert (await fetch(client, "last"))["given_name"] == "last"

    with Scripted(late(0.6, echo), echo) as server:
        asyncio.run(main(server.url))


def test_a_cancelled_walk_can_be_left(make: Make) -> None:
    """Breaking off a walk asks for nothing more."""
    with Scripted(answer({"answers": [VIEW] * 1000})) as server:
        for _ in make(server.url).fetch_each([HER] * 5000, purpose="p", fields=["a"]):
            break
        assert len(server.got) == 1


def test_an_async_client_belongs_to_its_loop() -> None:
    """Another loop is told so; once the first has ended, the client goes on in the next."""
    with Scripted(answer(VIEW)) as server:
        client = privet.AsyncClient(server.url, token="t")

        async def one() -> None:
            await fetch(client)
            with pytest.raises(InvalidInput, match="loop"):
                await asyncio.to_thread(lambda: asyncio.run(fetch(client)))
            await client.close()

        asyncio.run(one())


def test_a_closed_client_is_closed(make: Make) -> None:
    """Unavailable, no connection made; closing again is no error."""
    with Scripted(answer(VIEW)) as server:
        client = make(server.url)
        fetch(client)
        client.close()
        client.close()
        with pytest.raises(Unavailable, match="closed"):
            fetch(client)
        assert len(server.got) == 1


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": -1}, {"timeout": "10"}, {"timeout": True}, {"timeout": float("nan")},
     {"timeout": float("inf")}, {"retries": -1}, {"retries": 1.5}, {"retries": 10_000}, {"retries": True}],
    ids=str,
)  # fmt: skip
def test_patience_is_checked(make: Make, options: dict[str, Any]) -> None:
    """At once, with the argument's name."""
    with pytest.raises(InvalidInput) as refused:
        make("http://localhost:1", **options)
    assert refused.value.field in options
    with pytest.raises(InvalidInput):
        fetch(make("http://localhost:1"), deadline=0)


def test_a_fork_does_not_share_connections() -> None:
    """A child that was forked opens its own; what the parent hears is the parent's."""
    code = """
import os, sys, privet
client = privet.Client(sys.argv[1], token="t")
ask = lambda who: client.fetch("pw1_" + who.ljust(43, "-"), purpose="p", fields=["given_name"])["given_name"]
assert ask("before") == "before"
child = os.fork()
said = all(ask(f"{child}-{at}") == f"{child}-{at}" for at in range(50))
if child == 0:
    os._exit(0 if said else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or not said)
"""
    with Scripted(echo) as server:
        done = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.connections == 2
