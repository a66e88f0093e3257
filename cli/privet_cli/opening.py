"""Opening the vault that a command line names: which directory, which passphrase, what to ask the person for.

Refuses to ask where nobody sits: a question is put on terminals only, and secrets are not echoed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet.errors import InvalidInput, PrivetError, Unavailable
from privet_cli.terminal import complain, is_terminal

if TYPE_CHECKING:
    from privet import Vault
    from privet.config.settings import Settings
    from privet.domain.catalogue import Catalogue

_MOST_LINE = 1 << 20
STDIN = "-"
"""Stands for standard input where a file is named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """What stood before the command."""

    vault: Path | None
    passphrase_file: str | None
    passphrase: bytes | None = field(default=None, repr=False)
    """As read from standard input."""


def invocation() -> Invocation:
    found = click.get_current_context().find_object(Invocation)
    return found or Invocation(vault=None, passphrase_file=None)


def get_directory() -> Path:
    """The vault's directory. Raises click.UsageError when none is named and this one is no vault."""
    named = invocation().vault
    if named is not None:
        return named
    here = Path()
    if (here / "privet.toml").is_file():
        return here
    raise click.UsageError(
        "which vault? Name it with `privet --vault DIR …` or PRIVET_VAULT, or stand in its directory"
    )


def read_line(what: str) -> str:
    """The next line of standard input, without its end. Raises InvalidInput when there is none."""
    stream = sys.stdin.buffer if sys.stdin is not None else None
    line = stream.readline(_MOST_LINE) if stream is not None else b""
    if not line:
        raise InvalidInput(f"standard input ended before {what} came")
    try:
        return line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InvalidInput(f"{what} on standard input is not UTF-8") from None


def given_passphrase() -> bytes | None:
    """What --passphrase-file gave; None when it was not used."""
    found = invocation()
    return found.passphrase if found.passphrase is not None else passphrase_from(found.passphrase_file)


def passphrase_from(name: str | None) -> bytes | None:
    """From a file, or `-`: a line of standard input; None when no file was named."""
    from privet.bootstrap.passphrase import read_passphrase_file

    if name is None:
        return None
    if name == STDIN:
        return read_line("the passphrase").encode()
    return read_passphrase_file(Path(name))


def ask_passphrase(what: str = "Passphrase") -> Callable[[], str] | None:
    """A hidden question, where somebody sits to answer it."""
    if sys.stdin is None or not is_terminal(sys.stdin):
        return None

    def ask() -> str:
        import getpass

        return getpass.getpass(f"{what}: ", stream=sys.stderr)

    return ask


def new_passphrase(given: bytes | None, *, environment: str = "PRIVET_PASSPHRASE") -> bytes:
    """A passphrase to be: given, from the environment, or asked for twice. Raises InvalidInput, Unavailable."""
    from privet.bootstrap.passphrase import get_passphrase, read_passphrase_file

    if given is not None:
        return get_passphrase(given)
    if environment in os.environ:
        return get_passphrase(os.environ[environment])
    if f"{environment}_FILE" in os.environ:
        return read_passphrase_file(Path(os.environ[f"{environment}_FILE"]))
    ask, again = ask_passphrase("New passphrase"), ask_passphrase("Again")
    if ask is None or again is None:
        raise Unavailable(f"a passphrase is needed: set {environment}_FILE or {environment}")
    while True:
        first = ask()
        if not first:
            raise InvalidInput("the passphrase is empty")
        if first == again():
            return first.encode()
        complain("these two were not the same; once more")


@contextmanager
def open_vault() -> "Iterator[Vault]":
    """The vault, open. What went wrong in it is what is told, not what went wrong in closing it after that."""
    directory = get_directory()
    from privet import Vault

    vault = Vault.open(directory, passphrase=given_passphrase(), prompt=ask_passphrase())
    try:
        yield vault
    except BaseException:
        with suppress(PrivetError):
            vault.close()
        raise
    vault.close()


def load_rules() -> "tuple[Settings, Catalogue]":
    """Settings and catalogue alone: needs no passphrase."""
    directory = get_directory()
    from privet.config.catalogue import load_catalogue
    from privet.config.settings import load_settings

    return load_settings(directory), load_catalogue(directory)
