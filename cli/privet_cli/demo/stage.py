"""Where the story plays: the vault, its directory, the guests; and how it checks what it says.

Refuses to go on when a call did not do what the story tells: then the demo ends with one sentence and exit code 1.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from privet import Vault, by
from privet.domain.request import By
from privet.errors import AccessDenied, PrivetError
from privet_cli.demo.guests import Guest, Guests
from privet_cli.demo.scan import Needles
from privet_cli.demo.screen import Screen

PASSPHRASE = "known-and-discreet"  # noqa: S105  of a vault made to be looked into
DATABASE = "vault.db"
PRIVET = "import sys; from privet_cli.main import main; sys.argv[0] = 'privet'; main()"


class DemoFailed(PrivetError):
    """A call did not do what the demo says of it."""

    exit_code = 1
    code = "demo_failed"

    def __init__(self, what: str) -> None:
        super().__init__(f"the demo stops, for it would not be true to its words: {what}")


class Stage:
    """What the chapters share. `work` is the demo's own directory and goes at the end, `directory` is the vault's."""

    def __init__(
        self, *, screen: Screen, work: Path, directory: Path, guests: Guests, needles: Needles, fast: bool
    ) -> None:
        self.screen = screen
        self.work = work
        self.directory = directory
        self.guests = guests
        self.needles = needles
        self.fast = fast
        self._vault: Vault | None = None

    @property
    def vault(self) -> Vault:
        """The vault, opened when it is asked for."""
        if self._vault is None:
            self._vault = Vault.open(self.directory, passphrase=PASSPHRASE)
        return self._vault

    def rest(self) -> None:
        """Closes the vault: before its files are looked at, since that would end this process's locks on them."""
        if self._vault is not None:
            vault, self._vault = self._vault, None
            vault.close()

    @property
    def johnson(self) -> Guest:
        return self.guests.johnson

    @property
    def her(self) -> By:
        return by(email=self.johnson.email)

    @contextmanager
    def copy(self, name: str, *, database: Path | None = None) -> Iterator[Path]:
        """A copy of the whole vault directory, file by file, perhaps with another database. Gone when it is left."""
        self.rest()
        target = self.work / name
        try:
            shutil.copytree(
                self.directory, target, ignore=shutil.ignore_patterns(f"{DATABASE}*") if database else None
            )
            if database is not None:
                shutil.copyfile(database, target / DATABASE)
            yield target
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def privet(
        self, *arguments: str, vault: Path | None = None, expect: int = 0, passphrase: bool = True
    ) -> str:
        """Runs the installed command on the vault and shows its output. Raises DemoFailed for another exit code."""
        named = "" if vault is None else f"--vault {vault.name} "
        self.screen.call(f"$ privet {named}{' '.join(arguments)}")
        done = subprocess.run(  # noqa: S603  our own interpreter, our own command
            [sys.executable, "-c", PRIVET, "--vault", str(vault or self.directory), *arguments],
            env=environment() | ({"PRIVET_PASSPHRASE": PASSPHRASE} if passphrase else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.work,
            text=True,
            encoding="utf-8",
            check=False,
        )
        text = done.stdout.replace(f"{self.work}/", "").replace(f"{self.work.resolve()}/", "")
        self.screen.output(text)
        check(
            done.returncode == expect,
            f"`privet {arguments[0]}` ended with {done.returncode}, not {expect}",
        )
        return text


def environment() -> dict[str, str]:
    """Ours, without the settings of another vault, for the commands of the story."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PRIVET_")}


def check(holds: bool, otherwise: str) -> None:
    """What the story is about to say. Raises DemoFailed."""
    if not holds:
        raise DemoFailed(otherwise)


def get_refusal(ask: Callable[[], object], who: str) -> AccessDenied:
    """The refusal that `ask` meets. Raises DemoFailed when it is answered."""
    try:
        ask()
    except AccessDenied as denied:
        return denied
    raise DemoFailed(f"{who} got an answer, and should have been refused")
