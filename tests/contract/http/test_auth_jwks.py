"""An issuer's site that fails in every way, over real sockets and real TLS: bounded, and nobody is let in."""

import asyncio
import gzip
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from privet import Vault
from privet.config.settings.serving import IssuerSettings
from privet.errors import Unavailable
from privet.http import jwks as keys_of
from privet.http.jwks import Fetcher, FetchFailed, KeySource
from privet.testing import make_vault
from tests.contract.http.doors import Door, bound, catalogue, is_refused
from tests.services.vault_server import VaultServer
from tests.unit.http.certifying import SERVER, issue
from tests.unit.http.issuing import claims, ec, jwks, token

GOOD = jwks(ec())
BEGINS = datetime.now(UTC) - timedelta(days=1)
Page = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """A web site that answers as told, counts who asks, and names its address."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.url = f"{scheme}://127.0.0.1:{server.server_port}"
        self.page: Page = say(GOOD)
        self.asked: list[str] = []


@contextmanager
def site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            try:
                made.page(self)
            except OSError:
                return  # who asked gave up

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made = Site(server, "http" if tls is None else "https")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(body: bytes, status: int = 200, **headers: str) -> Page:
    def page(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        to.wfile.write(body)

    return page


def huge(to: BaseHTTPRequestHandler) -> None:
    """Does not end by itself."""
    to.send_response(200)
    to.end_headers()
    while True:
        to.wfile.write(b" " * 65_536)


def drip(to: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever."""
    to.send_response(200)
    to.send_header("content-length", str(len(GOOD)))
    to.end_headers()
    for at in range(len(GOOD)):
        to.wfile.write(GOOD[at : at + 1])
        to.wfile.flush()
        time.sleep(0.2)


def silent(to: BaseHTTPRequestHandler) -> None:
    """Says nothing."""
    del to
    time.sleep(30)


def cut(to: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    to.send_response(200)
    to.send_header("content-length", str(len(GOOD) + 10))
    to.end_headers()
    to.wfile.write(GOOD)


def headers_flood(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    for at in range(500):
        to.send_header(f"x-{at}", "y" * 8_000)
    to.end_headers()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes four seconds in a server takes one here."""
    monkeypatch.setattr(keys_of, "TIMEOUT_S", 1.0)


def fetch(address: str, ca_file: Path | None = None) -> bytes:
    return asyncio.run(Fetcher(ca_file).fetch(address))


@pytest.mark.parametrize(
    "page",
    [
        huge,
        drip,
        silent,
        cut,
        headers_flood,
        say(GOOD, 500),
        say(GOOD, 404),
        say(GOOD, 204),
        say(b"", 302, location="/elsewhere"),
        say(b"", 307, location="https://evil.example/keys"),
        say(b"", 301, location="http://169.254.169.254/latest/meta-data"),
        say(b" " * (keys_of.MOST_BYTES + 1)),
    ],
)
def test_a_bad_answer_is_given_up_in_time(page: Page) -> None:
    """Endless, slow, silent, cut off, redirected, too large: an end within bounds, and nothing followed."""
    with site() as there:
        there.page = page
        begun = time.monotonic()
        with pytest.raises(FetchFailed):
            fetch(f"{there.url}/keys")
        assert time.monotonic() - begun < 15
        assert there.asked == ["/keys"]


def test_a_packed_answer_is_not_unpacked() -> None:
    """No coding was asked for: a bomb stays a few bytes, and is no key set."""
    with site() as there:
        there.page = say(gzip.compress(b" " * 50_000_000), content_encoding="gzip")
        assert len(fetch(f"{there.url}/keys")) < 100_000


def test_nobody_there() -> None:
    """Refused connections, and names that do not resolve."""
    with site() as there:
        url = there.url
    with pytest.raises(FetchFailed):
        fetch(url)
    with pytest.raises(FetchFailed):
        fetch("https://does-not-exist.invalid/keys")


def test_the_environments_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable redirects nothing."""
    with site() as there, site() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("no_proxy", "")
        assert fetch(f"{there.url}/keys") == GOOD
        assert proxy.asked == []


def test_tls_needs_an_authority_that_is_trusted(tmp_path: Path) -> None:
    """By default the system's, else the one named; and the certificate must be of the host."""
    ours = issue("ours", authority=True, begins=BEGINS)
    ca_file, _ = ours.write(tmp_path, "ca")

    def served(host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            *issue("site", by=ours, hosts=[host], usage=(SERVER,), begins=BEGINS).write(tmp_path, "site")
        )
        return context

    with site(served("127.0.0.1")) as there:
        assert fetch(f"{there.url}/keys", ca_file) == GOOD
        with pytest.raises(FetchFailed):
            fetch(f"{there.url}/keys")
    with site(served("127.0.0.2")) as there, pytest.raises(FetchFailed):
        fetch(f"{there.url}/keys", ca_file)


def test_discovery_to_another_host_in_the_clear_is_not_followed() -> None:
    """The document comes from the issuer; what it points to must be safe as well."""
    with site() as there:
        document = {"issuer": there.url, "jwks_uri": "http://192.0.2.1/keys"}
        there.page = say(json.dumps(document).encode())
        source = KeySource(IssuerSettings(issuer=there.url, audience="privet", role="services"))

        async def work() -> None:
            with pytest.raises(Unavailable):
                await source.find("ec", "ES256", ("EC", "P-256"))

        asyncio.run(work())
        assert there.asked == [keys_of.DISCOVERY]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    # the issuer's name need not be where its keys are
    with make_vault(
        tmp_path / "vault", catalogue(desk=bound("https://login.example", "desk"), kitchen="recipient: ''")
    ) as made:
        yield made


def test_a_server_whose_issuer_is_away_serves_others_and_recovers(vault: Vault) -> None:
    """Tokens get 503 meanwhile, fast and with few fetches; API keys are served as ever; then tokens again."""
    from privet.bootstrap.credentials import create_key

    key = create_key(vault.parts, "desk").text
    now = int(time.time())
    good = token({**claims(), "iat": now, "exp": now + 600}).decode()
    foreign = token({**claims(iss="https://foreign.example"), "iat": now, "exp": now + 600}).decode()
    with site() as there:
        there.page = silent
        looked = time.monotonic()
        issuers = [
            {
                "issuer": "https://login.example",
                "audience": "privet",
                "role": "services",
                "jwks_url": f"{there.url}/keys",
            }
        ]
        with VaultServer(vault.parts.settings.directory, issuers=issuers) as server:
            door = Door(server.url)
            waiting = threading.Thread(target=door.ask, args=(good,))
            waiting.start()
            time.sleep(0.3)
            begun = time.monotonic()
            assert door.ask(key).status == 403
            assert is_refused(door.ask(foreign))
            assert time.monotonic() - begun < 3.5
            waiting.join()
            answer = door.ask(good)
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert "retry-after" in answer.headers
            for _ in range(20):
                assert door.ask(good).status == 503
            assert len(there.asked) <= 1 + (time.monotonic() - looked) / keys_of.RETRY_S
            there.page = say(GOOD)
            until = time.monotonic() + 60
            begun = time.monotonic()
            while door.ask(good).status == 503 and begun < until:
                time.sleep(0.5)
                begun = time.monotonic()
            assert door.ask(good).status == 403
            before = len(there.asked)
            there.page = say(b"gone", 500)
            assert door.ask(good).status == 403
            invented = [
                token({**claims(), "iat": now, "exp": now + 600}, header={"kid": f"k{at}"}).decode()
                for at in range(30)
            ]
            assert all(is_refused(door.ask(one)) for one in invented)
            assert len(there.asked) <= before + (time.monotonic() - begun) / keys_of.UNKNOWN_KEY_S


def test_issuers_that_cannot_be_used_stop_the_start(vault: Vault) -> None:
    """With the section and what is wrong, before anything is served."""
    from tests.services.vault_server import ServerFailed

    good = {"issuer": "https://login.example", "audience": "privet", "role": "services"}
    for wrong in ({**good, "issuer": "http://login.example"}, {**good, "ca_file": "nowhere.pem"}):
        with pytest.raises(ServerFailed, match="issuers"):
            VaultServer(vault.parts.settings.directory, issuers=[wrong])
