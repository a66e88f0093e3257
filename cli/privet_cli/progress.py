"""Progress on standard error, for terminals only. Refuses to print anything where nobody watches."""

import sys
import time
from types import TracebackType
from typing import Self

from privet_cli.terminal import is_terminal, safe

_EVERY_S = 0.1
_CELLS = 24


class Progress:
    """One line that is drawn over itself, and gone when the work is."""

    def __init__(self, what: str, unit: str = "") -> None:
        self._what = what
        self._unit = f" {unit}" if unit else ""
        self._shown = is_terminal(sys.stderr)
        self._next = 0.0
        self._drawn = False

    def update(self, done: int, total: int | None = None, what: str | None = None) -> None:
        """Says how far it is. Cheap: it draws ten times a second at most."""
        if what is not None and what != self._what:
            self._what, self._next = what, 0.0
        if not self._shown:
            return
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        self._draw(done, total)

    def _draw(self, done: int, total: int | None) -> None:
        text = f"{safe(self._what)}  {done:,}"
        if total:
            share = min(1.0, done / total)
            bar = "━" * int(share * _CELLS)
            text = f"{safe(self._what)}  {bar:<{_CELLS}} {share:4.0%}  {done:,} of {total:,}"
        sys.stderr.write(f"\r\x1b[K{text}{self._unit}")
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
