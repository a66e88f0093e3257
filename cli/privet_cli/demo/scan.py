"""Looks for imported names, email addresses and telephone numbers, as bytes, in every file under a directory.

Exact, in UTF-8 and in UTF-16LE, and quick: candidates by their shape first (an address at example.*, a run of digits, a
name by its letters), then each held against the values. Refuses values that it could not find in this way.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from privet.errors import InvalidInput

_ADDRESS = re.compile(rb"[a-z0-9.]{3,64}@example\.(?:org|com|net)")
_DIGITS = re.compile(rb"[0-9]{8,24}")
_WIDE = re.compile(rb"(?:[\x20-\x7e\xa0-\xff]\x00){6,}")
_SHORTEST = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a scan found. `plain`: bytes that stand there in clear."""

    files: int
    size: int
    names: int
    emails: int
    phones: int
    plain: int


class Needles:
    """The values to look for. Holds personal data: it has no telling repr."""

    def __init__(self, *, names: Iterable[str], emails: Iterable[str], phones: Iterable[str]) -> None:
        self._names = frozenset(name.encode() for name in names)
        self._emails = frozenset(email.encode() for email in emails)
        self._phones = frozenset(phone.removeprefix("+").encode() for phone in phones)
        sound = (
            all(len(name) >= _SHORTEST for name in self._names)
            and all(_ADDRESS.fullmatch(email) for email in self._emails)
            and all(_DIGITS.fullmatch(phone) for phone in self._phones)
        )
        if not sound:
            raise InvalidInput(
                "the scan takes names of six bytes or more, addresses at example.*, and digits"
            )
        self._lengths = sorted({len(phone) for phone in self._phones})
        self._any_name = re.compile(_trie(sorted(self._names))) if self._names else None

    def scan(self, directory: Path) -> Found:
        """Every regular file below `directory`, or the one file that it is. Raises OSError."""
        files = size = 0
        hits: dict[str, list[int]] = {"names": [], "emails": [], "phones": []}
        for path in [directory] if directory.is_file() else sorted(directory.rglob("*")):
            if not path.is_file():
                continue
            data = path.read_bytes()
            files, size = files + 1, size + len(data)
            wide = b"\n".join(run[0].decode("utf-16-le").encode() for run in _WIDE.finditer(data))
            for part in (data, wide):
                for kind, found in self._find(part):
                    hits[kind].append(len(found))
        return Found(
            files=files,
            size=size,
            **{kind: len(found) for kind, found in hits.items()},
            plain=sum(map(sum, hits.values())),
        )

    def _find(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        if self._any_name is not None:
            for match in self._any_name.finditer(data):
                yield "names", match[0]
        for match in _ADDRESS.finditer(data) if b"@example." in data else ():
            # what stands before an address may be of its alphabet
            for start in range(len(match[0]) - 14):
                if match[0][start:] in self._emails:
                    yield "emails", match[0][start:]
                    break
        for match in _DIGITS.finditer(data):
            for length in self._lengths:
                for start in range(len(match[0]) - length + 1):
                    if match[0][start : start + length] in self._phones:
                        yield "phones", match[0][start : start + length]

    def __repr__(self) -> str:
        return f"Needles({len(self._names)} names, {len(self._emails)} emails, {len(self._phones)} phones)"


def _trie(names: list[bytes], depth: int = 0) -> bytes:
    """A pattern for any of the names, branching byte by byte: one pass over the data is quick. The longest wins."""
    rest: dict[bytes, list[bytes]] = {}
    for name in names:
        if len(name) > depth:
            rest.setdefault(name[depth : depth + 1], []).append(name)
    branches = b"|".join(re.escape(first) + _trie(below, depth + 1) for first, below in rest.items())
    if not branches:
        return b""
    ends_here = any(len(name) == depth for name in names)
    return b"(?:" + branches + (b")?" if ends_here else b")")
