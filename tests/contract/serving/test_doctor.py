"""`privet doctor` on a vault that is served: each fault is named, with its fix."""

import contextlib
import datetime as dt
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from privet.config.catalogue import parse_catalogue
from privet.config.settings import Settings, default_settings
from privet.config.settings.serving import (
    IssuerSettings,
    PortalSettings,
    ServeSettings,
    Serving,
    SmtpSettings,
    TelemetrySettings,
)
from privet.domain.ids import VaultId
from privet.serving.doctor import examine_serving
from privet.serving.premises import alone

CATALOGUE = parse_catalogue(
    """
fields:
  name: {type: string, category: "pd:Name", allow: [care]}
  email: {type: email, category: "pd:EmailAddress", lookup: unique, allow: [care]}
purposes:
  care: {dpv: "dpv:ServicePersonalisation", basis: contract}
""",
    file="catalogue.yaml",
    notices={},
)


def settings(directory: Path, **sections: Any) -> Settings:
    return replace(default_settings(directory, VaultId(bytes(16))), serving=Serving(**sections))


def certificate(directory: Path, *, days: int, name: str = "c") -> dict[str, Any]:
    """A self-signed certificate that ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault.example.org")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    paths = {"tls_certificate": directory / f"{name}.pem", "tls_key": directory / f"{name}.key"}
    paths["tls_certificate"].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths["tls_key"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    paths["tls_key"].chmod(0o600)
    return paths


def said(found: Settings) -> list[tuple[str, str]]:
    return [(one.level, one.sentence) for one in examine_serving(found, CATALOGUE)]


def test_a_vault_that_is_not_served_is_not_asked_about_it(tmp_path: Path) -> None:
    """Nothing set, nothing to say."""
    assert said(settings(tmp_path)) == []


@pytest.mark.parametrize(
    "days, level, words",
    [(90, "ok", "fit, until"), (10, "warn", "ends in 10 days"), (-3, "fault", "certificate ended on")],
)
def test_the_servers_certificate(tmp_path: Path, days: int, level: str, words: str) -> None:
    """Good, soon to end, ended."""
    serve = ServeSettings(**certificate(tmp_path, days=days))
    found = said(settings(tmp_path, serve=serve, portal=PortalSettings(enabled=False)))
    assert [(one, words in text) for one, text in found] == [(level, True)]


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    """Said as that, not as OpenSSL says it."""
    one, two = certificate(tmp_path, days=90), certificate(tmp_path, days=90, name="other")
    serve = ServeSettings(tls_certificate=one["tls_certificate"], tls_key=two["tls_key"])
    (level, text), *_ = said(settings(tmp_path, serve=serve, portal=PortalSettings(enabled=False)))
    assert level == "fault"
    assert "the key is not that of the certificate" in text


def test_secrets_that_others_may_read_or_that_are_not_there(tmp_path: Path) -> None:
    """Each file by its setting's name."""
    token, missing = tmp_path / "token", tmp_path / "missing"
    token.write_text("x" * 20)
    token.chmod(0o644)
    serve = ServeSettings(metrics_token_file=token, proxy_key_file=missing)
    found = said(settings(tmp_path, serve=serve, portal=PortalSettings(enabled=False)))
    assert [level for level, _ in found] == ["fault", "warn"]
    assert "serve.proxy_key_file" in found[0][1]
    assert "serve.metrics_token_file" in found[1][1]


def test_more_workers_than_sqlite_has_writers(tmp_path: Path) -> None:
    """Before `privet serve` refuses it."""
    found = said(settings(tmp_path, serve=ServeSettings(workers=4), portal=PortalSettings(enabled=False)))
    assert found == [("fault", "serve.workers is 4, and SQLite has one writer")]


def test_fewer_files_than_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many will fit, before clients wait for it."""
    monkeypatch.setattr(resource, "getrlimit", lambda which: (64, 1_000))
    found = said(settings(tmp_path, serve=ServeSettings(port=1), portal=PortalSettings(enabled=False)))
    assert [level for level, _ in found] == ["warn"]
    assert "serve.max_connections is 1000" in found[0][1]
    assert "room for 744" in found[0][1]


def test_a_look_up_that_the_catalogue_does_not_have(tmp_path: Path) -> None:
    """Customers could not sign in, nor be found by a token's claim."""
    issuer = IssuerSettings(
        issuer="http://127.0.0.1:9", audience="p", role="customers", claim="sub", lookup="crm"
    )
    found = said(settings(tmp_path, portal=PortalSettings(lookup="name"), issuers=(issuer,)))
    assert [level for level, _ in found] == ["fault", "fault", "fault"]
    assert "no look-up field 'name'" in found[0][1]
    assert "no look-up field 'crm'" in found[1][1]
    assert "the issuer http://127.0.0.1:9 gives no keys" in found[2][1]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """By a stranger `privet serve` cannot start; by the vault's own service all is well."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        on = settings(tmp_path, serve=ServeSettings(port=port), portal=PortalSettings(enabled=False))
        ((level, text),) = said(on)
        assert level == "fault"
        assert f"port {port} on 127.0.0.1 is in use" in text
        with alone(tmp_path):
            assert said(on) == [("ok", "the vault is served now")]
        ((level, _),) = said(replace(on, database_url="postgresql+psycopg://x@/x"))
        assert level == "warn"
    assert said(on) == []


def test_a_secret_that_anybody_can_change(tmp_path: Path) -> None:
    """A fault: it is nobody's secret any more."""
    token = tmp_path / "token"
    token.write_text("x" * 20)
    token.chmod(0o666)
    serve = ServeSettings(metrics_token_file=token)
    found = said(settings(tmp_path, serve=serve, portal=PortalSettings(enabled=False)))
    assert found == [("fault", f"serve.metrics_token_file: anybody on this machine can change {token}")]


class Answer(BaseHTTPRequestHandler):
    """One status and body for each request."""

    status, body = 200, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    "status, body, words",
    [
        (503, b"", "answers with 503, not 200"),
        (200, b"<html>", "the issuer's answer is not JSON"),
        (200, b'{"keys": []}', "none of its keys can be used"),
        (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "none of its keys can be used"),
    ],
)
def test_an_issuer_whose_keys_are_not_to_be_had(tmp_path: Path, status: int, body: bytes, words: str) -> None:
    """Which issuer, and what its answer lacks."""
    with serving(type("Here", (Answer,), {"status": status, "body": body})) as address:
        issuer = IssuerSettings(
            issuer="https://who.example.org", audience="p", role="services", jwks_url=f"{address}/keys"
        )
        found = said(settings(tmp_path, portal=PortalSettings(enabled=False), issuers=(issuer,)))
    assert [level for level, _ in found] == ["fault"]
    assert "the issuer https://who.example.org" in found[0][1]
    assert words in found[0][1]


@pytest.mark.parametrize(
    "url, words",
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 cannot be reached (Connection refused)"),
        ("http://who.example.org", "http://who.example.org: keys are fetched by https:// only"),
        (
            "http://me:secret@who.example.org/x?y=z",
            "http://who.example.org: keys are fetched by https:// only",
        ),
    ],
)
def test_an_issuer_that_cannot_be_asked(tmp_path: Path, url: str, words: str) -> None:
    """The address and the reason; no name, password, path or query of it."""
    issuer = IssuerSettings(issuer="https://who.example.org", audience="p", role="services", jwks_url=url)
    ((level, text),) = said(settings(tmp_path, portal=PortalSettings(enabled=False), issuers=(issuer,)))
    assert level == "fault"
    assert words in text
    assert "secret" not in text


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A small site on loopback, and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_plain_http_beyond_loopback(tmp_path: Path) -> None:
    """What `privet serve` will refuse, and pages that would answer nobody; a proxy in front makes the first right."""
    open_to_all = ServeSettings(host="0.0.0.0", public_url="http://my.example.org")
    found = said(settings(tmp_path, serve=open_to_all))
    assert [level for level, _ in found] == ["fault", "fault", "warn"]
    assert "serve.host is 0.0.0.0" in found[0][1]
    assert "serve.public_url is plain HTTP" in found[1][1]
    behind = ServeSettings(host="0.0.0.0", behind_proxy=True, public_url="https://my.example.org")
    assert [level for level, _ in said(settings(tmp_path, serve=behind))] == ["warn"]
    assert said(settings(tmp_path, serve=ServeSettings(host="no.such.host.invalid")))[0][0] == "fault"


def test_a_look_up_to_which_no_mail_goes(tmp_path: Path) -> None:
    """A telephone number finds her, and no code reaches it."""
    catalogue = parse_catalogue(
        """
fields:
  phone: {type: phone, category: "pd:TelephoneNumber", lookup: unique, allow: [care]}
purposes:
  care: {dpv: "dpv:ServicePersonalisation", basis: contract}
""",
        file="catalogue.yaml",
        notices={},
    )
    found = examine_serving(settings(tmp_path, portal=PortalSettings(lookup="phone")), catalogue)
    assert [(one.level, "is no email address" in one.sentence) for one in found] == [("fault", True)]


def test_traces_without_opentelemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said with what to install, before `privet serve` says it."""
    telemetry = TelemetrySettings(otlp_endpoint="http://127.0.0.1:9")
    asked = settings(tmp_path, telemetry=telemetry, portal=PortalSettings(enabled=False))
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert [(level, "pip install" in text) for level, text in said(asked)] == [("fault", True)]


@pytest.fixture
def mail_server() -> Iterator[Controller]:
    """A real SMTP server that offers no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    controller = Controller(_Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


class _Sink:
    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        return "250 OK"


@pytest.mark.parametrize("security, level", [("none", "ok"), ("starttls", "fault")])
def test_the_mail_server_is_greeted(
    tmp_path: Path, mail_server: Controller, security: Any, level: str
) -> None:
    """One that takes us, and one that does not offer the TLS that is asked for; no mail is sent."""
    smtp = SmtpSettings(
        host="127.0.0.1", port=mail_server.port, security=security, sender="vault@example.org"
    )
    assert [one for one, _ in said(settings(tmp_path, smtp=smtp))] == [level]


def test_a_mail_server_that_is_not_there(tmp_path: Path) -> None:
    """Named by host and port."""
    smtp = SmtpSettings(host="127.0.0.1", port=9, security="none", sender="vault@example.org")
    assert said(settings(tmp_path, smtp=smtp)) == [
        ("fault", "the mail server at 127.0.0.1 port 9 does not take us (ConnectionRefusedError)")
    ]
