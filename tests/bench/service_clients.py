"""The service as the SDK has it: fetch_many of 1,000 people, and what a call costs beside httpx's own."""

import json
import random
import socket
from collections.abc import Callable
from time import perf_counter, process_time

import httpx

import privet
from tests.bench.figures import Figure, figure
from tests.bench.people import FIELDS, PURPOSE
from tests.bench.service_contestants import MANY, Contestant, Prepared, processor_seconds

_CALLS = 100


def fetch_many_rate(backend: str, server: Contestant, prepared: Prepared, *, quick: bool) -> list[Figure]:
    """One client, one call after the other, 1,000 people each."""
    draw = random.Random(5)
    rates, ours, theirs = [], [], []
    with privet.Client(server.url, token=prepared.key) as desk:
        for round_ in range(3 if quick else 20):
            people = draw.choices(prepared.ids, k=MANY)
            spent, own, start = processor_seconds(server.pid), process_time(), perf_counter()
            answers = desk.fetch_many(people, purpose=PURPOSE, fields=FIELDS)
            seconds = perf_counter() - start
            if len(answers) != MANY or not isinstance(answers[0], privet.View):
                raise RuntimeError("fetch_many was refused")
            if round_:
                rates.append(MANY / seconds)
                ours.append((processor_seconds(server.pid) - spent) / MANY * 1e6)
                theirs.append((process_time() - own) / MANY * 1e6)
    name = f"service: fetch_many of {MANY:,} by the SDK"
    return [
        figure(name, backend, rates, unit="profiles/s"),
        figure(f"{name}: processor time of the server, a profile", backend, ours, unit="µs"),
        figure(f"{name}: processor time of the client, a profile", backend, theirs, unit="µs"),
    ]


def sdk_costs(backend: str, url: str, prepared: Prepared, *, quick: bool) -> list[Figure]:
    """Processor time of the client's process a call: the SDK, httpx, and a bare socket, taking turns."""
    rounds, calls = (2, 20) if quick else (15, _CALLS)
    draw = random.Random(6)
    header = {"authorization": f"Bearer {prepared.key}", "content-type": "application/json"}
    with privet.Client(url, token=prepared.key) as desk, httpx.Client(base_url=url, headers=header) as bare:
        raw = _raw(url, prepared.key)

        def sdk(who: str) -> object:
            return desk.fetch(who, purpose=PURPOSE, fields=FIELDS)

        def by_httpx(who: str) -> object:
            return (
                bare.post("/v1/fetch", json={"subject": who, "purpose": PURPOSE, "fields": FIELDS})
                .raise_for_status()
                .json()
            )

        ways: dict[str, Callable[[str], object]] = {"the SDK": sdk, "httpx": by_httpx, "a bare socket": raw}
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for round_ in range(rounds + 1):
            for name, call in ways.items():
                people = draw.choices(prepared.ids, k=calls)
                start = process_time()
                for who in people:
                    call(who)
                if round_:
                    spent[name].append((process_time() - start) / calls * 1e6)
    floor = spent["a bare socket"]
    found = []
    for name in ("the SDK", "httpx"):
        over = [max(0.001, one - least) for one, least in zip(spent[name], floor, strict=True)]
        found.append(
            figure(f"service: fetch, overhead of {name}, processor time a call", backend, over, unit="µs")
        )
    found.append(figure("service: fetch by a bare socket, processor time a call", backend, floor, unit="µs"))
    return found


def _raw(url: str, key: str) -> Callable[[str], object]:
    """The least that a client can do: one socket, bytes out, bytes in."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = (
        f"POST /v1/fetch HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )

    def call(who: str) -> object:
        body = json.dumps({"subject": who, "purpose": PURPOSE, "fields": FIELDS})
        connection.sendall(f"{head}{len(body)}\r\n\r\n{body}".encode())
        answer = b""
        while True:
            answer += connection.recv(65_536)
            told, _, rest = answer.partition(b"\r\n\r\n")
            at = told.lower().find(b"content-length:")
            if at >= 0 and len(rest) >= int(told[at + 15 :].split(b"\r\n", 1)[0]):
                return json.loads(rest)

    return call
