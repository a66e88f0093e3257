"""Standard error for a process that goes on though nothing can be written there: a full disk, a pipe that was closed.

What cannot be written is counted and lost. Refuses to raise: a line of the log is worth no request.
"""

import os
from typing import Any, TextIO


class Unfailing:
    """A text stream over the file of another one, without its buffer: what fails is not kept for later."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._number = stream.fileno()
        self.lost = 0
        """Writes in a row that failed, to now."""

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self._number, data) :]
        except OSError:
            self.lost += 1
        else:
            self.lost = 0
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
