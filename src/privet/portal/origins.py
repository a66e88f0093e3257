"""Where these pages may be served, and where forms may come from.

With `serve.public_url` set that origin and no other; without, loopback. The Host header never ends up in an answer, it
is only held against this. Refuses plain HTTP beyond loopback, unknown hosts (so no
rebinding), and forms of other sites.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from privet.config.settings.serving import ServeSettings

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?/?")
_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came in: scheme and host with port, both checked."""

    scheme: str
    host: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"


class Origins:
    """The places of one server."""

    def __init__(self, serve: ServeSettings) -> None:
        self._public = None if serve.public_url is None else _place(serve.public_url)

    def find(self, scheme: str, host: str | None) -> Place | None:
        """The place, or None where these pages must not be served."""
        try:
            asked = _place(f"{scheme}://{host or ''}")
        except ValueError:
            return None
        if self._public is None:
            return asked if is_loopback(asked.host) else None
        if asked.host != self._public.host and not _same_but_port(asked, self._public):
            return None
        return self._public if self._public.secure or is_loopback(self._public.host) else None


def _same_but_port(asked: Place, public: Place) -> bool:
    """`example.org` and `example.org:443` are one place, whatever the scheme on this side of a proxy."""
    return _bare(asked, public.scheme) == _bare(public, public.scheme)


def _bare(place: Place, scheme: str) -> str:
    return place.host.removesuffix(":" + _PORTS[scheme])


def _place(url: str) -> Place:
    """Raises ValueError for what is no origin, to the letter."""
    found = _ORIGIN.fullmatch(url.lower()) if url.isascii() else None
    if found is None or int(found["port"] or 1) not in range(1, 65_536):
        raise ValueError("no origin")
    scheme, port = found["scheme"], found["port"]
    standing = port is None or port == _PORTS[scheme]
    return Place(scheme, found["host"] if standing else f"{found['host']}:{port}")


def is_loopback(host: str) -> bool:
    """Whether a host (with or without port) is this machine."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name in ("localhost", "127.0.0.1", "[::1]")


def is_own(place: Place, headers: Mapping[str, str]) -> bool:
    """Whether a form comes from a page of this place: by its Origin, or, without one, by what the browser says."""
    origin = headers.get("origin")
    if origin is not None:
        return origin == place.origin
    return headers.get("sec-fetch-site") == "same-origin"
