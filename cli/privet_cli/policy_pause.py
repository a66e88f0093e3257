"""`privet policy pause`, `resume` and `paused`: an officer stops a purpose or a service while she looks into it."""

import click

from privet_cli.opening import open_vault
from privet_cli.options import json_option
from privet_cli.terminal import note, say, say_json, table

_officer = click.option("--as", "officer", required=True, metavar="OFFICER", help="The officer who acts.")


@click.command()
@click.argument("name", metavar="PURPOSE|SERVICE")
@_officer
def pause(name: str, officer: str) -> None:
    """Pause a purpose or a service, at once.

    A purpose is paused with all below it. It holds from the next read on, in every process, until it is
    resumed.

    \b
    Example:
      $ privet policy pause marketing.email --as ana
    """
    with open_vault() as vault:
        vault.officer(officer).pause(name)
    say(f"{name}: paused")
    note(f"Lift it with: privet policy resume {name} --as {officer}")


@click.command()
@click.argument("name", metavar="PURPOSE|SERVICE")
@_officer
def resume(name: str, officer: str) -> None:
    """Lift a pause.

    \b
    Example:
      $ privet policy resume marketing.email --as ana
    """
    with open_vault() as vault:
        vault.officer(officer).resume(name)
    say(f"{name}: not paused")


@click.command()
@_officer
@json_option()
def paused(officer: str, as_json: bool) -> None:
    """List what is paused.

    \b
    Example:
      $ privet policy paused --as ana
    """
    with open_vault() as vault:
        names = vault.officer(officer).paused()
    if as_json:
        for name in names:
            say_json({"paused": name})
        return
    table(("paused",), [(name,) for name in names])
    if not names:
        note("Nothing is paused.")
