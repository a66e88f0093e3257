"""What the demo prints: a hundred columns at most, at reading speed for readers, at once for pipes and --fast."""

import sys
import textwrap
import time
from itertools import zip_longest

from privet_cli.terminal import as_text, is_terminal, paint, safe, width

COLUMNS = 100
_INDENT = "    "
_SECONDS_A_WORD = 0.03
_PAUSE = 0.4


class Screen:
    """Standard output. Refuses to wait where nobody reads."""

    def __init__(self, *, fast: bool) -> None:
        self.terminal = is_terminal(sys.stdout)
        self._slow = self.terminal and not fast

    def chapter(self, number: int, title: str) -> None:
        """One of the nine steps."""
        self._put("")
        self._put(paint(f"{number}  {title}", "bold"))
        self._wait(_PAUSE)

    def tell(self, text: str) -> None:
        """A sentence or two of the story."""
        lines = textwrap.wrap(text, COLUMNS - 3, break_on_hyphens=False)
        for line in lines:
            self._put(f"   {line}")
        self._wait(len(text.split()) * _SECONDS_A_WORD)

    def fact(self, name: str, value: object, *, colour: str | None = None, column: int = 12) -> None:
        """What a call returned, beside its name."""
        lines = textwrap.wrap(safe(as_text(value)), COLUMNS - column - 6, break_on_hyphens=False) or [""]
        label = safe(name)
        for line in lines:
            shown = paint(line, colour) if colour else line
            self._put(f"{_INDENT}{label}{' ' * max(1, column + 1 - width(label))}{shown}".rstrip())
            label = ""
        self._wait(len(lines) * 0.08)

    def refused(self, name: str, reason: str, message: str, *, column: int = 12) -> None:
        """A field or a whole read that was not given, and why."""
        self.fact(name, f"✗ {message} [{reason}]", colour="yellow", column=column)

    def call(self, text: str) -> None:
        """The call or command that comes next, as a reader could type it."""
        self._put(_INDENT + paint(text, "dim"))
        self._wait(_PAUSE / 2)

    def output(self, text: str) -> None:
        """What a command printed: rows aligned, and cut where they are too long; sentences wrapped."""
        cells = [line.split("\t") for line in text.splitlines()]
        widths = [max(map(width, column)) for column in zip_longest(*cells, fillvalue="")]
        for row in cells:
            if len(row) == 1:
                for line in textwrap.wrap(
                    safe(row[0]),
                    COLUMNS - 4,
                    subsequent_indent="    ",
                    break_on_hyphens=False,
                    break_long_words=False,
                ):
                    self._put(_INDENT + line)
                continue
            aligned = (cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=False))
            line = safe(" ".join(aligned).rstrip())
            self._put(_INDENT + (line if width(line) <= COLUMNS - 4 else line[: COLUMNS - 5] + "…"))
        self._wait(_PAUSE)

    def rows(self, rows: list[list[str]]) -> None:
        """A table: the first column to the left, the others to the right."""
        widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(size) for cell, size in zip(row[1:], widths[1:], strict=True)),
            ]
            self._put(_INDENT + "   ".join(cells).rstrip())
            self._wait(0.1)

    def line(self, text: str = "") -> None:
        """As it is: for what people copy."""
        self._put(text)

    def _put(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _wait(self, seconds: float) -> None:
        if self._slow:
            time.sleep(seconds)
