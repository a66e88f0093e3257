"""`privet report`: counts from the log, for a page to the management or the regulator."""

from dataclasses import asdict
from datetime import datetime

import click

from privet_cli.audit_query import as_option
from privet_cli.opening import open_vault
from privet_cli.options import json_option, since_until
from privet_cli.terminal import counted, note, say_json, table


@click.command()
@as_option
@since_until
@json_option()
def report(officer: str | None, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Count reads and refusals over a time.

    By service, purpose, act and outcome. It opens nothing about any person.

    \b
    Examples:
      $ privet report --since 2026-05-01 --until 2026-05-31
      $ privet report --since 7d --json
    """
    from privet.bootstrap.reporting import make_report
    from privet.domain.ids import to_millis

    with open_vault() as vault:
        if officer is not None:
            vault.officer(officer)
        made = make_report(
            vault.parts,
            since=None if since is None else to_millis(since),
            until=None if until is None else to_millis(until),
            actor=f"officer:{officer}" if officer else "steward",
        )
    if as_json:
        for line in made.lines:
            say_json(asdict(line))
        return
    table(
        ("service", "purpose", "act", "permitted", "in part", "refused", "done", "failed", "values"),
        [
            (
                line.service or "-",
                line.purpose or "-",
                line.act,
                line.permit,
                line.partial,
                line.refuse,
                line.done,
                line.failed,
                line.fields,
            )
            for line in made.lines
        ],
    )
    note(f"{counted(made.entries, 'entry', 'entries')} in all.")
