"""The head of a request: how large it is, what it says of its body, and what it asks for.

Refuses whatever two readers could understand in two ways (RFC 9112, 3.2, 6.1, 6.3 and 11.2).
"""

import re
from typing import Any, Final
from urllib.parse import unquote

import httptools

from privet.serving.limits import MOST_HEAD, MOST_HEADERS

_HOST = re.compile(rb"[A-Za-z0-9._~:\[\]-]{0,300}")
_WATCHED: Final = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))


class Head:
    """What is kept of one while it comes."""

    __slots__ = ("announced", "continues", "encodings", "hosts", "size")

    def __init__(self) -> None:
        self.size = 0
        """Bytes of target and headers."""
        self.hosts: list[bytes] = []
        self.announced = 0
        """Bytes of the body, where their number comes before them."""
        self.encodings: list[bytes] = []
        self.continues = False
        """Whether the client waits to be told to send the body."""

    def add(self, name: bytes, value: bytes) -> None:
        """One header, its name in small letters."""
        self.size += len(name) + len(value)
        if name in _WATCHED:
            self._watch(name, value)

    def _watch(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self.hosts.append(value)
        elif name == b"content-length":
            self.announced = int(value)
        elif name == b"transfer-encoding":
            self.encodings.append(value.strip().lower())
        elif value.lower() == b"100-continue":
            self.continues = True

    def is_large(self, lines: int) -> bool:
        """More than is taken, with so many header lines."""
        return self.size > MOST_HEAD or lines > MOST_HEADERS

    def fill(self, scope: Any, parser: Any, target: bytes) -> bool:
        """Puts what is asked for into the scope. False for what only some servers take, each in its own way."""
        version, method = parser.get_http_version(), parser.get_method()
        if not self._is_plain(version):
            return False
        scope["method"] = method.decode("ascii")
        scope["http_version"] = version
        if target[:1] != b"/":
            parsed = httptools.parse_url(target) if target[:4].lower() == b"http" else None
            if parsed is None or method == b"CONNECT" or not parsed.host:
                return False
            authority = parsed.host + (b":%d" % parsed.port if parsed.port else b"")
            if not self.hosts or authority.lower() != self.hosts[0].lower() or parsed.userinfo:
                return False
            path, query, fragment = parsed.path or b"/", parsed.query or b"", parsed.fragment
        else:
            target, hashed, fragment = target.partition(b"#")
            fragment = hashed or fragment
            path, _, query = target.partition(b"?")
        if fragment or not target.isascii():
            return False
        text = path.decode("ascii")
        scope["path"] = unquote(text) if "%" in text else text
        scope["raw_path"] = path
        scope["query_string"] = query
        return True

    def _is_plain(self, version: str) -> bool:
        """One host, one length, one coding of the body."""
        if version not in ("1.1", "1.0") or len(self.hosts) > 1 or (version == "1.1" and not self.hosts):
            return False
        if self.encodings and (self.encodings != [b"chunked"] or version != "1.1"):
            return False
        return not self.hosts or _HOST.fullmatch(self.hosts[0]) is not None
