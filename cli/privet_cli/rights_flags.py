"""`privet rights restrict`, `unrestrict`, `object` and `unobject`: what stands in the way of processing."""

from typing import TYPE_CHECKING

import click

from privet_cli.completion import names_of
from privet_cli.opening import open_vault
from privet_cli.options import by_option, check_purpose
from privet_cli.terminal import say

if TYPE_CHECKING:
    from privet.domain.request import By


@click.command()
@by_option()
def restrict(who: "By") -> None:
    """Restrict processing (Art. 18).

    Nothing of hers is released to any service until it is lifted.

    \b
    Example:
      $ privet rights restrict --by email=ada@example.org
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        PaperRequests(vault.parts, who).restrict()
    say("restricted: no service gets anything of hers")


@click.command()
@by_option()
def unrestrict(who: "By") -> None:
    """Lift a restriction.

    \b
    Example:
      $ privet rights unrestrict --by email=ada@example.org
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        PaperRequests(vault.parts, who).unrestrict()
    say("no longer restricted")


@click.command(name="object")
@by_option()
@click.argument("purpose", shell_complete=names_of("purposes"))
def object_(who: "By", purpose: str) -> None:
    """Record an objection to a purpose and all below it (Art. 21).

    \b
    Example:
      $ privet rights object --by email=ada@example.org service-personalisation
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        check_purpose(vault, purpose)
        PaperRequests(vault.parts, who).object(purpose)
    say(f"{purpose}: objection recorded")


@click.command()
@by_option()
@click.argument("purpose", shell_complete=names_of("purposes"))
def unobject(who: "By", purpose: str) -> None:
    """Take an objection back.

    \b
    Example:
      $ privet rights unobject --by email=ada@example.org service-personalisation
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        check_purpose(vault, purpose)
        PaperRequests(vault.parts, who).unobject(purpose)
    say(f"{purpose}: no objection")
