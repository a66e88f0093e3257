"""`privet keys`: epochs, rotation, the passphrase. Refuses to print a key."""

from dataclasses import asdict

import click

from privet_cli.lazy import Group
from privet_cli.opening import new_passphrase, open_vault, passphrase_from
from privet_cli.options import json_option
from privet_cli.progress import Progress
from privet_cli.terminal import counted, moment, note, say, say_json, table

_STEPS = {
    "keyring": "opening an epoch",
    "open": "opening an epoch",
    "closed": "closing the old one",
    "rewrap": "rewrapping people's keys",
    "rewrapped": "rewrapped",
    "keypack": "writing the keypack",
    "retired": "retiring the old one",
    "destroyed": "destroying its key",
    "done": "done",
}


@click.group(cls=Group)
def keys() -> None:
    """The vault's keys: list, rotate, change the passphrase.

    \b
    Examples:
      $ privet keys list
      $ privet keys rotate
    """


@keys.command(name="list")
@json_option()
def list_(as_json: bool) -> None:
    """List the key epochs: when each began, how many people's keys it wraps, whether it still lives.

    \b
    Example:
      $ privet keys list
    """
    from privet.bootstrap.keyholding import list_keys

    with open_vault() as vault:
        held = list_keys(vault.parts)
    if as_json:
        for one in held.epochs:
            say_json(asdict(one))
        return
    table(
        ("epoch", "state", "since", "people", "key"),
        [
            (one.epoch, one.state, moment(one.opened), f"{one.people:,}", "held" if one.key_held else "gone")
            for one in held.epochs
        ],
    )
    if held.unfinished:
        note(
            f"A rotation has not ended: {held.unfinished}. Run `privet keys rotate`: it goes on where it stopped."
        )


@keys.command()
@json_option()
def rotate(as_json: bool) -> None:
    """Rotate the keys: a new epoch opens, everybody's keys are rewrapped, the old key is destroyed.

    From then on older copies of the database open for nobody; backups need the newest keypack. Services go
    on reading
    meanwhile. Interrupted, it goes on where it stopped when run again.

    \b
    Example:
      $ privet keys rotate
    """
    with open_vault() as vault, Progress("rotating") as progress:
        try:
            done = vault.steward().rotate(
                progress=lambda step, at, total: progress.update(at, total, _STEPS.get(step, step))
            )
        except KeyboardInterrupt:
            progress.clear()
            note("Nothing is lost: run `privet keys rotate` again, and it goes on where it stopped.")
            raise
    if as_json:
        say_json(done._asdict())
        return
    gone = ", ".join(str(epoch) for epoch in done.retired) or "none"
    say(f"{'Finished the rotation' if done.resumed else 'Rotated'} to epoch {done.epoch}.")
    say(f"Rewrapped the keys of {counted(done.people, 'person', 'people')}; epochs destroyed: {gone}.")
    note("Replicate the new keypack now; delete every older copy of it and of the keyring.")


@keys.command()
@click.option(
    "--new-passphrase-file",
    metavar="FILE",
    help="Read the new one from a file; - reads a line of standard input.",
)
def passphrase(new_passphrase_file: str | None) -> None:
    """Change the passphrase. The new one comes from a file, PRIVET_NEW_PASSPHRASE(_FILE), or is asked for twice.

    Copies of the old keyring still open with the old passphrase: delete them, then rotate the keys.

    \b
    Examples:
      $ privet keys passphrase
      $ privet keys passphrase --new-passphrase-file /run/secrets/new
    """
    from privet.bootstrap.keyholding import change_passphrase

    with open_vault() as vault:
        secret = new_passphrase(passphrase_from(new_passphrase_file), environment="PRIVET_NEW_PASSPHRASE")
        change_passphrase(vault.parts, secret)
    say("The passphrase is changed.")
    note("Copies of the old keyring still open with the old one: delete them, then `privet keys rotate`.")
