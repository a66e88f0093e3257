"""Starting the real process: what it says, what ends it, TLS that is TLS, and certificates renewed while it runs."""

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import time
import urllib.parse
import warnings
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.serving import Place, make_place, raw_fetch
from tests.services.certificates import Authority
from tests.services.vault_server import VaultServer

QUIET = {"enabled": False}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "vault")


def _fails(place: Place, code: int, *arguments: str, passphrase: str = "only for tests") -> str:
    """What it says before it ends with this exit code: one sentence, no traceback."""
    server = VaultServer(
        place.directory, arguments=arguments, passphrase=passphrase, wait=False, portal=QUIET
    )
    assert server.wait() == code, server.output()
    said = server.output()
    assert "Traceback" not in said
    assert said.startswith("privet: ")
    return said


def test_it_says_one_line(place: Place) -> None:
    """Address, vault, database, policy, workers; and nothing a request."""
    with VaultServer(place.directory, portal=QUIET) as server:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as client:
            for _ in range(3):
                client.request("GET", "/healthz")
                assert client.getresponse().read() == b"ok\n"
        said = [line for line in server.output().splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert said[0].startswith(f"privet: serving {place.directory} at http://127.0.0.1:")
    assert said[0].endswith("(sqlite, policy embedded, 1 worker)")


def test_logs_are_json(place: Place) -> None:
    """One object a line, after the line for people."""
    with VaultServer(place.directory, portal=QUIET) as server:
        server.stop()
        said = [json.loads(line) for line in server.output().splitlines()[1:]]
    assert [line["event"] for line in said] == ["serving", "stopping", "stopped"]
    assert {line["level"] for line in said} == {"info"}
    assert (said[0]["database"], said[0]["policy"]) == ("sqlite", "embedded")


def test_one_service_a_vault_of_sqlite(place: Place) -> None:
    """A second one is told so, at once; when the first has stopped, it may."""
    with VaultServer(place.directory, portal=QUIET):
        assert "is served already, and SQLite has one writer" in _fails(place, 3)
    with VaultServer(place.directory, portal=QUIET) as server:
        assert server.url


def test_a_directory_on_a_read_only_disk(place: Place, tmp_path: Path) -> None:
    """Exit code 3 and the path, instead of a service that can sign and journal nothing."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    locked = tmp_path / "locked"
    locked.mkdir()
    done = subprocess.run(["mount", "--bind", place.directory, locked], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", locked], check=True)
        server = VaultServer(locked, wait=False)
        assert server.wait() == 3
    finally:
        subprocess.run(["umount", "-l", locked], check=True)
    assert server.output().startswith(f"privet: {locked} cannot be written")


def test_a_port_in_use(place: Place) -> None:
    """Exit code 3, before a passphrase is asked for."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = _fails(place, 3, "--port", str(other.getsockname()[1]), passphrase="wrong")
    assert "is in use" in said


def test_a_wrong_passphrase(place: Place) -> None:
    """Exit code 3."""
    assert "wrong passphrase" in _fails(place, 3, passphrase="wrong")


def test_plain_http_to_the_world(place: Place) -> None:
    """Exit code 2, and the ways out."""
    said = _fails(place, 2, "--host", "0.0.0.0")
    assert "serve.tls_certificate" in said
    assert "serve.behind_proxy" in said


def test_a_short_metrics_token(place: Place, tmp_path: Path) -> None:
    """Exit code 2: whoever guesses it sees the figures."""
    (tmp_path / "token").write_text("short")
    server = VaultServer(
        place.directory, wait=False, portal=QUIET, serve={"metrics_token_file": tmp_path / "token"}
    )
    assert server.wait() == 2
    assert "16 characters" in server.output()


@pytest.fixture
def secured(place: Place, tmp_path: Path) -> tuple[Place, Authority, Path]:
    """A vault served over TLS, the authority, and the folder of the server's files."""
    authority = Authority()
    _put(tmp_path, *authority.issue("localhost", "127.0.0.1"))
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return place, authority, tmp_path


def _put(folder: Path, certificate: bytes, key: bytes) -> None:
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    (folder / "key.pem").chmod(stat.S_IRUSR | stat.S_IWUSR)


def _serve(place: Place, folder: Path, **more: object) -> VaultServer:
    return VaultServer(
        place.directory,
        portal=QUIET,
        serve={"tls_certificate": folder / "cert.pem", "tls_key": folder / "key.pem", **more},
    )


def _context(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem.decode())


def _shake(port: int, context: ssl.SSLContext) -> str:
    """Fingerprint of the certificate shown."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        shown = client.getpeercert(binary_form=True)
        assert shown is not None
        return hashlib.sha256(shown).hexdigest()


def test_requests_over_tls(secured: tuple[Place, Authority, Path]) -> None:
    """Answered, and with a word to browsers to keep to https."""
    place, authority, folder = secured
    with _serve(place, folder) as server:
        assert server.url.startswith("https://127.0.0.1:")
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=_context(authority))
        with closing(connection) as client:
            client.connect()
            client.sock.sendall(raw_fetch(place.key))
            answer = http.client.HTTPResponse(client.sock)
            answer.begin()
            assert answer.status == 200
            assert json.loads(answer.read())["values"] == {"given_name": "Ada"}
            assert "max-age" in (answer.headers["strict-transport-security"] or "")


def test_old_tls_is_refused(secured: tuple[Place, Authority, Path]) -> None:
    """1.1 and before."""
    place, authority, folder = secured
    old = _context(authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with _serve(place, folder) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _shake(server.port, old)
        _shake(server.port, _context(authority))


def test_handshakes_that_never_come_make_room(secured: tuple[Place, Authority, Path]) -> None:
    """As many connections as there may be, and more, that say nothing: who shakes hands does not wait their ten
    seconds."""
    place, authority, folder = secured
    with _serve(place, folder, max_connections=20) as server, ExitStack() as silent:
        for _ in range(30):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
        began = time.monotonic()
        for _ in range(3):
            _shake(server.port, _context(authority))
        assert time.monotonic() - began < 8


def test_plain_http_on_a_tls_port_gets_nothing(secured: tuple[Place, Authority, Path]) -> None:
    """And harms nobody."""
    place, authority, folder = secured
    with _serve(place, folder) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(raw_fetch(place.key))
            try:
                answer = client.recv(4_096)
            except ConnectionResetError:
                answer = b""
        assert b"HTTP/1.1" not in answer
        _shake(server.port, _context(authority))


def test_a_client_that_never_shakes_hands_keeps_nobody_out(secured: tuple[Place, Authority, Path]) -> None:
    """It counts as a connection until its time is up, and stopping does not wait for it for ever."""
    place, authority, folder = secured
    with (
        _serve(place, folder, graceful_s=1) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5),
    ):
        _shake(server.port, _context(authority))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8


def test_a_certificate_is_renewed_while_it_serves(secured: tuple[Place, Authority, Path]) -> None:
    """SIGHUP; a connection that is open stays, and files that do not fit change nothing."""
    place, authority, folder = secured
    with _serve(place, folder) as server:
        context = _context(authority)
        first = _shake(server.port, context)
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context)
        with closing(connection) as client:
            client.request("GET", "/healthz")
            client.getresponse().read()
            (folder / "cert.pem").write_text("rubbish")
            server.signal(signal.SIGHUP)
            _wait_said(server, "was not renewed")
            assert _shake(server.port, context) == first
            _put(folder, *authority.issue("127.0.0.1"))
            server.signal(signal.SIGHUP)
            _wait_said(server, "was renewed")
            assert _shake(server.port, context) != first
            client.request("GET", "/healthz")
            assert client.getresponse().read() == b"ok\n"


def _wait_said(server: VaultServer, words: str) -> None:
    until = time.monotonic() + 10
    while words not in server.output():
        assert time.monotonic() < until, server.output()
        time.sleep(0.02)


def test_without_tls_there_is_nothing_to_renew(place: Place) -> None:
    """A reload by the service manager never ends the service."""
    with VaultServer(place.directory, portal=QUIET) as server:
        server.signal(signal.SIGHUP)
        time.sleep(0.3)
        assert server.process.poll() is None
        assert server.stop() == 0


def _ask_for_a_code(server: VaultServer) -> None:
    """What Ada's browser does."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as client:
        client.request("GET", "/my/sign-in")
        answer = client.getresponse()
        mark = re.search(r'name="([^"]+)" value="([^"]+)"', answer.read().decode())
        assert mark is not None
        form = urllib.parse.urlencode({mark[1]: mark[2], "address": "ada@example.org"})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": (answer.headers["set-cookie"] or "").partition(";")[0],
            "Origin": server.url,
        }
        client.request("POST", "/my/sign-in", form, headers)
        answer = client.getresponse()
        answer.read()
        assert (answer.status, answer.headers["location"]) == (303, "/my/code")


def test_codes_are_shown_to_the_operator_who_asks_for_it(place: Place) -> None:
    """With the masked address: on the terminal of whoever tries it out, and on no other stream by accident."""
    with VaultServer(place.directory, arguments=("--show-codes",)) as server:
        assert "/my, sign-in codes shown here" in server.output()
        _ask_for_a_code(server)
        _wait_said(server, "code for")
        said = server.output()
    assert re.search(r"code for a\S+: [0-9 ]{6,}", said)
    assert "ada@example.org" not in said


def test_codes_are_not_shown_where_nobody_asked_for_it(place: Place) -> None:
    """A log file is no place for them."""
    with VaultServer(place.directory) as server:
        assert "sign-in codes nowhere" in server.output()
        _ask_for_a_code(server)
        time.sleep(0.5)
        server.stop()
        assert "code for" not in server.output()
