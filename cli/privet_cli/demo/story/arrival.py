"""1: a vault is made, the guests move in, and the files are searched for them."""

import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from privet_cli.demo.scan import Found, Needles
from privet_cli.demo.screen import Screen
from privet_cli.demo.stage import Stage, check
from privet_cli.progress import Progress

if TYPE_CHECKING:
    from privet.bootstrap.importing.run import ImportSummary


def tell(stage: Stage) -> None:
    screen, guests = stage.screen, stage.guests
    screen.chapter(1, "The guests move in")
    screen.tell(
        f"Alder & Quay has two hotels and {len(guests.people):,} guests. Their {guests.stays:,} bookings are"
        " real ones, of a resort in Portugal, with the dates moved on. The people are invented, and so are"
        " beds, towels, breakfasts, allergies, consents, and which bookings were at the second hotel."
    )
    began = time.monotonic()
    people, stays = _import(stage, "guests"), _import(stage, "stays")
    took = time.monotonic() - began
    complete = people.created == len(guests.people) and stays.records == guests.stays
    check(complete and not people.rejected + stays.rejected, "the import left somebody out")
    screen.fact(
        "imported",
        f"{people.created:,} guests, {stays.records:,} stays, {people.consents:,} answers about consent,"
        f" {people.rejected + stays.rejected} rejected, in {took:.0f} s",
    )
    stage.rest()
    search(screen, stage.needles, stage.work / "guests.csv", stage.directory)


def _import(stage: Stage, name: str) -> "ImportSummary":
    columns = files("privet_cli.demo").joinpath(f"hotel/{name}.map.yaml")
    with as_file(columns) as path, Progress(f"    importing {name}", "bytes") as bar:
        return stage.vault.steward().import_file(stage.work / f"{name}.csv", path, progress=bar.update)


def search(screen: Screen, needles: Needles, plain: Path, vault: Path) -> None:
    """The same search over what came in, where it must find them, and over the vault, where it must not."""
    screen.tell(
        "Now every file of the vault is searched for each name, email address and phone number that came in;"
        " and first, to see that the search can find, the file they came in:"
    )
    control, found = needles.scan(plain), needles.scan(vault)
    check(
        min(control.emails, control.phones, control.names) > 0, "the search finds nothing even in the clear"
    )
    screen.rows(
        [
            ["", "files", "MB", "names", "emails", "phones", "plaintext bytes found"],
            _row(plain.name, control),
            _row("the vault", found),
        ]
    )
    check(found.plain == 0, f"{found.plain:,} bytes about guests stand in the vault in clear")


def _row(name: str, found: Found) -> list[str]:
    counts = (found.names, found.emails, found.phones, found.plain)
    return [name, f"{found.files}", f"{found.size / 1e6:.1f}", *(f"{count:,}" for count in counts)]
