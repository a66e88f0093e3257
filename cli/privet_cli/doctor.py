"""`privet doctor`: looks the vault over."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet_cli.opening import ask_passphrase, get_directory, given_passphrase
from privet_cli.options import json_option
from privet_cli.terminal import is_terminal, note, paint, safe, say, say_json, table

if TYPE_CHECKING:
    from privet.bootstrap.doctoring import Finding

_WORDS = {"ok": "ok", "warn": "warn", "fault": "fail"}
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@json_option()
def doctor(as_json: bool) -> None:
    """Look the vault over and say what to mend.

    Files and their modes, disk, clock, database, catalogue, policy engine, keyring, epochs, keypack, control
    journal, anchors, leftovers; where it is served, also TLS, secrets' files, mail and issuers. It changes nothing.
    Exit code 0: nothing fails; 1: something does.

    \b
    Example:
      $ privet doctor
    """
    directory = get_directory()
    from privet.bootstrap.doctoring import examine

    findings = examine(directory, passphrase=given_passphrase(), prompt=ask_passphrase())
    findings += _serving(directory)
    rows = [(_WORDS[found.level], found.sentence, found.fix) for found in findings]
    if as_json:
        for level, sentence, fix in rows:
            say_json({"level": level, "finding": sentence, "fix": fix or None})
    elif is_terminal(sys.stdout):
        for level, sentence, fix in rows:
            sys.stdout.write(f"{paint(f'{level:4}', _COLOURS[level])}  {safe(sentence)}\n")
            if fix:
                say(f"      {fix}")
    else:
        table((), rows)
    fails = sum(level == "fail" for level, _, _ in rows)
    warns = sum(level == "warn" for level, _, _ in rows)
    note(f"{fails} to mend, {warns} to look at." if fails or warns else "All is well.")
    if fails:
        raise click.exceptions.Exit(1)


def _serving(directory: Path) -> "list[Finding]":
    """Of a vault that is served; nothing where the parts that serve are not installed."""
    try:
        from privet.serving.doctor import examine_serving
    except ImportError:
        return []
    from privet.config.catalogue import load_catalogue
    from privet.config.settings import load_settings
    from privet.errors import CatalogueError

    try:
        catalogue = load_catalogue(directory)
    except CatalogueError:  # said already
        catalogue = None
    return examine_serving(load_settings(directory), catalogue)
