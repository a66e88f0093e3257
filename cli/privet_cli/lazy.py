"""Groups whose commands are imported when they are called: `privet --version` loads none of them.

Refuses a name it does not know with the nearest one it does.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from privet.errors import Unavailable

_WORD = re.compile(r"[a-z][a-z-]{0,30}")


class Place(NamedTuple):
    """Where a command stands, and its one line in the list of commands (the same as the command's own: tested)."""

    module: str
    name: str
    summary: str


class Sections(click.Group):
    """A group that lists its commands under headings, in the order given."""

    def __init__(
        self, *args: Any, places: Mapping[str, Mapping[str, Place]] | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._sections = places or {}
        self._places = {name: place for some in self._sections.values() for name, place in some.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self._places)

    def summary(self, name: str) -> str:
        """The line of a command in the list."""
        return self._places[name].summary

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        place = self._places.get(cmd_name)
        if place is None:
            return None
        try:
            found: click.Command = getattr(import_module(place.module), place.name)
        except ModuleNotFoundError as error:
            if error.name is None or not place.module.startswith(error.name):
                raise
            raise Unavailable(f"this installation of Privet has no `{cmd_name}`") from None
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self._places:
            raise click.UsageError(no_command(ctx, name, list(self._places)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for heading, places in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, place.summary) for name, place in places.items()])


class Group(click.Group):
    """A group of a few commands that stand in one file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.commands:
            raise click.UsageError(no_command(ctx, name, list(self.commands)), ctx)
        return super().resolve_command(ctx, args)


def no_command(ctx: click.Context, name: str, known: Sequence[str]) -> str:
    """A sentence for a command that is none. What was typed is repeated only if it looks like a command."""
    shown = f" `{name}`" if _WORD.fullmatch(name) else ""
    near = difflib.get_close_matches(name[:40], known, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else f"; there are: {', '.join(known)}"
    return f"{ctx.command_path} has no command{shown}{hint}"
