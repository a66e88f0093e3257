"""`privet audit verify`, `checkpoint`, `prove` and `check-proof`: what makes the log's word worth something."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from privet.errors import IntegrityError
from privet_cli.audit_query import as_option
from privet_cli.opening import get_directory, invocation, open_vault
from privet_cli.options import json_option
from privet_cli.progress import Progress
from privet_cli.terminal import counted, moment, note, say, say_json, table


@click.command()
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The log's public key, kept elsewhere. Else anchors/log.vkey.",
)
@json_option()
def verify(key: Path | None, as_json: bool) -> None:
    """Rebuild the whole log and hold it against what was signed.

    Every entry, hash, checkpoint and anchor is looked at. It needs no passphrase.

    Exit code 0: nothing was altered. 1: it says which entry. A key kept where administrators of this
    machine cannot
    change it makes the answer worth more.

    \b
    Examples:
      $ privet audit verify
      $ privet audit verify --key /mnt/auditor/log.vkey
    """
    directory = get_directory()
    from privet.bootstrap.auditing import verify_directory

    with Progress("verifying", "entries") as progress:
        report = verify_directory(directory, key=key, progress=progress.update)
    if as_json:
        say_json(_report(report))
    else:
        for damage in report.damages:
            say(f"damaged: {damage}")
        if report.total > len(report.damages):
            say(f"… and {report.total - len(report.damages)} more")
        if report.ok:
            say(
                f"The log is sound: {counted(report.size, 'entry', 'entries')}, "
                f"{counted(report.checkpoints, 'checkpoint')}, {counted(report.anchors, 'anchor')}."
            )
            say(f"root {report.root.hex()}")
        if report.late:
            note(f"{len(report.late)} entries are older than their neighbours: a clock was set back.")
    if not report.ok:
        raise IntegrityError(f"the log is damaged: {report.first}")


def _report(report: Any) -> dict[str, object]:
    return {
        "ok": report.ok,
        "size": report.size,
        "root": report.root.hex(),
        "proven": report.proven,
        "checkpoints": report.checkpoints,
        "anchors": report.anchors,
        "foreign": report.foreign,
        "late": list(report.late),
        "total": report.total,
        "damages": [
            {
                "fault": damage.fault.value,
                "what": damage.what,
                "first": damage.first,
                "last": damage.last,
                "audit_id": None if damage.id is None else damage.id.hex(),
            }
            for damage in report.damages
        ],
    }


@click.command()
@click.argument("audit_id", metavar="ID")
@as_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Else to standard output."
)
def prove(audit_id: str, officer: str | None, output: Path | None) -> None:
    """Make a proof that the log holds an entry.

    It is a C2SP tlog-proof, with the entry's public part in it. Anybody can check it offline with the log's
    public key. It tells nothing about a person.

    \b
    Example:
      $ privet audit prove 01980f3a6d2b7c4e8f901a2b3c4d5e6f -o entry.tlog-proof
    """
    from privet.bootstrap.auditing import prove_entry

    with open_vault() as vault:
        if officer is not None:
            vault.officer(officer)
        proof = prove_entry(vault.parts, audit_id, actor=f"officer:{officer}" if officer else "steward")
    if output is None:
        sys.stdout.write(proof.decode("utf-8"))
        return
    from privet_cli.files import write_new

    write_new(output, proof)
    note(f"Wrote {output}. Check it with: privet audit check-proof {output}")


@click.command()
def checkpoint() -> None:
    """Sign a checkpoint over the log and print it.

    It is anchored too. A witness who keeps it can tell later whether the log was altered or cut short.

    \b
    Example:
      $ privet audit checkpoint | ssh witness 'cat >> guests.checkpoints'
    """
    from privet.bootstrap.auditing import newest_checkpoint

    with open_vault() as vault:
        signed = newest_checkpoint(vault.parts)
    sys.stdout.write(signed.decode("utf-8"))


@click.command(name="check-proof")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The log's public key. Else the vault's anchors/log.vkey.",
)
@json_option()
def check_proof(file: Path, key: Path | None, as_json: bool) -> None:
    """Check a proof offline.

    Needs the log's public key, and neither passphrase nor database.

    \b
    Example:
      $ privet audit check-proof entry.tlog-proof --key log.vkey
    """
    from privet.bootstrap.auditing import read_key, verify_entry_proof
    from privet.domain.ids import from_millis
    from privet_cli.files import read_small

    public = read_key(get_directory() if key is None else invocation().vault, key)
    proved = verify_entry_proof(read_small(file, "the proof"), public)
    leaf = proved.leaf
    told = {
        "log": proved.origin,
        "position": proved.position,
        "size": proved.size,
        "audit_id": leaf.id.hex(),
        "at": from_millis(leaf.t_ms),
        "act": leaf.act,
        "decision": leaf.decision.value,
        "service": leaf.service,
        "purpose": leaf.purpose,
    }
    if as_json:
        say_json({"ok": True, **told})
        return
    say(
        f"The proof holds: entry {proved.position} of the log {proved.origin}, "
        f"of {proved.size} entries when it was signed."
    )
    table(
        ("what", "said"),
        [(k, moment(v) if isinstance(v, datetime) else v) for k, v in told.items() if v is not None],
    )
