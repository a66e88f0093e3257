"""`privet service`: the services of the catalogue, which need no passphrase, and their API keys, which do."""

from typing import Any

import click

from privet.errors import InvalidInput
from privet_cli.completion import names_of
from privet_cli.lazy import Group
from privet_cli.opening import load_rules
from privet_cli.options import json_option
from privet_cli.service_keys import key
from privet_cli.terminal import Coloured, note, say_json, table


@click.group(cls=Group)
def service() -> None:
    """The services of the catalogue, and what each may have.

    \b
    Examples:
      $ privet service list
      $ privet service show front-desk
      $ privet service key create front-desk
    """


service.add_command(key)


@service.command(name="list")
@json_option()
def list_(as_json: bool) -> None:
    """List the services: for what purposes, over which fields, and how each may name people.

    \b
    Example:
      $ privet service list
    """
    _, catalogue = load_rules()
    if as_json:
        for found in catalogue.services.values():
            say_json(_service(found))
        return
    table(
        ("service", "purposes", "fields", "finds by", "may"),
        [
            (
                found.name,
                ", ".join(sorted(found.purposes)) or "-",
                ", ".join(found.fields) or "-",
                ", ".join(sorted(found.find)) or "-",
                ", ".join(
                    [*(["enrol"] if found.enrols else []), *(f"collect {p}" for p in sorted(found.collects))]
                )
                or "-",
            )
            for found in catalogue.services.values()
        ],
    )


@service.command()
@click.argument("name", metavar="SERVICE", shell_complete=names_of("services"))
@json_option()
def show(name: str, as_json: bool) -> None:
    """Say what a service would get, field by field and purpose by purpose, with and without consent.

    The answers are the policy engine's own, about a person who has no restriction and no objection.

    \b
    Example:
      $ privet service show front-desk
    """
    _, catalogue = load_rules()
    found = catalogue.services.get(name)
    if found is None:
        known = ", ".join(sorted(catalogue.services)) or "none"
        raise InvalidInput(f"the catalogue has no such service; services here: {known}")
    from privet.bootstrap.explaining import reach

    lines = reach(catalogue, name)
    if as_json:
        say_json({**_service(found), "reach": [line._asdict() for line in lines]})
        return
    shown = [line for line in lines if line.gets != "nothing"]
    table(
        ("purpose", "field", "gets", "why not"),
        [(line.purpose, line.field, _painted(line.gets), line.reason or "-") for line in shown],
    )
    rest = len(lines) - len(shown)
    if rest:
        note(
            f"In {rest} further pairs of purpose and field it gets nothing: `privet policy explain` says why."
        )


def _painted(gets: str) -> str:
    return Coloured(gets, "green" if gets in ("all", "masked") else "yellow")


def _service(found: Any) -> dict[str, object]:
    return {
        "name": found.name,
        "purposes": sorted(found.purposes),
        "fields": list(found.fields),
        "find": sorted(found.find),
        "enrols": found.enrols,
        "collects": sorted(found.collects),
        "recipient": found.recipient,
        "oidc": dict(found.oidc),
        "certificates": sorted(found.certificates),
        "spiffe": sorted(found.spiffe),
    }
