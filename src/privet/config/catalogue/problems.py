"""What is wrong with a catalogue: collected, never raised one by one, so that one run shows every fault.

Each problem is one line: `catalogue.yaml:14: fields.room.bed.allow: what is wrong; the fix`.
Refuses to let a name from the file break that line: odd names are quoted and cut.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Never

from privet.errors import CatalogueError

Path = tuple[str | int, ...]
"""The keys that lead to a place in the file: ("fields", "room.bed", "allow", 0)."""

_PLAIN = re.compile(r"[A-Za-z0-9_.*-]{1,64}")
_MOST = 200
"""Problems shown; a file with more is not what it claims to be."""


def quoted(name: object) -> str:
    """A name from the file, on one line, in double quotes, cut after 60 characters."""
    text = str(name)
    shown = json.dumps(text if len(text) <= 60 else text[:60] + "…", ensure_ascii=False)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def dotted(path: Path) -> str:
    """`fields.room.bed.allow`: the keys of a path without list positions."""
    keys = (k for k in path if isinstance(k, str))
    return ".".join(k if _PLAIN.fullmatch(k) else quoted(k) for k in keys)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    return next(iter(difflib.get_close_matches(name[:100], sorted(known), n=1, cutoff=0.6)), None)


def unknown(kind: str, plural: str, name: str, known: Iterable[str]) -> str:
    """A sentence for a name that is not there, with the nearest one that is."""
    names = sorted(known)
    near = nearest(name, names)
    sentence = f"there is no {kind} {quoted(name)}"
    if near is not None:
        return f"{sentence}; did you mean {quoted(near)}?"
    if not names:
        return f"{sentence}; the catalogue has no {plural} yet, add it under {plural}"
    more = ", …" if len(names) > 8 else ""
    return f"{sentence}; the {plural} are {', '.join(names[:8])}{more}"


class Problems:
    """Faults and warnings of one file. `lines` says where each path stands (1-based)."""

    def __init__(self, file: str, lines: Mapping[Path, int] | None = None) -> None:
        self.file = file
        self.lines: Mapping[Path, int] = lines if lines is not None else {}
        self._faulty: set[Path] = set()
        self._errors: list[tuple[int, str]] = []
        self._warnings: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._errors)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, path: Path, message: str) -> None:
        self.error_at(self.line(path), path, message)

    def missing(self, path: Path, key: str, message: str) -> None:
        """Notes that an entry lacks a key, unless the key or the entry is already at fault for another reason."""
        if path not in self._faulty and (*path, key) not in self._faulty:
            self.error(path, f'"{key}" is missing; {message}')

    def excuse(self, path: Path) -> None:
        """What is missing here has been said in another way: a misspelt key, an entry that is no mapping."""
        self._faulty.add(path)

    def error_at(self, line: int, path: Path, message: str) -> None:
        if len(self._errors) < _MOST:
            self._errors.append((line, self._render(line, path, message)))

    def warn(self, path: Path, message: str) -> None:
        line = self.line(path)
        self._warnings.append((line, self._render(line, path, message)))

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for _, text in sorted(self._warnings)))

    def fail(self) -> Never:
        """Raises CatalogueError with every problem, in the order of the file."""
        lines = tuple(dict.fromkeys(text for _, text in sorted(self._errors)))
        raise CatalogueError("\n".join(lines), problems=lines)

    def _render(self, line: int, path: Path, message: str) -> str:
        key = dotted(path) or "the file"
        return f"{self.file}:{line}: {key}: {message}"
