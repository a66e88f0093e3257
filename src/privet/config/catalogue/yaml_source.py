"""YAML text to plain values, with the line of every key and item.

A strict subset: mappings with text keys, lists, and scalars read as in YAML 1.2 (so `no` is text, not false).
Refuses: anchors, aliases, tags, duplicate keys, several documents, control characters, more than 2 MB,
nesting deeper than 12. One addition: `enum[a, b]` and `list[T]` are one scalar also inside `{…}` and `[…]`,
where YAML would split them; there they are not valid YAML, so no valid file changes its meaning.
"""

import re
from decimal import Decimal

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError

from privet.config.catalogue.problems import Path, Problems, quoted

Plain = str | int | bool | Decimal | None | list["Plain"] | dict[str, "Plain"]

MOST_BYTES = 2_000_000
MOST_DEPTH = 12
_MOST_TYPE_CHARACTERS = 20_000
_TYPE_START = re.compile(r"(enum|list) {0,8}\[")
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,30}\.[0-9]{1,30}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NAMED: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class _Events(Reader, Scanner, Parser):
    """PyYAML's event parser with type expressions as single scalars in flow context."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_plain(self) -> yaml.ScalarToken:
        if self.flow_level and _TYPE_START.match(self.prefix(13)):
            return self._scan_type()
        token: yaml.ScalarToken = super().scan_plain()
        return token

    def _scan_type(self) -> yaml.ScalarToken:
        """`enum[…]` or `list[…]` up to its own closing bracket; quotes and comments inside are respected."""
        start = self.get_mark()
        taken: list[str] = []
        depth, quote = 0, ""
        while True:
            char = self.peek()
            if char == "\0" or len(taken) > _MOST_TYPE_CHARACTERS:
                raise ScannerError("while reading a type", start, 'expected "]" to close it', self.get_mark())
            if char == "#" and not quote and taken[-1].isspace():
                while self.peek() not in "\0\r\n\x85\u2028\u2029":
                    self.forward()
                continue
            taken.append(char)
            self.forward()
            if quote:
                quote = "" if char == quote else quote
            elif char in "\"'":
                quote = char
            elif char == "[":
                depth += 1
            elif char == "]":
                depth -= 1
                if depth == 0:
                    break
        # As Scanner.scan_plain does: what follows a plain scalar on its line cannot start a key.
        self.allow_simple_key = False
        return yaml.ScalarToken("".join(taken), True, start, self.get_mark())


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark is not None else 1


class _Stop(Exception):
    """The rest of the file cannot be read; the problem is already noted."""


def parse_source(text: str, problems: Problems) -> dict[str, Plain]:
    """The top-level mapping. Notes every problem in `problems`, whose `lines` it fills; {} when nothing can be read."""
    lines: dict[Path, int] = {}
    problems.lines = lines
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        problems.error_at(1, (), "is larger than 2 MB; a catalogue lists fields and purposes, never data")
        return {}
    try:
        return _Composer(_Events(text), problems, lines).document()
    except _Stop:
        return {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.error_at(line, (), f"is not valid YAML: {_explain(error)}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.error_at(line, (), "holds a control character or half a character; remove it")
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML turns some escapes ("\UFFFFFFFF") into a bare ValueError without a mark.
        problems.error_at(
            1, (), "is not valid YAML: an escape in double quotes names no character; remove it"
        )
    return {}


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join(
        _UNPRINTABLE.sub("?", str(error.problem or error.context or "it ends too early")).split()
    )
    if "'\\t'" in problem:
        return f"{problem}; indent with spaces"
    if "mapping values are not allowed" in problem:
        return f'{problem}; put a text that has ": " in it in quotes, and check the indentation'
    return f"{problem}; check the brackets, quotes and indentation here"


class _Composer:
    """Events to values. Recursion is bounded by MOST_DEPTH."""

    def __init__(self, events: _Events, problems: Problems, lines: dict[Path, int]) -> None:
        self._events = events
        self._problems = problems
        self._lines = lines

    def document(self) -> dict[str, Plain]:
        self._next()  # stream start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            self._problems.error_at(1, (), "is empty; `privet init` writes a starter catalogue")
            raise _Stop
        top = self._value(self._next(), (), 0)
        self._next()  # document end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._problems.error_at(_line(event), (), 'holds a second document ("---"); keep one')
        if not isinstance(top, dict):
            self._problems.error_at(1, (), "must be a mapping with fields, purposes and services at its top")
            raise _Stop
        return top

    def _next(self) -> yaml.Event:
        event: yaml.Event = self._events.get_event()  # type: ignore[no-untyped-call]
        return event

    def _value(self, event: yaml.Event, path: Path, depth: int) -> Plain:
        line = _line(event)
        self._lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent):
            self._problems.error_at(line, path, "aliases (*name) are not allowed; write the value out")
            return None
        if getattr(event, "anchor", None) is not None:
            self._problems.error_at(line, path, "anchors (&name) are not allowed; remove it")
        if getattr(event, "tag", None) is not None:
            self._problems.error_at(line, path, "tags (!name) are not allowed; remove it")
        if depth > MOST_DEPTH:
            self._problems.error_at(line, path[:4], f"is nested deeper than {MOST_DEPTH} levels; flatten it")
            raise _Stop
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Plain] = []
            while not isinstance(event := self._next(), yaml.SequenceEndEvent):
                items.append(self._value(event, (*path, len(items)), depth + 1))
            return items
        return self._mapping(path, depth)

    def _mapping(self, path: Path, depth: int) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = _line(event)
            key = self._value(event, (*path, "?"), depth + 1)
            self._lines.pop((*path, "?"), None)
            plain = isinstance(key, str)
            # `2024:` or `true:` read as what they look like; as names they must be quoted.
            name = key if isinstance(key, str) else str(key)[:60]
            if not plain:
                self._problems.error_at(line, path, f"the key {quoted(name)} is not text; put it in quotes")
            first = self._lines.get((*path, name))
            repeated = plain and name in found
            if not repeated:
                self._lines[(*path, name)] = line
            value = self._value(self._next(), (*path, name), depth + 1)
            if repeated:
                self._problems.error_at(
                    line, (*path, name), f"stands here twice, first on line {first}; keep one of them"
                )
            elif plain:
                found[name] = value
        return found

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Plain:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            self._problems.error_at(
                _line(event), path, "holds a control character or half a character; remove it"
            )
            return _UNPRINTABLE.sub("?", text)
        if event.style is not None:
            return text
        if text in _NAMED:
            return _NAMED[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        return text
