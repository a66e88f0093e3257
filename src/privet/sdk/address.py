"""Where the vault is, and whom to believe that it is the vault.

Refuses plain HTTP beyond loopback, a name and password in the address, and TLS that is not verified: there is no
switch for that.
"""

import ipaddress
import os
import ssl
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from privet.errors import InvalidInput

Path = str | os.PathLike[str]


class Address(NamedTuple):
    """A vault's base address. `prefix` is a path without its last slash, where a proxy has one."""

    secure: bool
    host: str
    port: int
    prefix: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.prefix}"


_OWN_PATHS: Final = frozenset({"/my", "/healthz", "/readyz", "/metrics"})


def parse_address(url: object) -> Address:
    """An address such as https://vault.example:8443. Raises InvalidInput, without repeating what it was given."""
    if not isinstance(url, str) or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise _refused("an address such as https://vault.example:8443, in ASCII")
    parts = _split(url)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        raise _refused("an address such as https://vault.example:8443")
    port, host = parts.port, parts.hostname
    if "@" in parts.netloc:
        raise _refused(
            "an address without a name and password: a credential is passed as token= or certificate="
        )
    if parts.query or parts.fragment:
        raise _refused("an address without a query or fragment")
    secure = parts.scheme == "https"
    if not secure and not _is_loopback(host):
        raise _refused("an https address: plain HTTP is for loopback only")
    prefix = parts.path.rstrip("/")
    if "v1" in prefix.split("/") or prefix in _OWN_PATHS:
        raise _refused("scheme, host and port, without a path such as /v1: the client adds its own")
    return Address(secure, host, port or (443 if secure else 80), prefix)


def _split(url: str) -> SplitResult | None:
    """None for what cannot be one: the error for it has a part of what was given, perhaps of a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is looked at only now
    except ValueError:
        return None
    return parts


def make_context(
    address: Address, certificate: tuple[Path, Path] | None, ca_file: Path | None
) -> ssl.SSLContext | None:
    """What TLS is held to: 1.2 or later, the host's name checked against `ca_file`, or the system's authorities.

    `certificate` is (certificate file, key file), PEM, the key not encrypted. None for plain HTTP. Raises
    InvalidInput for files that cannot be used.
    """
    if not address.secure:
        if certificate is not None or ca_file is not None:
            raise InvalidInput("a certificate and ca_file need an https address", field="certificate")
        return None
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else os.fspath(ca_file))
    except (OSError, ValueError, TypeError):
        raise InvalidInput(
            "ca_file cannot be used: name a PEM file of certificates", field="ca_file"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if certificate is not None:
        try:
            own, key = certificate
            # An encrypted key would ask at the terminal: it is refused instead.
            context.load_cert_chain(os.fspath(own), os.fspath(key), password=lambda: "")
        except (OSError, ValueError, TypeError):
            raise InvalidInput(
                "certificate cannot be used: pass (certificate file, key file), both PEM, the key not encrypted",
                field="certificate",
            ) from None
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(rule: str) -> InvalidInput:
    return InvalidInput(f"the vault's address must be {rule}", field="url")
