"""`privet import`: people and records out of a file."""

from dataclasses import asdict
from pathlib import Path

import click

from privet_cli.opening import open_vault
from privet_cli.options import json_option
from privet_cli.progress import Progress
from privet_cli.terminal import counted, note, say, say_json


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--map",
    "map_file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="MAP",
    help="Which column is which field (YAML).",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where bad rows go. Else FILE.rejects.csv.",
)
@json_option("Print the counts as JSON.")
@click.pass_context
def import_(ctx: click.Context, file: Path, map_file: Path, rejects: Path | None, as_json: bool) -> None:
    """Import people or records from CSV or JSON Lines.

    Stopped and run again, it goes on where it was; run on a file that is in, it changes nothing. A bad row
    goes to
    FILE.rejects.csv (line, column, reason) and the rest goes in; the exit code is then 1.

    \b
    A map:
      subject: {lookup: crm_id, column: customer}
      fields: {given_name: first_name, email: mail}
      purpose: enrolment

    \b
    Example:
      $ privet import guests.csv --map guests.yaml
    """
    with open_vault() as vault, Progress(f"importing {file.name}", "bytes") as progress:
        try:
            done = vault.steward().import_file(file, map_file, rejects=rejects, progress=progress.update)
        except KeyboardInterrupt:
            progress.clear()
            note("What was imported so far is in. Run the same command again, and it goes on from there.")
            raise
    if as_json:
        say_json(asdict(done))
    else:
        say(
            f"{counted(done.rows, 'row')}: {done.imported:,} imported, {done.unchanged:,} unchanged, "
            f"{done.rejected:,} rejected; {counted(done.created, 'new person', 'new people')}, "
            f"{counted(done.records, 'new record')}, {counted(done.consents, 'consent')}."
        )
        if done.resumed:
            note(f"{done.resumed:,} of the rows had been done by an earlier run.")
    if done.rejected:
        note(
            f"{done.rejects} says which rows were rejected, and why. Mend them in a file of their own, and import it."
        )
        ctx.exit(1)
