"""Small files that a command reads and writes. Refuses to write over what is there."""

import os
from pathlib import Path

from privet.errors import Conflict, InvalidInput, Unavailable

_MOST = 4 << 20


def write_new(path: Path, data: bytes) -> None:
    """A new file, mode 0600, whole or not at all. Raises Conflict when it exists, Unavailable."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Conflict(f"{path} exists already; name a new file") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable(f"{path} cannot be written ({error.strerror})") from None


def read_small(path: Path, what: str) -> bytes:
    """A file of at most 4 MB. Raises Unavailable, InvalidInput."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise Unavailable(f"{what} cannot be read at {path} ({error.strerror})") from None
    if len(data) > _MOST:
        raise InvalidInput(f"{path} is larger than 4 MB: it is not {what}")
    return data
