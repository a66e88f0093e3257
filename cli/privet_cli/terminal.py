"""The text interface of `privet`. Its rules:

1. Data goes to standard output, everything else (notes, questions, progress, errors) to standard error.
2. Tables with a heading, colour and progress stand on terminals only. In a pipe a table is the same rows, without the
   heading, cells parted by tabs. NO_COLOR (set to anything) and TERM=dumb take colour away.
3. `--json` prints one JSON object a line, the same on a terminal and in a pipe.
4. An error is one sentence and what to do; never a traceback, a key, a stored value or the value that named a person.
5. Exit codes: 0 done; 1 refused, not found, verification failed; 2 usage or bad input; 3 the vault or the disk is
   unavailable; 130 interrupted (Ctrl-C); 141 the reader of our output went away.
6. Secrets come from a file, standard input, the environment or a hidden prompt, never from a flag.
7. What came from outside is printed with its control characters spelt out, so that no text drives a terminal.
"""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO, Any

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_C1 = re.compile("[\x7f-\x9f]")
MOST_LINE = 2_000
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def is_terminal(stream: IO[str]) -> bool:
    """Whether somebody reads this as it comes. A closed stream is none."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def paint(text: str, colour: str, stream: IO[str] | None = None) -> str:
    """The text in a colour, where rule 2 lets it be one."""
    stream = stream or sys.stdout
    if not is_terminal(stream) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def safe(text: object, *, most: int = MOST_LINE) -> str:
    """Rule 7, on one line, cut where nobody would read on."""
    shown = str(text)
    if len(shown) > most:
        shown = shown[:most] + "…"
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), shown)


def say(text: object = "") -> None:
    """One line of data."""
    sys.stdout.write(safe(text, most=1 << 30) + "\n")


def note(text: object = "") -> None:
    """A line beside the data: for people. Lines that stand in it stay lines."""
    sys.stderr.write("\n".join(safe(line) for line in str(text).split("\n")) + "\n")


def complain(text: str) -> None:
    """The sentence of an error."""
    head = paint("privet:", "red", sys.stderr)
    note_lines = [safe(line) for line in text.split("\n")]
    sys.stderr.write(f"{head} " + "\n".join(note_lines) + "\n")


def say_json(value: object) -> None:
    """One JSON object on one line."""
    import json

    text = json.dumps(value, ensure_ascii=False, default=plain)
    sys.stdout.write(_C1.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def plain(value: object) -> Any:
    """The JSON form of what JSON has no form for: times as ISO 8601, decimals as text, bytes in hex."""
    from collections.abc import Mapping
    from datetime import date

    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    return str(value)


def as_text(value: object) -> str:
    """A stored value as people read it; the same text in a table and in a pipe."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return str(plain(value)) if not isinstance(value, str | int) else str(value)


def counted(count: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`, `3 people`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def moment(at: Any) -> str:
    """A time, to the second, in UTC."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


class Coloured(str):  # noqa: SLOT000  a str cannot have slots of its own beside its text
    """A cell in a colour; the rules of colour are `paint`'s."""

    colour: str

    def __new__(cls, text: object, colour: str) -> "Coloured":
        made = super().__new__(cls, text)
        made.colour = colour
        return made


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rule 2."""
    if not is_terminal(sys.stdout):
        for row in rows:
            sys.stdout.write("\t".join(safe(cell, most=1 << 30) for cell in row) + "\n")
        return
    cells = [[_cell(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(width(row[i]) for row in (list(heading), *cells)) for i in range(len(heading))]
    sys.stdout.write(paint(_line([name.upper() for name in heading], widths), "dim") + "\n")
    for row in cells:
        sys.stdout.write(_line(row, widths) + "\n")


def _cell(value: object) -> str:
    text = safe(value, most=200)
    return Coloured(text, value.colour) if isinstance(value, Coloured) else text


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells beside each other; the last is not padded."""
    last = len(cells) - 1
    return "  ".join(
        (paint(cell, cell.colour) if isinstance(cell, Coloured) else cell)
        + ("" if at == last else " " * (size - width(cell)))
        for at, (cell, size) in enumerate(zip(cells, widths, strict=True))
    )


def width(text: str) -> int:
    """Columns a text takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
