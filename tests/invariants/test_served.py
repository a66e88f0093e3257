"""Invariants 1, 2, 3 and 7 of the service: what holds in the program holds at its door, whoever knocks.

Real `privet serve`, SQLite with one process, PostgreSQL with two workers.
"""

import contextlib
import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import privet
from privet.audit.leaf import parse_leaf
from privet.audit.reading import EntryReader
from privet.bootstrap.credentials import create_key
from privet.errors import AccessDenied, PrivetError
from tests.invariants.canaries import OTHER, PURPOSE, STAY, VALUES, needles
from tests.invariants.conftest import Make
from tests.invariants.world import PASSPHRASE, Clock, Place, World
from tests.services.vault_server import VaultServer

EMAIL = str(VALUES["email"])
WORKERS = {"sqlite": 1, "postgresql": 2}


@dataclass(kw_only=True)
class Served:
    """A vault that is served, and open here as well: for a customer's own choices, and to look into its log."""

    world: World
    server: VaultServer
    keys: dict[str, str]

    def client(self, service: str, **options: Any) -> privet.Client:
        return privet.Client(self.server.url, token=self.keys[service], **options)

    def raw(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request by hand; its status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture
def served(backend: str, make_place: Make) -> Iterator[Served]:
    """With keys for its services, at the most talkative log level."""
    place: Place = make_place(backend)
    world = World(place=place, vault=place.open(), clock=Clock())
    keys = {
        name: create_key(world.vault.parts, name).text
        for name in ("front-desk", "web-shop", "mailer", "kitchen")
    }
    settings: dict[str, Any] = {
        "serve": {"workers": WORKERS[backend]},
        "telemetry": {"log_level": "debug", "log_format": "json"},
    }
    try:
        with VaultServer(
            place.directory, passphrase=PASSPHRASE, arguments=("--show-codes",), **settings
        ) as server:
            yield Served(world=world, server=server, keys=keys)
    finally:
        world.vault.close()


def test_nothing_of_anybody_leaves_but_as_an_answer(served: Served) -> None:
    """Invariant 3: canaries wherever a caller can put one are in no log line, problem, metric or file."""
    shop, desk = served.client("web-shop"), served.client("front-desk")
    with shop, desk:
        shop.put(privet.by(email=EMAIL), VALUES, purpose="enrolment")
        shop.record(privet.by(email=EMAIL), "stays", STAY, purpose="enrolment")
        view = desk.fetch(privet.by(email=EMAIL), purpose="stay", fields=["given_name", "notes"])
        assert view["notes"] == VALUES["notes"]
        assert desk.find(email=OTHER, purpose="stay") is None
        asks: list[Callable[[], object]] = [
            lambda: desk.fetch(privet.by(email=OTHER), purpose=PURPOSE, fields=["notes"]),
            lambda: desk.put(privet.by(email=EMAIL), {"phone": OTHER}, purpose="stay"),
            lambda: desk.put(
                privet.by(email=EMAIL), {"notes": VALUES["notes"]}, purpose="stay", idempotency_key=EMAIL
            ),
        ]
        said = [_outcome(ask) for ask in asks]
    told = [*_knock_everywhere(served), *said]
    _sign_in_pages(served)
    served.server.stop()
    found = _search(served, told)
    assert found == {}
    control = {name for form, name in needles(served.world).items() if form in str(VALUES["notes"]).encode()}
    assert control, "the search finds nothing even in the clear"


def _outcome(ask: Callable[[], object]) -> bytes:
    """What the caller hears."""
    try:
        return repr(ask()).encode()
    except PrivetError as error:
        return f"{error!r} {error} {vars(error)}".encode()


def _knock_everywhere(served: Served) -> list[bytes]:
    """Refused requests with a canary in every place; the bodies of what was answered."""
    key = served.keys["front-desk"]
    good = {"Authorization": f"Bearer {key}", "Content_Type": "application/json"}
    person = json.dumps(
        {"subject": {"email": EMAIL}, "purpose": PURPOSE, "fields": ["notes"], "more": OTHER}
    ).encode()
    quoted = urllib.parse.quote(EMAIL)
    many = json.dumps({"subjects": [{"email": EMAIL}, 7], "purpose": "stay", "fields": ["notes"]}).encode()
    put = json.dumps(
        {"subject": {"email": EMAIL}, "values": {"email": VALUES["notes"]}, "purpose": "stay"}
    ).encode()
    knocks: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("POST", "/v1/fetch", person, good),
        ("POST", "/v1/fetch", person[:-5], good),
        ("POST", "/v1/fetch", person, {**good, "Content_Type": EMAIL}),
        ("POST", "/v1/fetch", person, {**good, "Authorization": f"Bearer {EMAIL}"}),
        ("POST", "/v1/fetch", person, {**good, "Authorization": f"Bearer {key[:-3]}abc"}),
        ("POST", "/v1/fetch", person, {**good, "Authorization": f"Basic {EMAIL}"}),
        ("POST", "/v1/fetch", person, {**good, "X_Request_Id": EMAIL}),
        ("POST", "/v1/fetch-many", many, good),
        ("POST", "/v1/put", put, {**good, "If_Match": f'"{EMAIL}"'}),
        ("POST", f"/v1/{quoted}", b"", good),
        ("GET", f"/v1/audit/entries/{quoted}", b"", good),
        ("GET", f"/v1/fetch?email={quoted}", b"", good),
        ("GET", f"/my/held?email={quoted}", b"", {"Cookie": f"privet-session={quoted}; a={quoted}"}),
        ("POST", "/my/sign-in", f"address={quoted}".encode(), {"Content_Type": "application/x-www-form-urlencoded"}),
        ("GET", "/metrics", b"", {"User_Agent": EMAIL, "Referer": f"http://x/{EMAIL}"}),
    ]  # fmt: skip
    bodies = []
    for method, path, body, headers in knocks:
        status, answered, text = served.raw(method, path, body, **headers)
        assert status < 500, (method, path, status)
        bodies.append(text + repr(answered).encode())
    return bodies


def _sign_in_pages(served: Served) -> None:
    """A code is asked for, and a wrong one tried; the letter itself may name her, to her."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
    )
    url = served.server.url
    with opener.open(f"{url}/my/sign-in", timeout=20) as answer:
        mark = answer.read().decode().partition('name="form" value="')[2].partition('"')[0]
    for path, fields in (
        ("sign-in", {"address": EMAIL}),
        ("sign-in", {"address": OTHER}),
        ("code", {"code": "0" * 8}),
    ):
        data = urllib.parse.urlencode({"form": mark, **fields}).encode()
        with contextlib.suppress(urllib.error.HTTPError):
            opener.open(urllib.request.Request(f"{url}/my/{path}", data, {"Origin": url}), timeout=20).close()


def _search(served: Served, told: list[bytes]) -> dict[str, str]:
    """Where which secret stands: in what the process said, what it answered, and what lies in the vault's files."""
    wanted = needles(served.world, *served.keys.values())
    places = {"the log": served.server.output().encode(), "an answer": b"\n".join(told)}
    places |= {str(path): path.read_bytes() for path in served.world.place.files() if not _holds_locks(path)}
    found = {}
    for place, text in places.items():
        for form, name in wanted.items():
            if form in text:
                found[place] = name
    return found


def _holds_locks(path: Path) -> bool:
    """Open in this process: to read it would end SQLite's locks. test_3 looks into it."""
    return path.name.startswith("vault.db")


def test_a_no_binds_the_next_request_of_any_worker(served: Served) -> None:
    """Invariant 2: when her no has returned, no request that starts later, in any worker, is answered as before."""
    for act in ("withdraw", "restrict", "object"):
        _race(served, act)


def _race(served: Served, act: str) -> None:
    who = served.world.guest(notes="x")
    me = served.world.customer(who)
    me.consent("marketing.email")
    spans: list[tuple[int, int, bool]] = []
    over = threading.Event()

    def read() -> None:
        with served.client("mailer") as mailer:
            while not over.is_set():
                began = time.monotonic_ns()
                try:
                    mailer.fetch(who, purpose="marketing.email", fields=["email"])
                    got = True
                except AccessDenied:
                    got = False
                spans.append((began, time.monotonic_ns(), got))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    spoken: list[tuple[int, int, bool]] = []
    for no in (True, False) * 4:
        began = time.monotonic_ns()
        if act == "withdraw":
            _ = me.withdraw("marketing.email") if no else me.consent("marketing.email")
        elif act == "restrict":
            _ = me.restrict() if no else me.unrestrict()
        else:
            _ = me.object("marketing") if no else me.unobject("marketing")
        spoken.append((began, time.monotonic_ns(), no))
        time.sleep(0.15)
    over.set()
    for reader in readers:
        reader.join()
    wrong = []
    for began, ended, got in spans:
        before = [no for _, said, no in spoken if said < began]
        during = [no for start, said, no in spoken if said >= began and start <= ended]
        if before and not during and got == before[-1]:
            wrong.append((began, got))
    assert len(spans) > 20
    assert wrong == [], act


def test_each_answer_has_its_leaf(served: Served) -> None:
    """Invariant 1: every audit id that a caller heard, of an answer or a refusal, is in the log, and each once."""
    who = served.world.guest(notes="x")
    heard: list[str] = []
    guard = threading.Lock()

    def ask(service: str) -> None:
        with served.client(service) as client:
            for turn in range(10):
                try:
                    mine = [client.fetch(who, purpose="stay", fields=["notes"]).audit_id]
                except AccessDenied as refused:
                    mine = [str(refused.audit_id)]
                if turn % 5 == 0:
                    mine += [
                        one.audit_id for one in client.fetch_many([who] * 7, purpose="stay", fields=["notes"])
                    ]
                with guard:
                    heard.extend(mine)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("front-desk", "kitchen", "front-desk")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logged = [row.id.hex() for row in served.world.log()]
    assert len(heard) == 3 * (10 + 14)
    assert len(set(heard)) == len(heard)
    assert set(heard) <= set(logged)
    assert len(set(logged)) == len(logged)


def test_a_request_id_finds_its_leaf(served: Served) -> None:
    """What a caller quotes leads an officer to the entry."""
    who = served.world.guest(notes="x")
    body = json.dumps({"subject": {"email": who.value}, "purpose": "stay", "fields": ["notes"]}).encode()
    status, headers, answer = served.raw(
        "POST", "/v1/fetch", body, X_Request_Id="complaint-7F3K", Content_Type="application/json",
        Authorization=f"Bearer {served.keys['front-desk']}",
    )  # fmt: skip
    assert (status, headers["x-request-id"]) == (200, "complaint-7F3K")
    parts = served.world.vault.parts
    parts.store.sequence()
    row = parts.store.log.find_entry(bytes.fromhex(json.loads(answer)["audit_id"]))  # type: ignore[arg-type]
    assert row is not None
    reader = EntryReader(store=parts.store, keyring=parts.keyring, vault=parts.vault)
    assert "complaint-7F3K" in json.dumps(reader.read(row, parse_leaf(row.leaf)).private)


def test_nobody_and_somebody_refused_are_told_apart_by_nothing(served: Served) -> None:
    """Invariant 7: the same status, headers and body, but for ids and times, of equal length; on every route."""
    for route in ("fetch", "fetch-many", "find", "history", "put", "consent/status", "consent/receipt"):
        _compare(served, route)


def _compare(served: Served, route: str) -> None:
    who = served.world.guest()
    served.world.customer(who).restrict()
    service = {"put": "front-desk", "consent/status": "mailer", "consent/receipt": "mailer"}.get(
        route, "front-desk"
    )
    purpose = "marketing.email" if service == "mailer" else "stay"

    def ask(email: str) -> tuple[int, list[str], bytes]:
        person: dict[str, Any] = {"subject": {"email": email}, "purpose": purpose}
        if route == "fetch-many":
            person = {"subjects": [{"email": email}], "purpose": purpose}
        if route in ("fetch", "fetch-many", "history"):
            person["fields"] = ["room"] if route == "history" else ["notes", "given_name"]
        if route == "history":
            person["collection"] = "stays"
        if route == "put":
            person = {**person, "values": {"notes": "x"}, "purpose": "meals"}
        status, headers, body = served.raw(
            "POST", f"/v1/{route}", json.dumps(person).encode(), Content_Type="application/json",
            Authorization=f"Bearer {served.keys[service]}",
        )  # fmt: skip
        for id_name in (b"audit_id", b"request_id"):
            start = body.find(b'"' + id_name + b'":"')
            if start >= 0:
                end = body.index(b'"', start + len(id_name) + 4)
                body = body[: start + len(id_name) + 4] + b"?" * (end - start - len(id_name) - 4) + body[end:]
        return status, sorted(name for name in headers if name != "date"), body

    nobody = "n" * (len(who.value) - len("@example.org")) + "@example.org"
    assert ask(who.value) == ask(nobody), route
