"""Client certificates at a real server over TLS: real authorities, real chains, and those that stand for nobody."""

import base64
import contextlib
import hmac
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from privet import Vault
from privet.bootstrap.credentials import create_key
from privet.testing import make_vault, open_vault
from tests.contract.http.doors import SPIFFE, Door, catalogue, is_refused, last_reader, reads
from tests.services.parts import miss
from tests.services.vault_server import VaultServer
from tests.unit.http.certifying import SERVER, Issued, issue

BEGINS = datetime.now(UTC) - timedelta(days=1)
DOCS = Path(__file__).parents[3] / "docs"


@dataclass(kw_only=True)
class Inn:
    """A vault's directory and catalogue, and the authorities of its network."""

    directory: Path
    files: Path
    authority: Issued
    desk: Issued

    def client(self, shown: Issued | None, name: str = "client") -> ssl.SSLContext:
        """What a client is configured with: our server's authority, and its own certificate."""
        context = ssl.create_default_context(cafile=str(self.files / "ca.pem"))
        if shown is not None:
            certificate, key = shown.write(self.files, name)
            context.load_cert_chain(certificate, key)
        return context

    def issue(self, name: str, *uris: str, by: Issued | None = None, **more: object) -> Issued:
        return issue(name, by=by or self.authority, uris=uris, begins=BEGINS, **more)  # type: ignore[arg-type]

    def serve(self, log: Path | None = None) -> VaultServer:
        return VaultServer(
            self.directory,
            log=log,
            serve={
                "tls_certificate": self.files / "server.pem",
                "tls_key": self.files / "server.key",
                "tls_client_ca": self.files / "ca.pem",
                "unauthenticated_per_minute": 100_000,
            },
        )


@pytest.fixture
def inn(tmp_path: Path) -> Inn:
    authority = issue("our authority", authority=True, begins=BEGINS)
    authority.write(tmp_path, "ca")
    desk = issue("desk", by=authority, begins=BEGINS)
    issue("server", by=authority, hosts=["127.0.0.1"], usage=(SERVER,), begins=BEGINS).write(
        tmp_path, "server"
    )
    return Inn(directory=tmp_path / "vault", files=tmp_path, authority=authority, desk=desk)


@pytest.fixture
def vault(inn: Inn) -> Iterator[Vault]:
    rules = catalogue(desk=f'certificates: ["{inn.desk.fingerprint}"]', kitchen=f'spiffe: ["{SPIFFE}"]')
    with make_vault(inn.directory, rules) as made:
        yield made


def test_certificates_over_real_tls(inn: Inn, vault: Vault) -> None:
    """A pinned one and a SPIFFE id find their services; each other one of our own authority stands for nobody."""
    key = create_key(vault.parts, "desk")
    with inn.serve() as server:
        for shown, name in ((inn.desk, "desk"), (inn.issue("any", SPIFFE), "kitchen")):
            answer = Door(server.url, inn.client(shown)).ask()
            assert answer.status == 403, answer
            assert last_reader(vault) == name
        before = reads(vault)
        for nobody in (
            None,
            inn.issue("desk"),
            inn.issue("two", SPIFFE, SPIFFE + "2"),
            inn.issue("likely", SPIFFE + "/x"),
        ):
            assert is_refused(Door(server.url, inn.client(nobody)).ask())
        assert reads(vault) == before
        kitchen = Door(server.url, inn.client(inn.issue("any", SPIFFE)))
        assert is_refused(kitchen.ask(key.text))  # a key of the desk, in the kitchen's hands
        assert Door(server.url, inn.client(None)).ask(key.text).status == 403


def test_tls_itself_refuses_what_it_must(inn: Inn, vault: Vault) -> None:
    """Another authority's, an expired one, a server's own, and a stolen certificate without its key."""
    other = issue("another authority", authority=True, begins=BEGINS)
    expired = issue("desk", by=inn.authority, uris=[SPIFFE], begins=BEGINS - timedelta(days=90), days=30)
    log = inn.files / "serve.log"
    with inn.serve(log=log) as server:
        for shown in (
            inn.issue("kitchen", SPIFFE, by=other),
            issue("kitchen", uris=[SPIFFE], begins=BEGINS),
            expired,
            inn.issue("kitchen", SPIFFE, usage=(SERVER,)),
        ):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                Door(server.url, inn.client(shown)).ask()
        _check_told(inn, server, log, 4)
        inn.desk.write(inn.files, "desk")
        context = inn.client(None)
        _, key = issue("thief").write(inn.files, "thief")
        with pytest.raises(ssl.SSLError):
            context.load_cert_chain(inn.files / "desk.pem", key)
        assert Door(server.url, inn.client(inn.desk)).ask().status == 403
    assert vault.parts.catalogue.services["desk"].certificates


def _check_told(inn: Inn, server: VaultServer, log: Path, times: int) -> None:
    """Each is counted, and the operator is told why; once, however many come."""
    line = f'privet_unknown_callers_total{{why="certificate"}} {times}.0'
    at = urlsplit(server.url)
    until = time.monotonic() + 30
    found = ""
    while line not in found and time.monotonic() < until:
        asking = http.client.HTTPSConnection(
            at.hostname or "", at.port, context=inn.client(inn.desk), timeout=30
        )
        asking.request("GET", "/metrics")
        found = asking.getresponse().read().decode()
        asking.close()
    assert line in found
    said = [one for one in log.read_text().splitlines() if "client certificate was refused" in one]
    assert len(said) == 1
    assert "certificate" in json.loads(said[0])["reason"]


def test_a_catalogue_that_moves_a_certificate(inn: Inn, vault: Vault) -> None:
    """The running server serves nobody under the old rules; restarted, the certificate is the other service's."""
    file = inn.directory / "catalogue.yaml"
    with inn.serve() as server:
        door = Door(server.url, inn.client(inn.desk))
        assert door.ask().status == 403
        assert last_reader(vault) == "desk"
        file.write_text(
            catalogue(desk="recipient: ''", kitchen=f'certificates: ["{inn.desk.fingerprint}"]'),
            encoding="utf-8",
        )
        with open_vault(inn.directory) as moved:
            before = reads(moved)
            answer = door.ask()
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert reads(moved) == before
    with inn.serve() as server, open_vault(inn.directory) as moved:
        assert Door(server.url, inn.client(inn.desk)).ask().status == 403
        assert last_reader(moved) == "kitchen"


def test_a_proxys_signed_header(inn: Inn, vault: Vault) -> None:
    """Behind a proxy that ends TLS: its signed word counts, nobody else's does, and no word is no certificate."""
    secret = bytes(range(32))
    (inn.files / "proxy.key").write_bytes(base64.b64encode(secret))
    shown = inn.issue("any", SPIFFE)

    def header(signer: bytes, at: float) -> dict[str, str]:
        said = f"v1.{int(at)}.{base64.b64encode(shown.der).decode()}"
        return {"Privet-Client-Certificate": f"{said}.{hmac.digest(signer, said.encode(), 'sha256').hex()}"}

    settings = {
        "behind_proxy": True,
        "proxy_key_file": inn.files / "proxy.key",
        "unauthenticated_per_minute": 100_000,
    }
    with VaultServer(inn.directory, serve=settings) as server:
        door = Door(server.url)
        assert door.ask(headers=header(secret, time.time())).status == 403
        assert last_reader(vault) == "kitchen"
        assert is_refused(door.ask(headers=header(bytes(32), time.time())))
        assert is_refused(door.ask(headers=header(secret, time.time() - 120)))
        assert is_refused(door.ask())


HAPROXY = """
global
    maxconn 50
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend clients
    bind 127.0.0.1:{port} ssl crt {files}/both.pem ca-file {files}/ca.pem verify optional
{lines}
    default_backend vault
backend vault
    server vault 127.0.0.1:{vault}
"""


@contextmanager
def haproxy(inn: Inn, vault_url: str, secret: str) -> Iterator[str]:
    """The address of a real HAProxy before the vault, set up by the very lines of docs/authentication.md."""
    if shutil.which("haproxy") is None:
        miss("haproxy", "it is not installed (apt-get install haproxy)")
    told = (DOCS / "authentication.md").read_text(encoding="utf-8").splitlines()
    lines = [line.replace("BASE64KEY", secret) for line in told if line.startswith("    http-request ")]
    assert len(lines) == 4
    both = [(inn.files / name).read_text() for name in ("server.pem", "server.key")]
    (inn.files / "both.pem").write_text("".join(both))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = HAPROXY.format(port=port, files=inn.files, lines="\n".join(lines), vault=urlsplit(vault_url).port)
    (inn.files / "haproxy.cfg").write_text(text)
    with subprocess.Popen(["haproxy", "-db", "-f", str(inn.files / "haproxy.cfg")]) as process:
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until and process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                    break
                time.sleep(0.05)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_a_real_proxy_by_the_lines_of_the_documentation(inn: Inn, vault: Vault) -> None:
    """A client's certificate goes through HAProxy to its service; what a client sends under the header's name does
    not, nor a certificate that is not there."""
    secret = base64.b64encode(bytes(range(200, 232))).decode()
    (inn.files / "proxy.key").write_text(secret + "\n")
    settings = {
        "behind_proxy": True,
        "proxy_key_file": inn.files / "proxy.key",
        "unauthenticated_per_minute": 100_000,
    }
    with (
        VaultServer(inn.directory, serve=settings) as server,
        haproxy(inn, server.url, secret) as address,
    ):
        assert Door(address, inn.client(inn.issue("any", SPIFFE))).ask().status == 403
        assert last_reader(vault) == "kitchen"
        assert Door(address, inn.client(inn.desk)).ask().status == 403
        assert last_reader(vault) == "desk"
        stranger = Door(address, inn.client(None))
        assert is_refused(stranger.ask())
        said = f"v1.{int(time.time())}.{base64.b64encode(inn.desk.der).decode()}"
        mac = hmac.digest(base64.b64decode(secret), said.encode(), "sha256").hex()
        assert is_refused(stranger.ask(headers={"Privet-Client-Certificate": f"{said}.{mac}"}))


def test_without_a_proxys_key_such_headers_are_not_read(inn: Inn, vault: Vault) -> None:
    """Whatever they say."""
    said = f"v1.{int(time.time())}.{base64.b64encode(inn.desk.der).decode()}"
    forged = {"Privet-Client-Certificate": f"{said}.{hmac.digest(b'', said.encode(), 'sha256').hex()}"}
    with VaultServer(inn.directory, serve={"behind_proxy": True}) as server:
        assert is_refused(Door(server.url).ask(headers=forged))
    assert vault.parts.catalogue.services
