"""Options that several commands share, and how their values are read. Refuses values in sentences that do not repeat
them, where they may name a person."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from privet.errors import InvalidInput
from privet_cli.opening import read_line

if TYPE_CHECKING:
    from privet import Vault
    from privet.domain.request import By

F = TypeVar("F", bound=Callable[..., Any])

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

BY_HELP = (
    "Name the person by a look-up field: FIELD=VALUE. Other users of this machine can see VALUE (ps, shell history): "
    "FIELD=- reads it from a line of standard input."
)


class Lookup(click.ParamType["By"]):
    """`email=ada@example.org`, or `email=-`."""

    name = "lookup"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "By":
        from privet.domain.request import By

        if isinstance(value, By):
            return value
        field, equals, text = str(value).partition("=")
        if not equals or not field or not text:
            self.fail("write it as FIELD=VALUE, for example email=ada@example.org", param, ctx)
        return By(field, read_line(f"the value of {field[:40]}") if text == "-" else text)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        del ctx, param, incomplete
        return []


def by_option(*, required: bool = True) -> Callable[[F], F]:
    return click.option("--by", "who", type=Lookup(), required=required, metavar="FIELD=VALUE", help=BY_HELP)


def json_option(help_text: str = "Print JSON, one object a line.") -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=help_text)


class Moment(click.ParamType[datetime]):
    """A date, an instant with its zone, or how long ago: 2026-05-01, 2026-05-01T12:00Z, 24h."""

    name = "time"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value)
        ago = _AGO.fullmatch(text)
        try:
            if ago is not None:
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            if len(text) == 10:
                day = date.fromisoformat(text)
                at = datetime(day.year, day.month, day.day, tzinfo=UTC)
                return at + timedelta(days=1, milliseconds=-1) if self._last else at
            at = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            self.fail(
                "write a date (2026-05-01), an instant (2026-05-01T12:00Z) or how long ago (24h, 7d)",
                param,
                ctx,
            )
        if at.tzinfo is None:
            self.fail("an instant needs its time zone: 2026-05-01T12:00Z", param, ctx)
        return at


def since_until(command: F) -> F:
    command = click.option(
        "--until", type=Moment(last=True), metavar="TIME", help="Up to then; a date is its whole day."
    )(command)
    return click.option(
        "--since", type=Moment(), metavar="TIME", help="From then: 2026-05-01, 2026-05-01T12:00Z, or 24h, 7d."
    )(command)


def check_purpose(vault: "Vault", name: str) -> None:
    """Raises InvalidInput, with the purposes there are, for one that the catalogue does not know."""
    purposes = vault.parts.catalogue.purposes
    if name not in purposes:
        known = ", ".join(sorted(purposes)) or "none"
        raise InvalidInput(f"the catalogue has no such purpose; purposes here: {known}", field="purpose")


def confirm(question: str, *, yes: bool) -> None:
    """Asks before what cannot be undone. Raises InvalidInput where nobody sits and --yes was not given."""
    import sys

    from privet_cli.terminal import is_terminal, note

    if yes:
        return
    if sys.stdin is None or not is_terminal(sys.stdin):
        raise InvalidInput(f"{question} Add --yes to do it.")
    note(f"{question} Write `yes` to go on.")
    if read_line("the answer").strip().lower() != "yes":
        raise click.exceptions.Exit(1)
