"""What every object that holds a key has in common: it does not print, pickle or copy itself.

This stops keys from leaving by accident (a log line, a traceback, a task queue). It does not stop code that
means to read them: Python cannot, and SECURITY.md says so.
"""

from typing import NoReturn, SupportsIndex


class Secret:
    """Base of the key holders. The repr names the class only; pickle, copy and deepcopy raise TypeError."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: hidden>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds keys and cannot be pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds keys and cannot be pickled or copied")
