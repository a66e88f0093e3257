"""`privet demo`: runs the nine chapters in a directory of its own, and leaves nothing behind unless it is told to."""

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from privet.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from privet_cli.demo.screen import Screen
    from privet_cli.demo.stage import Stage


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Leave the vault in DIR, a new directory, and say what to try next.",
)
@click.option("--fast", is_flag=True, help="Do not wait for the reader.")
def demo(keep: Path | None, fast: bool) -> None:
    """Tell the story of a hotel group, with real calls.

    About 5,200 invented guests with real bookings move into a new vault; one of them, Ms. Johnson, is greeted, fed,
    asked, seen and forgotten. It needs no network, and takes about a minute.
    """
    from privet_cli.demo.screen import Screen

    screen = Screen(fast=fast)
    began = time.monotonic()
    with _directories(keep) as (work, directory):
        from privet_cli.demo import story

        stage = _set(screen, work, directory, fast=fast)
        try:
            story.tell_all(stage)
        finally:
            stage.rest()
    screen.line()
    if keep is not None:
        story.say_what_next(screen, keep, stage.guests)
    left = "" if keep else " Nothing was left behind: `privet demo --keep DIR` leaves the vault to play with."
    screen.line(f"   Done in {time.monotonic() - began:.0f} s.{left}")


def _set(screen: "Screen", work: Path, directory: Path, *, fast: bool) -> "Stage":
    """A new, empty vault, and guests for it."""
    from privet import Vault
    from privet_cli.demo.guests import make_guests
    from privet_cli.demo.scan import Needles
    from privet_cli.demo.stage import PASSPHRASE, Stage

    guests = make_guests(datetime.now(UTC).date())
    guests.write(work / "guests.csv", work / "stays.csv")
    needles = Needles(
        names={name for guest in guests.people for name in (guest.given, guest.family)},
        emails=(guest.email for guest in guests.people),
        phones=(guest.phone for guest in guests.people),
    )
    screen.line("   Privet keeps what a business knows of its customers: known, and discreet.")
    screen.line(
        "   This is the story of two hotels and one guest. Every line below is what a real call returned."
    )
    with as_file(files("privet_cli.demo").joinpath("hotel")) as catalogue:
        Vault.create(directory, passphrase=PASSPHRASE, catalogue=catalogue).close()
    return Stage(screen=screen, work=work, directory=directory, guests=guests, needles=needles, fast=fast)


@contextmanager
def _directories(keep: Path | None) -> Iterator[tuple[Path, Path]]:
    """(the demo's own directory, the vault's). Both go on an error and on Ctrl-C; the kept one only then."""
    if keep is not None and keep.exists():
        raise Conflict(f"{keep} exists; name a new directory")
    try:
        work = Path(tempfile.mkdtemp(prefix="privet-demo-"))
    except OSError as error:
        raise Unavailable(f"no temporary directory can be made ({error.strerror})") from None
    before = signal.signal(signal.SIGTERM, _stop)
    directory = keep.resolve() if keep is not None else work / "vault"
    try:
        yield work, directory
    except BaseException:
        if keep is not None:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
