"""`privet policy explain`: why a service gets a field or does not."""

from typing import TYPE_CHECKING, Any

import click

from privet_cli.completion import names_of
from privet_cli.opening import load_rules, open_vault
from privet_cli.options import by_option, json_option
from privet_cli.terminal import say, say_json

if TYPE_CHECKING:
    from privet.domain.request import By


@click.command()
@click.option(
    "--as",
    "service",
    required=True,
    metavar="SERVICE",
    shell_complete=names_of("services"),
    help="The service that would read.",
)
@click.option("--purpose", required=True, shell_complete=names_of("purposes"), help="What for.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    required=True,
    metavar="FIELD",
    shell_complete=names_of("fields"),
    help="A field; may be repeated.",
)
@by_option(required=False)
@click.option(
    "--consent", "status", metavar="STATUS", help="Without --by: suppose this consent (given, withdrawn, …)."
)
@json_option()
def explain(
    service: str, purpose: str, fields: tuple[str, ...], who: "By | None", status: str | None, as_json: bool
) -> None:
    """Say why a service gets a field or does not.

    Which rule, which fact, which line of the catalogue decided, and what would change it. Without --by it
    is about a person of whom nothing is known. With --by it needs the passphrase, and is logged.

    \b
    Examples:
      $ privet policy explain --as newsletter --purpose marketing.email --field email
      $ privet policy explain --as newsletter --purpose marketing.email --field email --consent given
      $ privet policy explain --as newsletter --purpose marketing.email --field email --by email=ada@example.org
    """
    from privet.bootstrap.explaining import explain_person, explain_request, make_asked
    from privet.decide.question import Circumstances
    from privet.domain.consent import ConsentStatus
    from privet.errors import InvalidInput

    if status is not None and (who is not None or status not in [s.value for s in ConsentStatus]):
        if who is not None:
            raise click.UsageError("--consent supposes; --by looks: give one of them")
        raise InvalidInput(f"--consent is one of {', '.join(s.value for s in ConsentStatus)}")
    names = tuple(dict.fromkeys(fields))
    if who is None:
        _, catalogue = load_rules()
        asked = make_asked(catalogue, service=service, purpose=purpose, fields=names)
        found = explain_request(catalogue, asked, Circumstances(consent=status or "unknown"))
    else:
        with open_vault() as vault:
            asked = make_asked(
                vault.parts.catalogue, service=service, purpose=purpose, fields=names, lookup=who.field
            )
            found, _ = explain_person(vault.parts, asked, who)
    for field in names:
        _print_field(field, found, as_json=as_json)


def _print_field(field: str, found: Any, *, as_json: bool) -> None:
    said, findings = found.decision.fields[field], found.fields.get(field, ())
    if as_json:
        say_json(
            {
                "field": field,
                "effect": said.effect,
                "reason": said.reason,
                "transform": said.transform,
                "revision": found.decision.revision,
                "findings": [{name: getattr(one, name) for name in one.__slots__} for one in findings],
            }
        )
        return
    word = {"allow": "released", "transform": "released, masked", "deny": "withheld"}[said.effect]
    say(f"{field}: {word} ({said.reason})")
    for at, one in enumerate(findings):
        if at == 0:
            say(f"  because    {one.fact}")
            say(f"  rule       {one.rule}: {one.title}{f' ({one.where})' if one.where else ''}")
            if one.catalogue:
                say(f"  decided by {one.catalogue}")
            say(f"  changed by {one.change}")
        elif one.effect == findings[0].effect:
            say(f"  as well    {one.rule}: {one.fact}")
