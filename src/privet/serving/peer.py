"""What the other end of a connection showed and sent beside requests. Refuses nothing."""

import asyncio
import socket
import ssl
from typing import Any


def speaks(transport: asyncio.Transport) -> bool:
    """Whether bytes of the client wait in the kernel."""
    held = transport.get_extra_info("socket")
    if held is None or transport.is_closing():
        return False
    try:
        waiting = socket.socket(fileno=held.fileno())
    except OSError:
        return False
    try:
        return bool(waiting.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False
    finally:
        waiting.detach()


def extensions_of(transport: asyncio.Transport) -> dict[str, Any]:
    """What ASGI calls the tls extension, with the client's certificate in DER where it gave one."""
    found: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if found is None:
        return {}
    certificate = found.getpeercert(binary_form=True)
    chain = [] if certificate is None else [certificate]
    return {"tls": {"client_cert_chain": chain, "tls_version": found.version()}}
