"""Where a request comes from: what the proxy next to us says, and whom an address stands for.

Refuses, as no address, whatever is none. Only the proxy's own word counts: the last of X-Forwarded-For, whether it
added to a line or wrote one of its own; what stands before it the client may have sent.
"""

from ipaddress import IPv6Address, ip_address
from typing import Any


def forwarded_address(scope: Any) -> str | None:
    """The client's address as the proxy next to us names it, of an ASGI scope. None when it names none."""
    shown = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
    if not shown:
        return None
    last = shown[-1].rpartition(b",")[2].strip().decode("latin-1")
    try:
        return str(ip_address(last))
    except ValueError:
        return None


def place_of(address: str) -> str:
    """Whom an address stands for: an IPv4 address itself, the /64 of an IPv6 one, which is one customer's network."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "local"  # a Unix socket, or a server that does not say
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)
