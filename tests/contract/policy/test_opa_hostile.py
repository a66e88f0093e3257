"""An OPA that is gone, slow, wrong or hostile: each a denial with its reason, and nothing leaves for anywhere else."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from privet.decide.bundle import build_bundle, write_bundle
from privet.decide.opa import OpaEngine as WatchedEngine
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.errors import InvalidInput
from tests.contract.policy.catalogues import inn
from tests.services.parts import spare_port

BUNDLE = build_bundle(inn())
DESK = canonical_input(Asked("front-desk", "read", "service", ("given_name",)), PHANTOM)
OTHER = canonical_input(Asked("front-desk", "read", "service", ("email",)), PHANTOM)
ALLOW = {"effect": "allow", "reason": "permitted", "transform": None}


def OpaEngine(*arguments: Any, **options: Any) -> WatchedEngine:  # noqa: N802 - the class, without its thread
    """An engine that asks only when it is asked, so that a test can count."""
    return WatchedEngine(*arguments, background=False, **options)


class Seen:
    """What reached a server."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, Seen]]:
    """A loopback HTTP server that answers as told."""
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.requests.append((self.command, self.path, dict(self.headers)))
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client may have hung up, as it should
                answer(self)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}", seen
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def body(content: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def result(value: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    return body(orjson.dumps({"result": value}))


def decision(**changes: Any) -> dict[str, Any]:
    whole = {"fields": {"given_name": ALLOW}, "obligations": [], "revision": BUNDLE.revision}
    return {**whole, **changes}


SOON_S = 15.0
"""What nobody waits for that ends in time, on any machine; each of these servers would keep one waiting for longer."""


def forget(_: object) -> None:
    """For a lambda that answers nothing."""


class Turns(threading.BoundedSemaphore):
    """Remembers for how long a turn may have been waited for."""

    def __init__(self) -> None:
        super().__init__(4)
        self.waits: list[float] = []

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return super().acquire(blocking, timeout)


def reason(engine: Any, question: bytes = DESK) -> str:
    """The one reason of a denial; fails when something is released."""
    said = engine.decide([question])[0]
    assert not said.released
    (only,) = {field.reason for field in said.fields.values()}
    return str(only)


def test_a_right_answer_is_taken() -> None:
    """The suite's stub can be believed: its one right answer releases."""
    with server(result(decision())) as (url, _):
        assert OpaEngine(BUNDLE, url).decide([DESK])[0].released


@pytest.mark.parametrize(
    "answer",
    [
        body(b"{}"),
        body(b""),
        body(b"not json"),
        body(b"[]"),
        body(b"null"),
        body(b"\xff\xfe"),
        body(b"<html>login</html>"),
        body(b'{"result":' + b"[" * 50_000),
        body(orjson.dumps({"result": decision()}), status=500),
        body(orjson.dumps({"result": decision()}), status=201),
        body(orjson.dumps({"result": decision()}), status=401),
        body(b"x" * (2 << 20)),
        result(None),
        result(True),
        result([]),
        result({}),
        result(decision(fields={})),
        result(decision(fields=[])),
        result(decision(fields={"given_name": ALLOW, "email": ALLOW})),
        result(decision(fields={"given_name": True})),
        result(decision(fields={"given_name": {}})),
        result(decision(fields={"given_name": {**ALLOW, "effect": "permit"}})),
        result(decision(fields={"given_name": {**ALLOW, "effect": ["allow"]}})),
        result(decision(fields={"given_name": {**ALLOW, "transform": "reverse"}})),
        result(decision(fields={"given_name": {**ALLOW, "reason": "because"}})),
        result(decision(fields={"given_name": {**ALLOW, "reason": "restricted"}})),
        result(decision(fields={"given_name": {**ALLOW, "effect": "deny"}})),
        result(decision(fields={"given_name": {**ALLOW, "effect": "transform"}})),
        result(decision(fields={"given_name": {**ALLOW, "value": "x"}})),
        result(decision(obligations=None)),
        result(decision(obligations=[1])),
        result(decision(revision=1)),
        result({**decision(), "more": 1}),
        lambda handler: handler.wfile.write(b"\x00\x01rubbish\r\n\r\n"),
        lambda handler: handler.connection.close(),
        lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    ],
)
def test_rubbish_denies(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    """An undefined, mistyped, incomplete, foreign or failed answer denies with engine_error, and explains so."""
    with server(answer) as (url, _):
        engine = OpaEngine(BUNDLE, url, timeout=2)
        assert reason(engine) == "engine_error"
        spoke = engine.explain(DESK)
        assert not any(entry["effect"] != "deny" for entries in spoke.values() for entry in entries)
        engine.close()


@pytest.mark.parametrize("revision", ["", "f" * 64, BUNDLE.revision.upper()])
def test_another_revision_denies(revision: str) -> None:
    """An answer under another policy is not ours, whatever it says."""
    with server(result(decision(revision=revision))) as (url, _):
        assert reason(OpaEngine(BUNDLE, url)) == "revision_mismatch"


def test_gone_denies() -> None:
    """Nobody listens: engine_error."""
    engine = OpaEngine(BUNDLE, f"http://127.0.0.1:{spare_port()}")
    assert reason(engine) == "engine_error"
    assert engine.assure() == "engine_error"


def test_a_connection_that_broke_while_idle_is_made_anew() -> None:
    """A server may close a connection that was kept for long: the question is asked again, once."""
    turns: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        turns.append(1)
        if len(turns) == 1:
            handler.connection.close()
        else:
            result(decision())(handler)

    with server(answer) as (url, seen):
        assert OpaEngine(BUNDLE, url).decide([DESK])[0].released
        assert len(seen.requests) == 2


def test_slow_denies_in_time() -> None:
    """No answer within the timeout: engine_timeout, and no longer a wait than that."""
    done = threading.Event()
    with server(lambda _: forget(done.wait(60))) as (url, _):
        start = time.monotonic()
        assert reason(OpaEngine(BUNDLE, url, timeout=0.2)) == "engine_timeout"
        assert time.monotonic() - start < SOON_S
        done.set()


def test_a_slow_opa_does_not_hold_a_batch() -> None:
    """Each answer comes just in time; the batch as a whole gives up, and the rest is denied unasked."""

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        result(decision())(handler)

    with server(slowly) as (url, seen):
        start = time.monotonic()
        decisions = OpaEngine(BUNDLE, url, timeout=0.6).decide([DESK] * 60)
        assert time.monotonic() - start < SOON_S
        assert decisions[0].released
        assert {f.reason for f in decisions[-1].fields.values()} == {"engine_timeout"}
        assert 1 <= len(seen.requests) < 10


def test_a_turn_is_waited_for_no_longer_than_the_batch_has_left() -> None:
    """Where others' questions hold every turn, too: else a batch would take twice its time."""
    now = [100.0]

    def late(handler: BaseHTTPRequestHandler) -> None:
        now[0] += 45
        result(decision())(handler)

    with server(late) as (url, _):
        engine = OpaEngine(BUNDLE, url, timeout=15, clock=lambda: now[0])
        engine._turns = turns = Turns()
        decisions = engine.decide([DESK, DESK, DESK])
    assert [said.released for said in decisions] == [True, True, False]
    assert turns.waits == [60, 15]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """The question goes to no other origin."""
    with server(result(decision())) as (elsewhere, reached):
        with server(body(b"", status=status, Location=f"{elsewhere}/v1/data/privet/release/decision")) as (
            url,
            _,
        ):
            assert reason(OpaEngine(BUNDLE, url)) == "engine_error"
        assert reached.requests == []


def test_the_environment_is_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy and no .netrc of the environment: the question goes straight there, with our token."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login eve password stolen\n")
    with server(result(decision())) as (url, seen), server(result(decision())) as (proxy, reached):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setenv("NETRC", str(netrc))
        assert OpaEngine(BUNDLE, url, token="ours").decide([DESK])[0].released
        assert reached.requests == []
        method, path, headers = seen.requests[0]
        assert (method, path) == ("POST", "/v1/data/privet/release/decision")
        assert headers["Authorization"] == "Bearer ours"


def test_names_in_a_question_do_not_change_the_path() -> None:
    """Only the constant path is ever asked, whatever the request names."""
    asked = Asked("../../policies/x", "read", "a/b?c=d#e", ("../x",), lookup="%2e%2e")
    with server(result(decision())) as (url, seen):
        OpaEngine(BUNDLE, url).decide([canonical_input(asked, PHANTOM)])
        assert [path for _, path, _ in seen.requests] == ["/v1/data/privet/release/decision"]


def test_the_client_cannot_write() -> None:
    """Every method of the client that changes OPA fails before anything is sent."""
    with server(result(decision())) as (url, seen):
        client = OpaEngine(BUNDLE, url)._client
        for attempt in (
            lambda: client.update_policy_from_string("package x", "x"),
            lambda: client.update_or_create_data({}, "privet"),
            lambda: client.patch_data("privet", []),
            lambda: client.delete_policy("x"),
            lambda: client.delete_data("privet"),
            client.get_config,
        ):
            with pytest.raises(Exception, match="only asks"):
                attempt()
        assert seen.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://opa.example.org:8181", "http://10.0.0.1:8181", "http://0.0.0.0:8181", "http://127.0.0.1.example.org",
        "ftp://127.0.0.1", "127.0.0.1:8181", "", "https://", "http://user:word@127.0.0.1:8181", "http://127.0.0.1:x",
        "http://127.0.0.1:8181/v1", "http://127.0.0.1:8181?x=1", "http://127.0.0.1:8181#x", "http://[::1",
    ],
)  # fmt: skip
def test_bad_addresses_are_refused(url: str) -> None:
    """Plain HTTP beyond loopback, and anything but scheme, host and port."""
    with pytest.raises(InvalidInput, match=r"policy\.url"):
        OpaEngine(BUNDLE, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://opa.example.org",
        "https://opa.example.org:8443/",
        "http://localhost:8181",
        "http://[::1]:8181",
    ],
)
def test_good_addresses_are_taken(url: str) -> None:
    """TLS anywhere, plain HTTP on loopback; a certificate file is trusted in place of the system's."""
    OpaEngine(BUNDLE, url).close()
    engine = OpaEngine(BUNDLE, url, ca="/etc/privet/opa.pem")
    assert engine._client._session.verify == ("/etc/privet/opa.pem" if url.startswith("https") else True)


def test_after_failures_in_a_row_it_is_left_alone() -> None:
    """Three failures in a row: nothing more is asked until a probe is due, and one success ends it."""
    now = [0.0]
    good = [False]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (result(decision()) if good[0] else body(b"", status=503))(handler)

    with server(answer) as (url, seen):
        engine = OpaEngine(BUNDLE, url, clock=lambda: now[0])
        for _ in range(5):
            assert reason(engine) == "engine_error"
        assert len(seen.requests) == 3
        now[0] = 1.5
        assert reason(engine) == "engine_error"
        assert reason(engine) == "engine_error"
        assert len(seen.requests) == 4
        good[0] = True
        assert reason(engine) == "engine_error"
        now[0] = 3.0
        assert engine.decide([DESK])[0].released
        assert engine.decide([DESK])[0].released
        assert len(seen.requests) == 6


@pytest.mark.opa
def test_a_real_opa_that_wants_another_token_denies(opa_server: Callable[..., Any], tmp_path: Path) -> None:
    """OPA with --authorization=basic refuses us: engine_error."""
    running = opa_server(write_bundle(BUNDLE, tmp_path / "b.tar.gz"), token="right")
    assert reason(OpaEngine(BUNDLE, running.url, token="wrong")) == "engine_error"
    assert reason(OpaEngine(BUNDLE, running.url)) == "engine_error"
    assert OpaEngine(BUNDLE, running.url, token="right").decide([DESK])[0].released


def drip(sent: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Sends `sent` at once, then a byte now and then, for a minute, or until nobody takes them."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(sent)
        for _ in range(1_200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"]
)
def test_drips_anywhere_deny_in_time(sent: bytes) -> None:
    """A byte now and then, in the status line, in a header or in the body: whoever asked goes on in time."""
    with server(drip(sent)) as (url, _):
        start = time.monotonic()
        engine = OpaEngine(BUNDLE, url, timeout=0.3)
        assert reason(engine) == "engine_timeout"
        assert time.monotonic() - start < SOON_S


def test_a_handshake_that_never_ends_denies_in_time() -> None:
    """The port is open, and nobody answers the TLS handshake: engine_timeout, and the connection is cut."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start = time.monotonic()
        engine = OpaEngine(BUNDLE, f"https://localhost:{listener.getsockname()[1]}", timeout=0.3)
        assert reason(engine) == "engine_timeout"
        assert time.monotonic() - start < SOON_S
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            while connection.recv(65_536):
                pass


def test_a_name_that_does_not_resolve_in_time_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver hangs, which no socket's timeout ends: engine_timeout all the same."""
    asked, done = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[Any]:
        asked.set()
        done.wait(60)
        raise OSError("no answer")

    monkeypatch.setattr("urllib3.util.connection.socket.getaddrinfo", hang)
    start = time.monotonic()
    assert reason(OpaEngine(BUNDLE, "https://opa.invalid", timeout=0.2)) == "engine_timeout"
    assert asked.is_set()
    assert time.monotonic() - start < SOON_S
    done.set()


def test_what_is_cut_leaves_nothing_behind() -> None:
    """After timeouts no thread of ours is left waiting, and no connection is open."""
    with server(drip(b"HTTP/1.1 200 OK\r\n")) as (url, _):
        engine = OpaEngine(BUNDLE, url, timeout=0.1)
        for _ in range(3):
            assert reason(engine) == "engine_timeout"
        deadline = time.monotonic() + SOON_S
        while any(thread.name == "privet-opa" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
