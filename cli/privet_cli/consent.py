"""`privet consent`: what one person consents to, recorded by the steward for a request on paper or by phone."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privet_cli.completion import names_of
from privet_cli.lazy import Group
from privet_cli.opening import get_directory, open_vault
from privet_cli.options import by_option, check_purpose, json_option
from privet_cli.terminal import Coloured, moment, note, say, say_json, table

if TYPE_CHECKING:
    from privet.domain.request import By

_PERMIT = ("given", "renewed")


@click.group(cls=Group)
def consent() -> None:
    """Consents of a person: grant, withdraw, status.

    The act is logged as the steward's. What it changes holds from the next read on, in every process.

    \b
    Examples:
      $ privet consent status --by email=ada@example.org
      $ privet consent grant --by email=ada@example.org marketing.email
      $ privet consent withdraw --by email=ada@example.org marketing.email
    """


@consent.command()
@by_option()
@click.argument("purpose", shell_complete=names_of("purposes"))
@click.option("--source", metavar="TEXT", help="Where she said so: a letter, a call. Kept in her ledger.")
@click.option(
    "--notice-version", metavar="HASH", help="Of the notice she saw; refused if it is not the current one."
)
@json_option("Print the signed receipt as JSON.")
def grant(who: "By", purpose: str, source: str | None, notice_version: str | None, as_json: bool) -> None:
    """Record that a person consents to a purpose.

    \b
    Example:
      $ privet consent grant --by email=ada@example.org marketing.email --source "letter of 3 May"
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        check_purpose(vault, purpose)
        receipt = PaperRequests(vault.parts, who).consent(
            purpose, source=source, notice_version=notice_version
        )
    if as_json:
        say_json(receipt)
    else:
        say(f"{purpose}: consent given")
        note("Her receipt, signed: add --json to print it.")


@consent.command()
@by_option()
@click.argument("purpose", shell_complete=names_of("purposes"))
@click.option("--source", metavar="TEXT", help="Where she said so: a letter, a call. Kept in her ledger.")
@json_option("Print the signed receipt as JSON.")
def withdraw(who: "By", purpose: str, source: str | None, as_json: bool) -> None:
    """Record that a person withdraws or refuses consent.

    \b
    Example:
      $ privet consent withdraw --by email=ada@example.org marketing.email
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        check_purpose(vault, purpose)
        receipt = PaperRequests(vault.parts, who).withdraw(purpose, source=source)
    if as_json:
        say_json(receipt)
    else:
        say(f"{purpose}: {_no(receipt)}")
        note("It holds from the next read on. Her receipt, signed: add --json to print it.")


@consent.command()
@by_option()
@click.argument("purpose", required=False, shell_complete=names_of("purposes"))
@json_option()
def status(who: "By", purpose: str | None, as_json: bool) -> None:
    """Say how a person's consents stand: all, or that for one purpose.

    \b
    Examples:
      $ privet consent status --by email=ada@example.org
      $ privet consent status --by email=ada@example.org marketing.email --json
    """
    from privet.bootstrap.paper import PaperRequests

    with open_vault() as vault:
        if purpose is not None:
            check_purpose(vault, purpose)
        standing = PaperRequests(vault.parts, who).consents()
    shown = [found for found in standing if purpose in (None, found.purpose)]
    if as_json:
        for found in shown:
            say_json(
                {
                    "purpose": found.purpose,
                    "status": found.status,
                    "at": found.at,
                    "until": found.until,
                    "notice_version": found.notice_version,
                }
            )
        if purpose is not None and not shown:
            say_json(
                {"purpose": purpose, "status": "unknown", "at": None, "until": None, "notice_version": None}
            )
        return
    rows = [(found.purpose, _painted(found.status), moment(found.at), moment(found.until)) for found in shown]
    if purpose is not None and not rows:
        rows = [(purpose, _painted("unknown"), "-", "-")]
    table(("purpose", "status", "since", "until"), rows)


@consent.command("check-receipt")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The vault's public key, kept elsewhere. Else anchors/log.vkey.",
)
def check_receipt(file: Path, key: Path | None) -> None:
    """Check a consent receipt, offline: was it signed by this vault, and is it as it was signed?

    It needs no passphrase, and with --key no vault. Exit code 0: it is genuine. 1: it is not.

    \b
    Example:
      $ privet consent check-receipt receipt.json
    """
    from privet.bootstrap.verifying import verify_receipt_file

    verify_receipt_file(file, key=key, directory=None if key is not None else get_directory())
    say("genuine: signed by this vault, and unaltered")


def _no(receipt: dict[str, Any]) -> str:
    """What was done: a consent ended, or her no kept where there was none to end."""
    types = receipt["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]["@type"]
    if "dpv:ConsentWithdrawn" in types:
        return "consent withdrawn"
    return "her no is recorded, as refused: there was no consent to withdraw"


def _painted(word: str) -> str:
    return Coloured(word, "green" if word in _PERMIT else "yellow")
