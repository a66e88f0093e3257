"""docs/cli.md, made from what `--help` says. `python -m tests.cli.reference --write` writes it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from privet_cli.main import privet

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_HEAD = """\
# The privet command

Made from `--help` by `python -m tests.cli.reference --write`; a test holds it to that. How it speaks, in pipes and on
terminals, stands at the head of `cli/privet_cli/terminal.py`; sessions to read along are in `tests/cli/transcripts/`.

Completion: `eval "$(_PRIVET_COMPLETE=bash_source privet)"` in `~/.bashrc`; `zsh_source` in `~/.zshrc`;
`_PRIVET_COMPLETE=fish_source privet | source` in fish.
"""
_WIDTH = 100


def commands(context: click.Context) -> Iterator[click.Context]:
    """The context of a command and of all below it, in the order of its help."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            if name == "demo":
                continue  # it stands in docs/demo.md with its story
            command = context.command.get_command(context, name)
            assert command is not None
            yield from commands(command.make_context(name, [], parent=context, resilient_parsing=True))


def every_command() -> list[click.Context]:
    """All of them, `privet` first."""
    return list(commands(privet.make_context("privet", [], resilient_parsing=True, terminal_width=_WIDTH)))


def page() -> str:
    sections = (f"## {c.command_path}\n\n```text\n{c.get_help()}\n```\n" for c in every_command())
    return "\n".join([_HEAD, *sections])


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/cli.md is out of date: python -m tests.cli.reference --write")
