"""`privet service key`: the API keys by which services ask over HTTP. Refuses to print a key twice: none is kept."""

import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from privet.errors import Conflict
from privet_cli.completion import names_of
from privet_cli.files import write_new
from privet_cli.lazy import Group
from privet_cli.opening import open_vault
from privet_cli.options import json_option
from privet_cli.terminal import Coloured, moment, note, say, say_json, table

_AHEAD = re.compile(r"([0-9]{1,6})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Later(click.ParamType[datetime]):
    """A date (its whole day counts), an instant with its zone, or how far ahead: 2027-05-01, 2027-05-01T12:00Z, 90d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value)
        ahead = _AHEAD.fullmatch(text)
        try:
            if ahead is not None:
                return datetime.now(UTC) + timedelta(**{_UNITS[ahead[2]]: int(ahead[1])})
            if len(text) == 10:
                day = date.fromisoformat(text)
                return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
            at = datetime.fromisoformat(text)
            if at.tzinfo is not None:
                at = at.astimezone(UTC)  # after the year 9999 there, it could be kept and never shown
        except (ValueError, OverflowError):
            self.fail(
                "write a date (2027-05-01), an instant with its zone (2027-05-01T12:00Z), or how far ahead in hours, "
                "days or weeks (12h, 90d, 8w)",
                param,
                ctx,
            )
        if at.tzinfo is None:
            self.fail("an instant needs its time zone: 2027-05-01T12:00Z", param, ctx)
        return at


@click.group(cls=Group)
def key() -> None:
    """API keys of services: create, list, revoke.

    A service has at most two, so that it can change over from one to the other.

    \b
    Examples:
      $ privet service key create front-desk
      $ privet service key list
    """


@key.command()
@click.argument("service", metavar="SERVICE", shell_complete=names_of("services"))
@click.option(
    "--expires", type=Later(), metavar="TIME", help="When it ends: 2027-05-01, or 12h, 90d, 8w from now."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Put it there, mode 0600, instead of printing it; never over a file.",
)
@json_option("Print JSON.")
def create(service: str, expires: datetime | None, out: Path | None, as_json: bool) -> None:
    """Make an API key and print it, this once.

    Only a hash of it is kept. It works at once, in every process.

    \b
    Examples:
      $ privet service key create front-desk --out front-desk.key
      $ privet service key create front-desk --expires 90d
    """
    from privet.bootstrap.credentials import create_key, revoke_key
    from privet.domain.ids import from_millis, to_millis

    if out is not None and out.exists():
        raise Conflict(f"{out} exists already; name a new file")
    with open_vault() as vault:
        made = create_key(vault.parts, service, expires=None if expires is None else to_millis(expires))
        ends = None if made.expires is None else from_millis(made.expires)
        try:
            if out is not None:
                write_new(out, made.text.encode() + b"\n")
            elif as_json:
                say_json({"id": made.id, "service": made.service, "key": made.text, "expires": ends})
            else:
                say(made.text)
            sys.stdout.flush()
        except BaseException:
            revoke_key(vault.parts, made.id)  # nobody has it
            raise
    if as_json:
        if out is not None:
            say_json({"id": made.id, "service": made.service, "file": str(out), "expires": ends})
        return
    until = "" if ends is None else f" It expires at {moment(ends)}."
    if out is not None:
        say(f"key  {out}")
    kept = "Keep it now: it is not shown again." if out is None else "It stands nowhere else."
    note(f"{kept}{until} Revoke it with: privet service key revoke {made.id}")


@key.command(name="list")
@click.argument("service", metavar="[SERVICE]", required=False, shell_complete=names_of("services"))
@json_option()
def list_(service: str | None, as_json: bool) -> None:
    """List the API keys that stand, of all services or of one: never the keys themselves.

    \b
    Example:
      $ privet service key list
    """
    from privet.bootstrap.credentials import is_live, list_keys
    from privet.domain.ids import from_millis

    with open_vault() as vault:
        found = list_keys(vault.parts, service)
        now = vault.parts.clock()
    rows = []
    for one in found:
        ends = None if one.expires is None else from_millis(one.expires)
        state = "live" if is_live(one, now) else "expired"
        rows.append((one.id, one.service, from_millis(one.created), ends, state))
    if as_json:
        for row in rows:
            say_json(dict(zip(("id", "service", "created", "expires", "state"), row, strict=True)))
        return
    table(
        ("id", "service", "created", "expires", "state"),
        [
            (
                key_id,
                name,
                moment(made),
                moment(ends),
                Coloured(state, "green" if state == "live" else "yellow"),
            )
            for key_id, name, made, ends, state in rows
        ],
    )
    if not rows:
        note("There are no API keys.")


@key.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke an API key, at once and in every process.

    What was under way when it was revoked may still be answered; nothing that begins later is.

    \b
    Example:
      $ privet service key revoke k3v7qm2a
    """
    from privet.bootstrap.credentials import revoke_key

    with open_vault() as vault:
        gone = revoke_key(vault.parts, key_id)
    say(f"{gone.id}: revoked; it was a key of {gone.service}")
