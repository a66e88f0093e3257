"""Hostile clients, by bytes: what is refused, how, and that nothing else is harmed."""

import asyncio
import json
from typing import Any

import pytest

from privet.http.edge import Receive, Send
from privet.http.problems import Scope
from privet.serving.limits import MOST_HEADERS, MOST_PIPELINED, Gate
from tests.unit.serving.wire import LIMITS, Wire, ask, statuses, talk

GET = b"GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n"


def _post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /v1/x HTTP/1.1", b"Host: a", *headers, b"", body]
    return b"\r\n".join(lines)


def _said(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_plain_request_is_answered() -> None:
    """A request in one piece, with its query and body."""
    said = _said(ask(b"POST /v1/x?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
    assert (said["method"], said["path"], said["query"], said["body"]) == ("POST", "/v1/x", "a=b", "abc")


def test_a_request_torn_into_single_bytes_is_answered() -> None:
    """However the bytes come, the request is the same; chunks are joined."""

    async def work(wire: Wire) -> bytes:
        for byte in _post(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        wire.half_close()
        return await wire.read()

    assert _said(talk(work))["body"] == "abcde"


AMBIGUOUS = {
    "content-length and transfer-encoding": _post(
        b"0\r\n\r\n", b"Content-Length: 3", b"Transfer-Encoding: chunked"
    ),
    "transfer-encoding and content-length": _post(
        b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Content-Length: 3"
    ),
    "another coding before chunked": _post(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"),
    "not chunked": _post(b"0\r\n\r\n", b"Transfer-Encoding: xchunked"),
    "chunked twice": _post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunked, then identity": _post(
        b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"
    ),
    "a space before the colon": _post(b"0\r\n\r\n", b"Transfer-Encoding : chunked"),
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": _post(b"abc", b"Content-Length: 3", b"Content-Length: 4"),
    "the same length twice": _post(b"abc", b"Content-Length: 3", b"Content-Length: 3"),
    "a list of lengths": _post(b"abc", b"Content-Length: 3, 3"),
    "a signed length": _post(b"abc", b"Content-Length: +3"),
    "a negative length": _post(b"abc", b"Content-Length: -3"),
    "a length that overflows": _post(b"abc", b"Content-Length: 99999999999999999999999"),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "an odd host": b"GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
    "NUL in the address": b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes in the address": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "another host in the address": b"GET http://b/v1/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a name in the address": b"GET http://u:p@a/v1/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": b"GET ftp://a/v1/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "connect": b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/1.9": b"GET / HTTP/1.9\r\nHost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an unknown method": b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a chunk of no size": _post(b"zz\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    "a chunk of negative size": _post(b"-3\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    "a chunk whose end is elsewhere": _post(b"3\r\nabcd\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    "a chunk that overflows": _post(b"fffffffffffffffff\r\nabc", b"Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_two_servers_could_read_in_two_ways_is_refused(data: bytes) -> None:
    """One 400, as a problem with a request id, and the connection ends: what was smuggled behind is never run."""
    answer = ask(data + GET)
    assert statuses(answer) == [400]
    assert b"connection: close" in answer
    said = _said(answer)
    assert said["code"] == "bad_request"
    assert f"x-request-id: {said['request_id']}".encode() in answer


def test_an_absolute_address_of_the_same_host_is_taken() -> None:
    """RFC 9112 3.2.2: servers accept the absolute form."""
    answer = ask(b"GET http://A:80/v1/x?q HTTP/1.1\r\nHost: a:80\r\n\r\n")
    assert (_said(answer)["path"], _said(answer)["query"]) == ("/v1/x", "q")


def test_trailers_are_no_headers() -> None:
    """What follows the last chunk cannot bring credentials."""
    answer = ask(_post(b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n", b"Transfer-Encoding: chunked"))
    assert statuses(answer) == [200]
    assert "authorization" not in dict(_said(answer)["headers"])


def test_too_many_header_bytes() -> None:
    """431, whether the head ends or never does."""
    flood = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d: %s\r\n" % (i, b"y" * 900) for i in range(90))
    assert statuses(ask(flood + b"\r\n")) == [431]
    assert statuses(ask(flood)) == [431]
    assert statuses(ask(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 800_000)) == [431]


def test_too_many_header_lines() -> None:
    """431 for many small ones."""
    lines = b"".join(b"X: y\r\n" for _ in range(MOST_HEADERS))
    assert statuses(ask(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")) == [431]


def test_an_address_too_long() -> None:
    """414."""
    assert statuses(ask(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")) == [414]


def test_a_body_announced_too_large_is_refused_before_it_comes() -> None:
    """413 at once; the client that waits for leave gets no 100."""

    async def work(wire: Wire) -> bytes:
        await wire.send(_post(b"", b"Content-Length: 10001", b"Expect: 100-continue"))
        return await wire.read()

    answer = talk(work)
    assert statuses(answer) == [413]


def test_a_body_too_large_in_chunks_is_refused() -> None:
    """Without a length, as soon as it has grown too large; what the client still sends does not hide the answer."""
    chunks = b"".join(b"3e8\r\n" + b"x" * 1_000 + b"\r\n" for _ in range(300))
    assert statuses(ask(_post(chunks + b"0\r\n\r\n", b"Transfer-Encoding: chunked"))) == [413]


def test_a_flood_of_tiny_chunks_is_refused() -> None:
    """Chunk extensions do not count as body, but they count."""
    chunks = b"".join(b"1;" + b"e" * 2_000 + b"\r\nx\r\n" for _ in range(1_000))
    assert statuses(ask(_post(chunks + b"0\r\n\r\n", b"Transfer-Encoding: chunked"))) == [413]


def test_the_largest_body_is_taken() -> None:
    """The bound itself is inside."""
    assert statuses(ask(_post(b"x" * 10_000, b"Content-Length: 10000"))) == [200]


def test_leave_to_send_a_body_is_given() -> None:
    """100, and then the answer."""

    async def work(wire: Wire) -> bytes:
        await wire.send(_post(b"", b"Content-Length: 3", b"Expect: 100-continue", b"Connection: close"))
        assert await wire.some() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"abc")
        return await wire.read()

    assert _said(talk(work))["body"] == "abc"


def test_a_head_that_never_ends_is_refused_in_time() -> None:
    """408 for the first request of a connection and for later ones; each byte more buys no time."""

    async def work(wire: Wire) -> bytes:
        await wire.send(b"GET / HTTP/1.1\r\nHost: ")
        await asyncio.sleep(0.05)
        wire.pass_time(9.5)
        await wire.send(b"a")
        await asyncio.sleep(0.05)
        wire.pass_time(10.5)
        return await wire.read()

    assert statuses(talk(work)) == [408]


def test_a_head_of_which_nothing_more_comes_is_refused_in_time() -> None:
    """408 as well, and counted, though all that came of it came at once."""
    told: list[str] = []

    async def work(wire: Wire) -> bytes:
        wire.gate.on_refused = told.append
        await wire.send(b"GET / HTTP/1.1\r\nHost: ")
        await asyncio.sleep(0.05)
        wire.pass_time(10.5)
        return await wire.read()

    assert statuses(talk(work)) == [408]
    assert told == ["request_timeout"]


def test_empty_lines_buy_no_time() -> None:
    """Line breaks before a request are allowed, but not for ever."""

    async def work(wire: Wire) -> bytes:
        await wire.send(b"\r\n")
        await asyncio.sleep(0.05)
        wire.pass_time(10.5)
        return await wire.read()

    assert statuses(talk(work)) == [408]


def test_a_connection_that_says_nothing_is_closed() -> None:
    """Without a word, since nothing was asked."""

    async def work(wire: Wire) -> bytes:
        wire.pass_time(10.5)
        return await wire.read()

    assert talk(work) == b""


def test_a_connection_idle_between_requests_is_closed() -> None:
    """After the keep-alive time, not before."""

    async def work(wire: Wire) -> bytes:
        await wire.send(GET)
        first = await wire.some(b"}")
        wire.pass_time(9.5)
        await wire.send(GET)
        second = await wire.some(b"}")
        wire.pass_time(10.5)
        assert await wire.read() == b""
        return bytes(first + second)

    assert statuses(talk(work)) == [200, 200]


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    """408, and the application never hears of it."""
    asked = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])

    async def work(wire: Wire) -> bytes:
        await wire.send(_post(b"abc", b"Content-Length: 1000"))
        await asyncio.sleep(0.05)
        wire.pass_time(10.5)
        return await wire.read()

    assert statuses(talk(work, app)) == [408]
    assert asked == []


def test_pipelined_requests_are_answered_in_order() -> None:
    """Though the first takes longest."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/0":
            await asyncio.sleep(0.05)
        body = scope["path"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": body})

    answer = ask(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(8)), app)
    assert statuses(answer) == [200] * 8
    assert [part[-2:] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"/%d" % i for i in range(8)]


def test_a_flood_of_pipelined_requests_is_cut_after_those_that_were_taken() -> None:
    """Answers to what was taken, then 429 and the end."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.001)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    assert statuses(ask(GET * 500, app)) == [200] * (MOST_PIPELINED + 1) + [429]


def test_rubbish_behind_a_request_waits_for_its_answer() -> None:
    """The refusal of the second is never taken for the answer to the first."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    assert statuses(ask(GET + b"\x00\x01rubbish\r\n\r\n", app)) == [200, 400]


def test_what_follows_a_last_request_is_not_run() -> None:
    """`Connection: close` is the client's last word, and so is a wish for another protocol."""
    last = b"GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert statuses(ask(last + GET)) == [200]
    upgrade = b"GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert statuses(ask(upgrade + GET)) == [200]
    websocket = upgrade.replace(b"h2c", b"websocket")
    assert statuses(ask(websocket + GET)) == [200]


def test_a_client_that_has_said_all_still_gets_its_answer() -> None:
    """Half-closed connections are answered, then closed."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    assert statuses(ask(GET, slow)) == [200]


def test_a_client_gone_amid_a_request_leaves_nothing() -> None:
    """No connection counted, no bytes held."""

    async def work(wire: Wire) -> tuple[int, int]:
        before = wire.gate.room
        await wire.send(_post(b"x" * 500, b"Content-Length: 1000"))
        await asyncio.sleep(0.05)
        assert wire.gate.room == before - 500
        wire.client.close()
        await asyncio.sleep(0.05)
        return len(wire.gate.open), before - wire.gate.room

    assert talk(work) == (0, 0)


def test_room_for_bodies_is_given_back() -> None:
    """After answers, refusals and floods the gate holds what it held before."""
    gate = Gate(LIMITS, 10)
    before = gate.room

    async def work(wire: Wire) -> None:
        await wire.send(_post(b"x" * 500, b"Content-Length: 500") * 40)
        wire.half_close()
        await wire.read()

    talk(work, gate=gate)
    assert gate.room == before


def test_bodies_beyond_what_the_process_can_hold_wait_elsewhere() -> None:
    """503, to be tried again, rather than memory without end."""
    gate = Gate(LIMITS, 10)
    gate.room = 100

    async def work(wire: Wire) -> bytes:
        await wire.send(_post(b"x" * 500, b"Content-Length: 500"))
        return await wire.read()

    answer = talk(work, gate=gate)
    assert statuses(answer) == [503]
    assert b"retry-after: 1" in answer
    assert gate.room == 100


def test_a_client_that_never_reads_is_cut_off() -> None:
    """An answer left unread does not hold memory for ever."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b"x" * 5_000_000
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def work(wire: Wire) -> int:
        await wire.send(GET)
        await asyncio.sleep(0.05)
        wire.pass_time(10)
        assert len(wire.gate.open) == 1
        wire.pass_time(31)
        wire.pass_time(34)
        await asyncio.sleep(0.05)
        return len(wire.gate.open)

    assert talk(work, app) == 0


def test_a_draining_connection_ends_after_its_answer() -> None:
    """Answers close the connection; idle ones close at once."""

    async def work(wire: Wire) -> bytes:
        wire.gate.draining = True
        await wire.send(GET)
        return await wire.read()

    answer = talk(work)
    assert statuses(answer) == [200]
    assert b"connection: close" in answer


def test_a_request_half_sent_as_the_draining_begins_is_told_that_it_was_the_last() -> None:
    """Its head came before, but who is answered must not ask again here: the connection is about to be closed."""

    request = _post(b"half sent", b"Content-Length: 9")

    async def work(wire: Wire) -> bytes:
        await wire.send(request[:-4])
        await asyncio.sleep(0.1)
        wire.gate.begin_draining()
        await wire.send(request[-4:])
        return await wire.read()

    answer = talk(work)
    assert statuses(answer) == [200]
    assert b"connection: close" in answer


def test_an_application_that_fails_half_way_cuts_the_answer() -> None:
    """A half answer is never ended as if it were whole; the next connection is served."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise RuntimeError("secret of ada@example.org")

    answer = ask(GET, app)
    assert statuses(answer) == [200]
    assert answer.endswith(b"\r\n\r\nx")
