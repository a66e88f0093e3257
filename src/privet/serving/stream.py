"""Standard error for a process that goes on though nothing can be written there.

A full disk, a pipe that was closed, or one that nobody empties: what cannot be written is counted and lost. Refuses to
raise, and to wait: a line of the log is worth no request.
"""

import os
import select
import threading
from typing import Any, Final, TextIO

_WAIT_MS: Final = 100
"""For room, by the first that finds none; the next find out at once."""
_PIECE: Final = select.PIPE_BUF
"""A pipe that says it has room takes so many bytes."""


class Unfailing:
    """A text stream over the file of another one, without its buffer: what fails is not kept for later."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._number = stream.fileno()
        self._room = select.poll()
        self._room.register(self._number, select.POLLOUT)
        self._turn = threading.RLock()
        self.lost = 0
        """Writes in a row that failed, to now."""

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "backslashreplace")
        with self._turn:
            try:
                while data:
                    if not self._room.poll(0 if self.lost else _WAIT_MS):
                        raise BlockingIOError
                    data = data[os.write(self._number, data[:_PIECE]) :]
            except OSError:
                self.lost += 1
            else:
                self.lost = 0
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
