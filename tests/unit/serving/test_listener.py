"""Where to listen and with what certificate: each way in which that fails has its sentence and exit code."""

import errno
import os
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from privet.config.settings.serving import ServeSettings
from privet.errors import EXIT_UNAVAILABLE, EXIT_USAGE, InvalidInput, PrivetError, Unavailable
from privet.serving.listener import address_of, bind, make_tls
from tests.services.certificates import Authority

LOOPBACK = ServeSettings(port=0)


def _tls(folder: Path, certificate: bytes, key: bytes, **more: Any) -> ServeSettings:
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    return replace(LOOPBACK, tls_certificate=folder / "cert.pem", tls_key=folder / "key.pem", **more)


def test_port_zero_is_any_that_is_free() -> None:
    """And the address says which."""
    with bind(LOOPBACK) as listener:
        assert address_of(listener, LOOPBACK) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert not listener.getblocking()


def test_a_port_in_use() -> None:
    """Exit code 3, and what to do."""
    with bind(LOOPBACK) as listener, pytest.raises(Unavailable, match=r"in use.*--port") as failure:
        bind(replace(LOOPBACK, port=listener.getsockname()[1]))
    assert failure.value.exit_code == EXIT_UNAVAILABLE


def test_a_port_that_was_used_a_moment_ago_is_free() -> None:
    """Restarting needs no waiting."""
    with bind(LOOPBACK) as listener:
        port = listener.getsockname()[1]
    bind(replace(LOOPBACK, port=port)).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_plain_http_beyond_loopback_is_refused(host: str) -> None:
    """Exit code 2; a proxy that ends TLS, or a certificate, makes it right."""
    with pytest.raises(InvalidInput, match="plain HTTP") as failure:
        bind(replace(LOOPBACK, host=host))
    assert failure.value.exit_code == EXIT_USAGE
    bind(replace(LOOPBACK, host=host, behind_proxy=True)).close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"])
def test_loopback_has_many_names(host: str) -> None:
    """All of them are fine without TLS."""
    bind(replace(LOOPBACK, host=host)).close()


@pytest.mark.parametrize(
    "number, said",
    [(errno.EACCES, "may not listen"), (errno.EPERM, "may not listen"), (errno.ENOBUFS, "cannot listen")],
)
def test_what_the_system_refuses(monkeypatch: pytest.MonkeyPatch, number: int, said: str) -> None:
    """Ports below 1024, and whatever else: exit code 3, with the system's reason or what to do."""

    def refuse(self: socket.socket, address: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(Unavailable, match=said):
        bind(replace(LOOPBACK, port=80))


def test_an_address_of_another_machine() -> None:
    """TEST-NET-1 is nobody's."""
    with pytest.raises(Unavailable, match="does not have the address"):
        bind(replace(LOOPBACK, host="192.0.2.1", behind_proxy=True))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 300, "..."])
def test_an_address_that_is_none(host: str) -> None:
    """One sentence."""
    with pytest.raises(InvalidInput, match=r"serve\.host"):
        bind(replace(LOOPBACK, host=host))


def test_no_certificate_is_no_tls() -> None:
    """Plain HTTP is then a matter of where it listens."""
    assert make_tls(LOOPBACK) is None


def test_a_certificate_and_its_key(tmp_path: Path) -> None:
    """TLS 1.2 and later, HTTP/1.1, nobody's certificate asked for."""
    context = make_tls(_tls(tmp_path, *Authority().issue("localhost")))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE


def test_client_certificates_are_asked_for_and_not_remembered(tmp_path: Path) -> None:
    """Each connection shows its own: a ticket would stand for one that has been taken away."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    context = make_tls(_tls(tmp_path, *authority.issue("localhost"), tls_client_ca=tmp_path / "ca.pem"))
    assert context is not None
    assert context.verify_mode == ssl.CERT_OPTIONAL
    assert context.num_tickets == 0
    assert context.options & ssl.OP_NO_TICKET


def _with_password(key: bytes) -> bytes:
    loaded = serialization.load_pem_private_key(key, None)
    return loaded.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )


def _faults() -> dict[str, tuple[bytes, bytes, str]]:
    certificate, key = Authority().issue("localhost")
    _, other = Authority().issue("localhost")
    return {
        "another key": (certificate, other, "not that of the certificate"),
        "no certificate": (b"rubbish", key, "not a certificate"),
        "no key": (certificate, b"rubbish", "not a certificate"),
        "empty": (b"", b"", "not a certificate"),
        "swapped": (key, certificate, "not a certificate"),
        "a key with a password": (certificate, _with_password(key), "without a password"),
    }


@pytest.mark.parametrize("certificate, key, said", _faults().values(), ids=_faults().keys())
def test_files_that_do_not_fit(tmp_path: Path, certificate: bytes, key: bytes, said: str) -> None:
    """Exit code 2, named by their settings, and nobody is asked for a password."""
    with pytest.raises(InvalidInput, match=said) as failure:
        make_tls(_tls(tmp_path, certificate, key))
    assert "serve.tls_certificate" in failure.value.message


@pytest.mark.parametrize("missing", ["cert.pem", "key.pem"])
def test_files_that_are_not_there(tmp_path: Path, missing: str) -> None:
    """Exit code 3, with the path."""
    settings = _tls(tmp_path, *Authority().issue("localhost"))
    (tmp_path / missing).unlink()
    with pytest.raises(PrivetError, match=missing) as failure:
        make_tls(settings)
    assert failure.value.exit_code == EXIT_UNAVAILABLE


def test_an_authority_that_is_none(tmp_path: Path) -> None:
    """Rather than a server that refuses everybody."""
    (tmp_path / "ca.pem").write_text("rubbish")
    with pytest.raises(InvalidInput, match="tls_client_ca"):
        make_tls(_tls(tmp_path, *Authority().issue("localhost"), tls_client_ca=tmp_path / "ca.pem"))
