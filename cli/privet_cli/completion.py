"""What the shell completes: names out of the vault's catalogue. Refuses to speak up when there is no catalogue."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def names_of(kind: Literal["services", "purposes", "fields", "officers"]) -> Complete:
    """Completes names of the catalogue; needs no passphrase."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        del param
        from privet.config.catalogue import load_catalogue
        from privet.errors import PrivetError

        try:
            catalogue = load_catalogue(ctx.find_root().params.get("vault") or Path())
        except PrivetError:
            return []
        known = catalogue.every_field if kind == "fields" else getattr(catalogue, kind)
        return [name for name in known if name.startswith(incomplete)]

    return complete
