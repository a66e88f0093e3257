"""`privet read`: one read, as a service would do it."""

from typing import TYPE_CHECKING

import click

from privet.errors import AccessDenied
from privet_cli.completion import names_of
from privet_cli.opening import open_vault
from privet_cli.options import by_option, json_option
from privet_cli.terminal import Coloured, as_text, note, say_json, table

if TYPE_CHECKING:
    from privet.domain.answer import View
    from privet.domain.request import By


@click.command()
@click.option(
    "--as",
    "service",
    required=True,
    metavar="SERVICE",
    shell_complete=names_of("services"),
    help="The service that reads.",
)
@by_option(required=False)
@click.option("--subject", metavar="ID", help="Name the person by the service's own pairwise id instead.")
@click.option("--purpose", required=True, shell_complete=names_of("purposes"), help="What the data is for.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    required=True,
    metavar="FIELD",
    shell_complete=names_of("fields"),
    help="A field; may be repeated. room.* is all below.",
)
@json_option()
def read(
    service: str, who: "By | None", subject: str | None, purpose: str, fields: tuple[str, ...], as_json: bool
) -> None:
    """Read one person's fields as a service, for a purpose.

    The read is decided and logged as any other. A field that is withheld is named with its reason; if all
    are, the
    exit code is 1.

    \b
    Examples:
      $ privet read --as front-desk --by email=ada@example.org \\
          --purpose service-personalisation --field given_name --field 'room.*'
      $ echo ada@example.org | privet read --as front-desk --by email=- \\
          --purpose service-personalisation --field given_name --json
    """
    if (who is None) == (subject is None):
        raise click.UsageError("name the person: --by FIELD=VALUE, or --subject ID")
    with open_vault() as vault:
        try:
            view = vault.service(service).fetch(who or subject or "", purpose=purpose, fields=list(fields))
        except AccessDenied as denied:
            if as_json:
                say_json(_refusal(denied))
            raise AccessDenied(f"refused: {denied.message}\nlogged as {denied.audit_id}") from None
    if as_json:
        say_json(_answer(view))
        return
    rows = [(path, as_text(value)) for path, value in view.values.items()]
    rows += [(path, Coloured(f"withheld ({kept.reason})", "yellow")) for path, kept in view.withheld.items()]
    table(("field", "value"), rows)
    for path, kept in view.withheld.items():
        note(f"{path}: {kept.message}")


def _answer(view: "View") -> dict[str, object]:
    return {
        "subject": view.subject,
        "values": view.values,
        "withheld": {p: {"reason": k.reason, "message": k.message} for p, k in view.withheld.items()},
        "audit_id": view.audit_id,
        "revision": view.revision,
    }


def _refusal(denied: AccessDenied) -> dict[str, object]:
    from privet.domain.answer import Withheld

    kept = {p: k for p, k in denied.withheld.items() if isinstance(k, Withheld)}
    return {
        "subject": None,
        "values": {},
        "withheld": {p: {"reason": k.reason, "message": k.message} for p, k in kept.items()},
        "reasons": list(denied.reasons),
        "audit_id": denied.audit_id,
    }
