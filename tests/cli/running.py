"""Runs `privet` as a test: in this process, with streams of its own, or as a real process.

Refuses, for every command of every test, output that no command may print: a traceback, the passphrase.
"""

import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PASSPHRASE = "a lamp, a hedge, a garden gate"
NEVER = ("Traceback (most recent call last)", PASSPHRASE)
PRIVET = [sys.executable, "-m", "privet_cli"]


class Ran(NamedTuple):
    out: str
    err: str
    code: int


class _Stream(io.TextIOWrapper):
    """A text stream over memory that may claim to be a terminal."""

    def __init__(self, data: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", errors="backslashreplace", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def written(self) -> str:
        raw = self.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue().decode("utf-8")


def run(
    *arguments: str,
    cwd: Path,
    stdin: str | bytes = b"",
    env: Mapping[str, str] | None = None,
    terminal: bool = False,
    passphrase: str | None = PASSPHRASE,
) -> Ran:
    """One command line, in this process."""
    from privet_cli.main import run as run_line

    given = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
    streams = _Stream(given, terminal=terminal), _Stream(terminal=terminal), _Stream(terminal=terminal)
    held, here, before = (sys.stdin, sys.stdout, sys.stderr), Path.cwd(), dict(os.environ)
    os.environ.update(
        {"NO_COLOR": "1", **({"PRIVET_PASSPHRASE": passphrase} if passphrase else {}), **(env or {})}
    )
    os.chdir(cwd)
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        code = run_line(arguments)
    finally:
        sys.stdin, sys.stdout, sys.stderr = held
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
    return checked(Ran(streams[1].written(), streams[2].written(), code))


def run_process(
    *arguments: str | bytes,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float = 100,
) -> Ran:
    """One command line, as a process of its own."""
    done = subprocess.run(
        [*PRIVET, *arguments],
        cwd=cwd,
        input=stdin,
        env=environment(env),
        capture_output=True,
        timeout=timeout,
    )
    return checked(Ran(done.stdout.decode(), done.stderr.decode(), done.returncode))


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a real process: the passphrase, no colour."""
    return {**os.environ, "PRIVET_PASSPHRASE": PASSPHRASE, "NO_COLOR": "1", **(more or {})}


def checked(ran: Ran) -> Ran:
    """What holds for every command."""
    for text in NEVER:
        assert text not in ran.out + ran.err, "a command printed what none may"
    return ran


def sentence(ran: Ran, code: int) -> str:
    """The one sentence of a command that failed, with nothing on standard output."""
    assert ran.code == code, ran
    assert ran.out == ""
    first = ran.err.splitlines()[0]
    assert first.startswith("privet: "), ran.err
    return first.removeprefix("privet: ")


def seal_cheaply(directory: Path, passphrase: str = PASSPHRASE) -> None:
    """Lowers the cost of a test vault's keyring, so that each command does not take half a second."""
    from privet.crypto.keyring_file import FileKeyring
    from privet.crypto.keyring_format import ScryptCost

    keyring = FileKeyring.open(directory / "keyring.json", passphrase.encode())
    keyring.change_passphrase(passphrase.encode(), cost=ScryptCost(log2_n=4))


def arguments_of(line: Sequence[str]) -> list[str]:
    """Words of a command line after `privet`."""
    assert line[0] == "privet", line
    return list(line[1:])
