"""What ends before a route has it leaves the entry of any refusal where a known caller asked, and none of strangers."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from privet.audit.query import AuditLine
from tests.contract.http.house import House, serve_house

PATIENCE_S = 30
_NUMBERS = itertools.count(1)
JSON = "Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With a body timeout that a test can wait for."""
    directory = tmp_path_factory.mktemp("unrouted") / "vault"
    with serve_house(directory, serve={"body_timeout_s": 1.0, "max_body_bytes": 10_000}) as found:
        yield found


PUT = f"POST /v1/put HTTP/1.1\r\n{{}}{JSON}"
MANY = f"POST /v1/fetch-many HTTP/1.1\r\n{{}}{JSON}"
# What is sent, with credential and request id in place of {}, its status, and the route that the entry names.
WHOLE = {
    "a body too large, announced": (PUT + "Content-Length: 10001\r\n\r\n", 413, "/v1/put"),
    "a body too large, in chunks": (
        MANY + f"Transfer-Encoding: chunked\r\n\r\n2711\r\n{'x' * 10_001}\r\n0\r\n\r\n",
        413,
        "/v1/fetch-many",
    ),
    "a body that does not come": (f"POST /v1/fetch HTTP/1.1\r\n{{}}{JSON}Content-Length: 9\r\n\r\nx", 408, "/v1/fetch"),
    "chunks that are none": (
        f"POST /v1/find HTTP/1.1\r\n{{}}{JSON}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400, "/v1/find",
    ),
    "another method of a hot route": ("GET /v1/fetch HTTP/1.1\r\n{}\r\n", 405, "/v1/fetch"),
    "another method of a route": ("GET /v1/put HTTP/1.1\r\n{}\r\n", 405, "/v1/put"),
    "dots in the address": ("GET /v1/../v1/fetch HTTP/1.1\r\n{}\r\n", 404, ""),
    "an escape in the address": ("POST /v1/%66etch HTTP/1.1\r\n{}Content-Length: 0\r\n\r\n", 404, ""),
    "an empty segment": ("POST /v1//fetch HTTP/1.1\r\n{}Content-Length: 0\r\n\r\n", 404, ""),
    "an address of 2,000 bytes": (f"GET /v1/{'x' * 2_000} HTTP/1.1\r\n{{}}\r\n", 404, ""),
    "an address of 9,000 bytes": (f"GET /v1/{'x' * 9_000} HTTP/1.1\r\n{{}}\r\n", 414, ""),
    "an address that stands nowhere": ("GET /nothing HTTP/1.1\r\n{}\r\n", 404, ""),
    "an unknown route": ("GET /v1/nothing HTTP/1.1\r\n{}\r\n", 404, ""),
    "two hosts": ("GET /v1/controls HTTP/1.1\r\nHost: b\r\n{}\r\n", 400, ""),
    "too many header lines": ("GET /v1/controls HTTP/1.1\r\n{}" + "X: y\r\n" * 120 + "\r\n", 431, ""),
}  # fmt: skip


def send(house: House, request: str, credential: str, request_id: str) -> tuple[int, dict[str, str]]:
    """The answer's status and problem."""
    head = f"Host: a\r\nAuthorization: Bearer {credential}\r\nX-Request-Id: {request_id}\r\n"
    at = urlsplit(house.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=PATIENCE_S) as connection:
        connection.sendall(request.replace("{}", head).encode())
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            headers = dict(
                line.decode().lower().strip().split(": ", 1) for line in iter(answer.readline, b"\r\n")
            )
            return status, json.loads(answer.read(int(headers["content-length"])))


def entries(house: House, start: int) -> list[AuditLine]:
    """Of refused requests from a position on, one for each; what was only counted is left out."""
    lines = [line for line in house.lines(act="request") if line.position >= start]
    return [line for line in lines if line.detail["code"] != "counted"]


@pytest.mark.parametrize("name", WHOLE)
def test_a_known_caller_leaves_an_entry(house: House, name: str) -> None:
    """Durable before the answer, with its route, status and code. (Over five a second they are counted: then it is
    asked again.)"""
    request, status, route = WHOLE[name]
    until = time.monotonic() + PATIENCE_S
    while True:
        start, request_id = house.vault.parts.store.log.size(), f"r{next(_NUMBERS)}"
        found, said = send(house, request, house.keys["mailer"], request_id)
        assert (found, said["request_id"]) == (status, request_id)
        lines = entries(house, start)
        if lines or time.monotonic() > until:
            break
        time.sleep(1.1)
    assert [line.service for line in lines] == ["mailer"]
    detail = lines[0].detail
    assert (detail["status"], detail["code"], detail["route"]) == (status, said["code"], route)


def test_strangers_leave_none(house: House) -> None:
    """The same answers, and nothing in the log, whatever they show."""
    start = house.vault.parts.store.log.size()
    for request, status, _ in WHOLE.values():
        for credential in ("privet_aaaaaaaa_" + "A" * 43, "not a key"):
            assert send(house, request, credential, "stranger")[0] == status
    assert [line for line in house.lines(act="request") if line.position >= start] == []


def test_what_comes_behind_an_answer_under_way_is_logged_and_told_in_its_turn(house: House) -> None:
    """A refusal on a connection where another request is still answered."""
    start, request_id = house.vault.parts.store.log.size(), f"r{next(_NUMBERS)}"
    key = house.keys["reader"]
    head = f"Host: a\r\nAuthorization: Bearer {key}\r\nX-Request-Id: {request_id}\r\n"
    first = f"GET /v1/controls HTTP/1.1\r\n{head}\r\n".encode()
    second = f"POST /v1/put HTTP/1.1\r\n{head}{JSON}Content-Length: 10001\r\n\r\n".encode()
    at = urlsplit(house.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=PATIENCE_S) as connection:
        connection.sendall(first + second)
        with connection.makefile("rb") as answers:
            said = answers.read()
    assert [part.split()[0] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"403", b"413"]
    codes = sorted(str(line.detail["code"]) for line in entries(house, start))
    assert codes == ["body_too_large", "wrong_role"]
