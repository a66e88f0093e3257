"""`privet subject`: what is held of a person, by name; and what the steward does for a request on paper."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet_cli.lazy import Group
from privet_cli.opening import open_vault
from privet_cli.options import by_option, confirm, json_option
from privet_cli.rights_data import erase_person, export_to
from privet_cli.terminal import counted, moment, note, say, say_json, table

if TYPE_CHECKING:
    from privet.domain.request import By


@click.group(cls=Group)
def subject() -> None:
    """What is held of a person; requests on paper.

    \b
    Examples:
      $ privet subject show --by email=ada@example.org
      $ privet subject hold --by email=ada@example.org --reason "dispute 2026/14"
    """


@subject.command()
@by_option()
@json_option()
def show(who: "By", as_json: bool) -> None:
    """Say what is held of a person: names and revisions of fields, restrictions, consents. No values.

    \b
    Example:
      $ privet subject show --by email=ada@example.org
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        held = PaperRequests(vault.parts, who).holdings()
    if as_json:
        say_json(asdict(held))
        return
    rows = [(f.path, f.category, f"revision {f.revision}", moment(f.expires)) for f in held.fields]
    rows += [(name, "", counted(count, "record"), "-") for name, count in held.records.items()]
    table(("held", "category", "as", "until"), rows)
    note("")
    note(f"subject {held.subject}, key epoch {held.epoch}")
    for purpose, status in held.consents.items():
        note(f"consent to {purpose}: {status}")
    for purpose in held.objected:
        note(f"objects to {purpose}")
    for path in held.pending:
        note(f"{path}: a corrected value waits for its code")
    if held.restricted:
        note("processing is restricted")
    if held.legal_hold:
        note("under a legal hold: cannot be erased")


@subject.command()
@by_option()
@click.option("--reason", required=True, metavar="TEXT", help="Why; she is told when she asks for erasure.")
@click.option("--until", metavar="TEXT", help="Until when; she is told as well.")
def hold(who: "By", reason: str, until: str | None) -> None:
    """Set a legal hold: while it stands, nothing of hers is erased or swept.

    \b
    Example:
      $ privet subject hold --by email=ada@example.org --reason "dispute 2026/14" --until "the end of the dispute"
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        PaperRequests(vault.parts, who).hold(True, reason=reason, until=until)
    say("held")


@subject.command()
@by_option()
def release(who: "By") -> None:
    """Lift a legal hold.

    \b
    Example:
      $ privet subject release --by email=ada@example.org
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        PaperRequests(vault.parts, who).hold(False)
    say("no longer held")


@subject.command()
@click.option(
    "--field", metavar="PATH", help="Remove this field of everybody, so that the catalogue may drop it."
)
@click.option("--yes", is_flag=True, help="Do not ask before removing a field of everybody.")
def sweep(field: str | None, yes: bool) -> None:
    """Remove what has passed its retention. It is withheld from the hour it runs out; this takes it off the disk.

    People under a legal hold keep theirs. Run it daily; it is safe to stop and to run again.

    \b
    Examples:
      $ privet subject sweep
      $ privet subject sweep --field nickname --yes
    """
    if field is not None:
        confirm(f"This removes {field} of everybody, for good.", yes=yes)
    with open_vault() as vault:
        swept = vault.steward().sweep(field=field)
    say(
        f"{counted(swept.fields, 'value')} and {counted(swept.records, 'record')} of "
        f"{counted(swept.subjects, 'person', 'people')} removed."
    )
    if swept.held:
        note(f"{swept.held} people under a legal hold keep what has run out.")
    if swept.unreadable:
        note(f"{swept.unreadable} people's rows do not open: run `privet doctor`.")


@subject.command()
@by_option()
@click.argument("file", type=click.Path(path_type=Path))
def export(who: "By", file: Path) -> None:
    """Write everything held of a person into a plain ZIP: the same as `privet rights export`.

    \b
    Example:
      $ privet subject export --by email=ada@example.org ada.zip
    """
    export_to(who, file)


@subject.command()
@by_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(who: "By", yes: bool) -> None:
    """Erase a person for good: the same as `privet rights erase`.

    \b
    Example:
      $ privet subject erase --by email=ada@example.org --yes
    """
    erase_person(who, yes=yes)
