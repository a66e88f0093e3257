"""The listening socket and TLS, made before anything else, with a sentence for each way in which that fails.

Refuses plain HTTP beyond loopback, unless a proxy in front is said to end TLS.
"""

import errno
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from privet.config.settings.serving import ServeSettings
from privet.errors import InvalidInput, Unavailable

BACKLOG = 1024


def bind(settings: ServeSettings) -> socket.socket:
    """A bound, listening socket; nobody is accepted yet. Raises InvalidInput, Unavailable."""
    family, kind, proto, address = _find(settings)
    if not is_safe(settings):
        raise InvalidInput(
            f"serve.host: {settings.host} can be reached from elsewhere, and plain HTTP would show credentials and "
            "data on the way; set serve.tls_certificate and serve.tls_key, or serve.behind_proxy = true if a proxy "
            "in front ends TLS",
            field="host",
        )
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(_why(error, settings)) from None
    return listener


def is_safe(settings: ServeSettings) -> bool:
    """Whether what is sent there is encrypted on its way, or does not leave the machine. Raises InvalidInput."""
    encrypted = settings.tls_certificate is not None or settings.behind_proxy
    return encrypted or _is_loopback(str(_find(settings)[3][0]))


def _find(settings: ServeSettings) -> tuple[socket.AddressFamily, socket.SocketKind, int, tuple[Any, ...]]:
    host = settings.host.strip("[]")
    try:
        found = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError):
        raise InvalidInput(
            f"serve.host: there is no address {settings.host!r} on this machine", field="host"
        ) from None
    family, kind, proto, _, address = found[0]
    return family, kind, proto, address


def address_of(listener: socket.socket, settings: ServeSettings) -> str:
    """Where it can be reached, as a URL."""
    host, port = listener.getsockname()[:2]
    scheme = "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _why(error: OSError, settings: ServeSettings) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} on {settings.host} is in use; stop what uses it, or choose another with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"this account may not listen on port {settings.port}; choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine does not have the address {settings.host}; choose another with --host"
    return f"cannot listen on {settings.host} port {settings.port} ({error.strerror})"


def make_tls(settings: ServeSettings) -> ssl.SSLContext | None:
    """TLS 1.2 and later; None when plain HTTP is meant. Raises InvalidInput for files that do not fit, Unavailable."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, settings)
    if settings.tls_client_ca is not None:
        _get(settings.tls_client_ca, "serve.tls_client_ca")
        try:
            context.load_verify_locations(cafile=settings.tls_client_ca)
        except ssl.SSLError:
            raise InvalidInput(
                "serve.tls_client_ca: this is no PEM file of certificates", field="tls_client_ca"
            ) from None
        context.verify_mode = ssl.CERT_OPTIONAL
        # Each connection shows its certificate anew: a resumed session would not be checked again.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def load_certificate(context: ssl.SSLContext, settings: ServeSettings) -> None:
    """The server's certificate and key, as their files are now. Raises InvalidInput, Unavailable."""
    assert settings.tls_certificate is not None
    assert settings.tls_key is not None
    _get(settings.tls_certificate, "serve.tls_certificate")
    _get(settings.tls_key, "serve.tls_key")
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        mismatch = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
        what = (
            "the key is not that of the certificate"
            if mismatch
            else "these are not a certificate (PEM, its chain after it) and its key (PEM, without a password)"
        )
        raise InvalidInput(f"serve.tls_certificate, serve.tls_key: {what}", field="tls_certificate") from None


def _get(path: Path, key: str) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise Unavailable(f"{key}: {path} cannot be read ({error.strerror})") from None


def _no_password() -> str:
    """OpenSSL would ask on the terminal."""
    raise ValueError("the key has a password")
