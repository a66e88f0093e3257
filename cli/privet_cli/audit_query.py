"""`privet audit query`, `show` and `replay`: the log as officers and the steward read it."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from privet_cli.completion import names_of
from privet_cli.opening import open_vault
from privet_cli.options import by_option, json_option, since_until
from privet_cli.terminal import Coloured, is_terminal, moment, note, safe, say_json, table

if TYPE_CHECKING:
    from privet.audit.query import AuditLine
    from privet.domain.request import By

F = TypeVar("F", bound=Callable[..., Any])
COLOURS = {"permit": "green", "refuse": "red", "failed": "red", "partial": "yellow", "done": "dim"}
COLUMNS = (
    "position", "audit_id", "at", "act", "decision", "service", "actor", "request", "credential",
    "purpose", "basis", "policy", "classes",
    "count", "subject", "fields", "reasons", "sealed", "detail",
)  # fmt: skip


def as_option(command: F) -> F:
    return click.option(
        "--as", "officer", metavar="OFFICER", help="The officer who asks. Else it is logged as the steward's."
    )(command)


@click.command()
@as_option
@by_option(required=False)
@click.option("--subject", metavar="ID", help="A person by the id that earlier lines show, rather than --by.")
@click.option(
    "--service", metavar="NAME", shell_complete=names_of("services"), help="The service that asked."
)
@click.option(
    "--purpose", metavar="NAME", shell_complete=names_of("purposes"), help="The purpose that was named."
)
@click.option(
    "--field", metavar="PATH", shell_complete=names_of("fields"), help="Released, written or refused."
)
@click.option("--decision", metavar="WORD", help="permit, partial, refuse, done or failed.")
@click.option("--act", metavar="WORD", help="read, find, history, put, import, consent, erase, rotate, …")
@click.option("--reason", metavar="CODE", help="A reason of a refusal: consent_required, …")
@click.option("--request", metavar="ID", help="The request that it came by: X-Request-Id, or a problem's.")
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
    """Search the log, newest first.

    All filters must hold; without any it prints everything.

    \b
    Examples:
      $ privet audit query --limit 20
      $ privet audit query --by email=ada@example.org --since 2026-05-01
      $ privet audit query --service newsletter --reason consent_withdrawn --json
      $ privet audit query --request 7f3kq2m5xw --since 2026-05-01
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
        ", ".join(f"{path} ({why})" for path, why in line.reasons.items()) or _whole(line),
        line.audit_id,
    )


def _whole(line: "AuditLine") -> str:
    """Why something was refused that is of no field: a consent, a request."""
    why = line.detail.get("reason") or line.detail.get("code")
    return f"({why})" if isinstance(why, str) else "-"


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


@click.command()
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
            rows += [
                (f"{name}.{key}", _said(said)) for key, said in value.items() if said not in (None, "", {})
            ]
        elif value not in (None, (), "", False):
            text = ", ".join(value) if isinstance(value, tuple) else moment(value) if name == "at" else value
            rows.append((name, text))
    table(("what", "said"), rows)


@click.command()
@click.argument("audit_id", metavar="ID")
@as_option
@json_option()
def replay(audit_id: str, officer: str | None, as_json: bool) -> None:
    """Decide a logged question again, by the rules of that day, and compare.

    The question, the facts it rested on and the policy revision are in the log; nothing of today is asked.

    Exit code 0: the same answer. 1: another one, or the entry cannot be replayed.

    \b
    Example:
      $ privet audit replay 01980f3a6d2b7c4e8f901a2b3c4d5e6f
    """
    from privet.errors import EXIT_REFUSED

    with auditing(officer) as log:
        again = log.replay(audit_id)
    fields = {
        path: {"effect": said.effect, "reason": said.reason} for path, said in again.decision.fields.items()
    }
    if as_json:
        say_json({"audit_id": audit_id, "revision": again.line.policy, "same": again.same, "fields": fields})
    else:
        table(("field", "effect", "reason"), [(p, f["effect"], f["reason"]) for p, f in fields.items()])
        word = "The same answer" if again.same else "ANOTHER ANSWER than the log has"
        note(f"{word}, by policy revision {(again.line.policy or '')[:16]}.")
    if not again.same:
        raise SystemExit(EXIT_REFUSED)


def _said(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
