"""Why there was no answer, in one sentence that says what to do: by both clients, whatever their transports raise.

Names the address, which the caller chose and which holds no credential (sdk.address). Refuses to repeat a word of what
the other side sent.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from privet.sdk.address import Address
from privet.sdk.patience import NoAnswer

SLOW: Final = "the vault did not answer in time"
_NOT_TLS: Final = ("WRONG_VERSION", "RECORD_LAYER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH")
_WRONG_HOST: Final = 62
_EXPIRED: Final = 10
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""


def failure(error: BaseException, address: Address, *, reused: bool, ended: bool = False) -> NoAnswer:
    """What to tell of a connection that failed.

    `reused`: it had served before, so the vault may only be tired of it. `ended`: the transport says that the other
    side hung up, by an error of its own.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswer(_untrusted(cause, address), again=False)
        if isinstance(cause, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            continue  # no fault: what asyncio was about when the other side hung up
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            ended = True  # as a vault or a proxy does that is just being stopped
        elif isinstance(cause, ssl.SSLError):
            return NoAnswer(_no_tls(cause, address), again=False)
        if isinstance(cause, socket.gaierror):
            return NoAnswer(
                f"the vault cannot be reached: the name {address.host} is not known here; check its spelling"
            )
        if isinstance(cause, ConnectionRefusedError):
            return NoAnswer(
                f"the vault cannot be reached: nothing listens at {address}; check host and port, and that it runs"
            )
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return NoAnswer(SLOW)
    if ended or any(isinstance(cause, ConnectionError) for cause in causes):
        told = f"what listens at {address} ended the connection without an answer{_other_scheme(address)}"
        return NoAnswer(told, at_once=reused)
    if any(isinstance(cause, OSError) for cause in causes):
        return NoAnswer(f"the vault cannot be reached: check the address {address}, and the network to it")
    return NoAnswer(f"what answers at {address} does not speak HTTP{_other_scheme(address)}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What transports wrap, the innermost first."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "os_error", None)]
    return reversed(found)


def _untrusted(error: ssl.SSLCertVerificationError, address: Address) -> str:
    if error.verify_code == _WRONG_HOST:
        return f"the certificate shown at {address} is for another name: use the name that it was made for"
    if error.verify_code == _EXPIRED:
        return f"the certificate shown at {address} has expired: its operator must renew it"
    return f"what answers at {address} does not prove to be the vault: name its authority with ca_file="


def _no_tls(error: ssl.SSLError, address: Address) -> str:
    if "CERTIFICATE_REQUIRED" in (error.reason or ""):
        return f"what answers at {address} wants a certificate of this service: pass certificate=(file, key file)"
    if any(word in (error.reason or "") for word in _NOT_TLS):
        return f"what answers at {address} does not speak TLS: check the port; http:// is for loopback only"
    return f"no TLS connection with {address} came about: check host and port, and whether the vault wants certificate="


def _other_scheme(address: Address) -> str:
    return "; check host and port" if address.secure else ": if the port is one for TLS, write https://"
