"""`privet backup`, `restore` and `upgrade`: copies of a vault, and its move to a newer version."""

import os
from pathlib import Path

import click

from privet_cli.opening import ask_passphrase, get_directory, given_passphrase, invocation, open_vault
from privet_cli.options import json_option
from privet_cli.progress import Progress
from privet_cli.terminal import counted, note, say, say_json

_STEPS = {
    "verified": "verifying the backup",
    "loaded": "loading the data",
    "people": "reviving people",
    "revived": "revived",
    "logged": "starting the new log",
    "swapped": "putting it in place",
    "done": "done",
}


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@json_option()
def backup(target: Path, as_json: bool) -> None:
    """Copy the vault while it is in use, never its keys.

    TARGET is a new directory. The keyring, the keypack and the control journal are never in it: it says how to
    keep them.

    \b
    Example:
      $ privet backup /mnt/backups/2026-05-01
    """
    with open_vault() as vault, Progress("copying", "pages") as progress:
        done = vault.steward().backup(target, progress=progress.update)
    if as_json:
        say_json(done._asdict())
        return
    say(f"Wrote {done.path}: {done.size:,} bytes, the log to entry {done.entries:,}.")
    note("Keep apart from it, or it cannot be restored:")
    for sentence in done.keep_apart:
        note(f"  {sentence}")


@click.command()
@click.argument("source", metavar="BACKUP", type=click.Path(path_type=Path))
@json_option()
def restore(source: Path, as_json: bool) -> None:
    """Bring the vault back from a backup.

    It brings back the living, never a withdrawn consent and never an erased person. The newest keyring, keypack and
    control journal must stand in the vault's directory; settings and catalogue come from the backup if they are not
    there. Nobody may have the vault open. Interrupted, run it again.

    \b
    Example:
      $ privet --vault guests.privet restore /mnt/backups/2026-05-01
    """
    directory = invocation().vault or get_directory()
    from privet.bootstrap.restoring import restore_vault

    with Progress("restoring") as progress:
        done = restore_vault(
            source,
            directory,
            passphrase=given_passphrase(),
            prompt=ask_passphrase(),
            randomness=os.urandom,
            progress=lambda step, at, total: progress.update(at, total, _STEPS.get(step, step)),
        )
    if as_json:
        say_json({**done._asdict(), "people": done.people._asdict()})
        return
    people = done.people
    say(f"Restored {counted(people.living, 'person', 'people')}. The log goes on as {done.origin}.")
    told = [
        (people.erased, f"had been erased since, and {'stays' if people.erased == 1 else 'stay'} erased"),
        (people.amended, "had withdrawn, objected or restricted since, and that holds"),
        (people.gone, "could not be brought back: the keys ended with their epoch"),
        (people.damaged, "with a row that does not open: `privet doctor` lists them"),
        (
            done.lost_entries,
            "of the old log's entries are not in the backup; the new log names where it ended",
        ),
    ]
    for count, sentence in told:
        if count:
            say(f"{count:,} {sentence}.")
    if done.aside is not None:
        note(f"The database from before stands aside as {done.aside}: delete it once all is right.")
    note("Next: `privet doctor`, `privet audit verify`.")


@click.command()
@json_option()
def upgrade(as_json: bool) -> None:
    """Move the vault to this version of Privet.

    Make a backup first. A vault that is new enough is left alone.

    \b
    Example:
      $ privet upgrade
    """
    from privet.bootstrap.upgrading import upgrade_vault

    directory = get_directory()
    done = upgrade_vault(directory, open_vault=open_vault)
    if as_json:
        say_json(done._asdict())
    elif done.before == done.after:
        say(f"Nothing to do: the vault is of schema {done.after}, as this Privet is.")
    else:
        say(f"Upgraded from schema {done.before} to {done.after}.")
