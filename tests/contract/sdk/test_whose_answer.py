"""One connection, many questions: no answer is taken for that to another question, whatever else a server sends."""

import json
import threading
import time
from typing import Any

import pytest

from privet.errors import Unavailable
from tests.contract.sdk.faces import Make
from tests.contract.sdk.scripted import VIEW, Got, Scripted, Step, echo, named

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
STRAY = json.dumps({**VIEW, "values": {"given_name": "somebody else"}}).encode()


def name_of(client: Any, name: str) -> object:
    return client.fetch(named(name), purpose="stay", fields=["given_name"])["given_name"]


def then_echo(before: bytes) -> Step:
    """Something that is sent before the answer, which comes too late to be seen with it."""

    def step(peer: Any, got: Got) -> bool:
        peer.sendall(before)
        time.sleep(0.3)
        return echo(peer, got)

    return step


def then_more(sent: threading.Event, *parts: bytes) -> Step:
    """What is sent on after the answer, unasked."""

    def step(peer: Any, got: Got) -> bool:
        echo(peer, got)
        for part in parts:
            time.sleep(0.05)
            peer.sendall(part)
        sent.set()
        return True

    return step


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_what_only_announces_an_answer_is_passed_over(make: Make, status: int) -> None:
    """Early hints, "still working": a proxy may send them, and the answer comes after."""
    announced = then_echo(b"HTTP/1.1 %d X\r\nLink: </x>\r\n\r\n" % status * 3)
    with Scripted(announced, echo) as server:
        client = make(server.url)
        assert [name_of(client, each) for each in ("ada", "bea", "cleo")] == ["ada", "bea", "cleo"]
        assert server.connections == 1


@pytest.mark.parametrize("status", [101, 204, 205, 304, 302])
def test_a_late_answer_after_one_without_a_body_goes_to_nobody(make: Make, status: int) -> None:
    """Of a status that no question here gets: the connection is closed, and the next question has its own answer."""
    with Scripted(then_echo(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status), echo) as server:
        client = make(server.url, retries=0)
        with pytest.raises(Unavailable):
            name_of(client, "ada")
        assert [name_of(client, each) for each in ("bea", "cleo")] == ["bea", "cleo"]


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"Content-Length: %d\r\n\r\n" % len(STRAY) + STRAY,),
        (HEAD + b"Content-Length: %d\r\n\r\n" % len(STRAY), STRAY[:20]),
        (HEAD + b"Content-Length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"rubbish",),
    ],
    ids=["whole", "half", "two", "rubbish"],
)
def test_what_came_unasked_is_no_answer(make: Make, parts: tuple[bytes, ...]) -> None:
    """A second answer on a connection that was kept: it is closed, and the next question goes by another."""
    sent = threading.Event()
    with Scripted(then_more(sent, *parts), echo) as server:
        client = make(server.url, retries=0)
        assert name_of(client, "ada") == "ada"
        assert sent.wait(30)
        time.sleep(0.3)  # it is here; the loop of the awaited one is to look
        assert [name_of(client, each) for each in ("bea", "cleo")] == ["bea", "cleo"]
        assert (len(server.got), server.connections) == (3, 2)
