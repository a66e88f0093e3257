"""Where the keyring's passphrase comes from: an argument, the environment, a file it names, or a prompt.

Refuses a command-line flag, which every process on the machine could read.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from privet.errors import InvalidInput, Unavailable

VARIABLE = "PRIVET_PASSPHRASE"
FILE_VARIABLE = "PRIVET_PASSPHRASE_FILE"
_MOST = 4096


def get_passphrase(
    given: str | bytes | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    prompt: Callable[[], str] | None = None,
) -> bytes:
    """The passphrase. Raises Unavailable when there is none to be had, InvalidInput for an empty one."""
    if given is not None:
        return _checked(given.encode() if isinstance(given, str) else given)
    if VARIABLE in environment:
        return _checked(environment[VARIABLE].encode("utf-8", "surrogateescape"))
    if FILE_VARIABLE in environment:
        return read_passphrase_file(Path(environment[FILE_VARIABLE]))
    if prompt is not None:
        return _checked(prompt().encode())
    raise Unavailable(f"the vault needs its passphrase: set {FILE_VARIABLE} or {VARIABLE}")


def read_passphrase_file(path: Path) -> bytes:
    """The file's bytes without one final line break. `-` is not special: the command reads standard input itself."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST + 2)
    except OSError as error:
        raise Unavailable(f"the passphrase file {path} cannot be read ({error.strerror})") from None
    return _checked(text.removesuffix(b"\n").removesuffix(b"\r"))


def _checked(passphrase: bytes) -> bytes:
    if not passphrase:
        raise InvalidInput("the passphrase is empty", field="passphrase")
    if len(passphrase) > _MOST:
        raise InvalidInput(f"a passphrase has at most {_MOST} bytes", field="passphrase")
    return passphrase
