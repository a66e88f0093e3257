"""`privet audit`: query, verify and prove the log."""

import csv

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from privet.errors import IntegrityError
from privet_cli.lazy import Group
from privet_cli.opening import get_directory, invocation, open_vault
from privet_cli.options import by_option, json_option, since_until
from privet_cli.progress import Progress
from privet_cli.terminal import Coloured, is_terminal, moment, note, safe, say, say_json, table

if TYPE_CHECKING:
    from privet.audit.query import AuditLine
    from privet.domain.request import By

F = TypeVar("F", bound=Callable[..., Any])
COLOURS = {"permit": "green", "refuse": "red", "failed": "red", "partial": "yellow", "done": "dim"}
COLUMNS = (
    "position", "audit_id", "at", "act", "decision", "service", "actor", "purpose", "basis", "policy", "classes",
    "count", "subject", "fields", "reasons", "sealed", "detail",
)  # fmt: skip


def as_option(command: F) -> F:
    return click.option(
        "--as", "officer", metavar="OFFICER", help="The officer who asks. Else it is logged as the steward's."
    )(command)


@click.group(cls=Group)
def audit() -> None:
    """Query, verify and prove the log. Queries are themselves logged.

    \b
    Examples:
      $ privet audit query --service newsletter --decision refuse --since 7d
      $ privet audit verify
      $ privet audit prove 01980f3a6d2b7c4e8f901a2b3c4d5e6f -o entry.tlog-proof
    """


@audit.command()
@as_option
@by_option(required=False)
@click.option("--subject", metavar="ID", help="A person by the id that earlier lines show, rather than --by.")
@click.option("--service", metavar="NAME")
@click.option("--purpose", metavar="NAME")
@click.option("--field", metavar="PATH", help="Released, written or refused.")
@click.option("--decision", metavar="WORD", help="permit, partial, refuse, done or failed.")
@click.option("--act", metavar="WORD", help="read, find, history, put, import, consent, erase, rotate, …")
@click.option("--reason", metavar="CODE", help="A reason of a refusal: consent_required, …")
@since_until
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N only.")
@json_option()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading.")
def query(
    officer: str | None,
    who: "By | None",
    subject: str | None,
    as_json: bool,
    as_csv: bool,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    **clear: str | None,
) -> None:
    """Search the log, newest first. All filters must hold; without any it prints everything.

    \b
    Examples:
      $ privet audit query --limit 20
      $ privet audit query --by email=ada@example.org --since 2026-05-01
      $ privet audit query --service newsletter --reason consent_withdrawn --json
    """
    if who is not None and subject is not None:
        raise click.UsageError("--by and --subject both name a person: give one of them")
    if as_json and as_csv:
        raise click.UsageError("--json and --csv: give one of them")
    with auditing(officer) as log:
        lines = log.stream(subject=who or subject, since=since, until=until, limit=limit, **clear)
        if as_json:
            for line in lines:
                say_json({name: getattr(line, name) for name in COLUMNS})
        elif as_csv:
            _print_csv(lines)
        else:
            print_lines(lines)


@contextmanager
def auditing(officer: str | None) -> Iterator[Any]:
    """The log as an officer or the steward reads it."""
    from privet.bootstrap.auditing import StewardAudit

    with open_vault() as vault:
        yield vault.officer(officer).audit if officer is not None else StewardAudit(vault.parts)


def print_lines(lines: "Iterator[AuditLine]") -> None:
    """A table, in pages, so that a long log begins at once."""
    page: list[tuple[object, ...]] = []
    for line in lines:
        page.append(_row(line))
        if len(page) == 500 and not is_terminal(sys.stdout):
            table((), page)
            page = []
    table(("when", "who", "act", "purpose", "decision", "fields", "refused", "audit id"), page)


def _row(line: "AuditLine") -> tuple[object, ...]:
    return (
        moment(line.at),
        line.service or line.actor or "-",
        line.act,
        line.purpose or "-",
        Coloured(line.decision, COLOURS.get(line.decision, "dim")),
        ", ".join(line.fields) or ("(sealed)" if line.sealed else "-"),
        ", ".join(f"{path} ({why})" for path, why in line.reasons.items()) or "-",
        line.audit_id,
    )


def _print_csv(lines: "Iterator[AuditLine]") -> None:
    import json

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        cells = []
        for name in COLUMNS:
            value = getattr(line, name)
            if isinstance(value, tuple):
                value = " ".join(value)
            elif isinstance(value, datetime):
                value = value.isoformat()
            elif not isinstance(value, str | int | None):
                value = json.dumps(value, ensure_ascii=False, default=str) if value else ""
            text = "" if value is None else safe(value, most=1 << 20)
            # A spreadsheet takes these for formulas, and a purpose in the log is whatever a service wrote.
            cells.append(f"'{text}" if text[:1] in ("=", "+", "-", "@") else text)
        writer.writerow(cells)


@audit.command()
@click.argument("audit_id", metavar="ID")
@as_option
@json_option()
def show(audit_id: str, officer: str | None, as_json: bool) -> None:
    """Show one entry with all that the log says of it.

    \b
    Example:
      $ privet audit show 01980f3a6d2b7c4e8f901a2b3c4d5e6f
    """
    with auditing(officer) as log:
        line = log.entry(audit_id)
    if as_json:
        say_json({name: getattr(line, name) for name in COLUMNS})
        return
    rows = []
    for name in COLUMNS:
        value = getattr(line, name)
        if name in ("reasons", "detail"):
            rows += [(f"{name}.{key}", said) for key, said in value.items()]
        elif value not in (None, (), ""):
            text = ", ".join(value) if isinstance(value, tuple) else moment(value) if name == "at" else value
            rows.append((name, text))
    table(("what", "said"), rows)


@audit.command()
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The log's public key, kept elsewhere. Else anchors/log.vkey.")
@json_option()
def verify(key: Path | None, as_json: bool) -> None:
    """Rebuild the whole log and hold it against every signed checkpoint and anchor. Needs no passphrase.

    Exit code 0: nothing was altered. 1: it says which entry. A key kept where administrators of this machine cannot
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
            say(f"The log is sound: {report.size:,} entries, {report.checkpoints} checkpoints, {report.anchors} anchors.")
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


@audit.command()
@click.argument("audit_id", metavar="ID")
@as_option
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Else to standard output.")
def prove(audit_id: str, officer: str | None, output: Path | None) -> None:
    """Make a proof that the log holds an entry: a C2SP tlog-proof, with the entry's public part in it.

    Anybody can check it offline with the log's public key. It tells nothing about a person.

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
        sys.stdout.write(proof.decode("ascii"))
        return
    from privet_cli.files import write_new

    write_new(output, proof)
    note(f"Wrote {output}. Check it with: privet audit check-proof {output}")


@audit.command(name="check-proof")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The log's public key. Else the vault's anchors/log.vkey.")
@json_option()
def check_proof(file: Path, key: Path | None, as_json: bool) -> None:
    """Check a proof offline. Needs the log's public key, and neither passphrase nor database.

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
        "position": proved.index,
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
    say(f"The proof holds: entry {proved.index} of the log {proved.origin}, of {proved.size} entries when it was signed.")
    table(("what", "said"), [(k, moment(v) if isinstance(v, datetime) else v) for k, v in told.items() if v is not None])
