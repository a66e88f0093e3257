"""`privet policy check`, `show` and `test`: the rules as files. Needs no passphrase."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from privet_cli.opening import get_directory, load_rules
from privet_cli.options import json_option
from privet_cli.terminal import counted, note, say, say_json


def _catalogue_option(command: Any) -> Any:
    return click.option(
        "--catalogue",
        "directory",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A directory with catalogue.yaml, rather than the vault.",
    )(command)


@click.command()
@_catalogue_option
@json_option()
def check(directory: Path | None, as_json: bool) -> None:
    """Check catalogue.yaml and its notices.

    Errors name file, line, key and the fix; warnings do not fail.

    \b
    Examples:
      $ privet policy check
      $ privet policy check --catalogue examples/hotel
    """
    from privet.config.catalogue import load_catalogue

    if directory is None:
        from privet.config.settings import load_settings

        directory = load_settings(get_directory()).directory
    catalogue = load_catalogue(directory)
    counts = {
        "fields": len(catalogue.every_field),
        "collections": len(catalogue.collections),
        "purposes": len(catalogue.purposes),
        "services": len(catalogue.services),
        "notices": len(catalogue.notices),
    }
    if as_json:
        say_json({"ok": True, **counts, "warnings": list(catalogue.warnings), "digest": catalogue.digest})
        return
    for warning in catalogue.warnings:
        say(f"warning: {warning}")
    say("The catalogue is sound: " + ", ".join(_counted(count, name) for name, count in counts.items()) + ".")


def _counted(count: int, name: str) -> str:
    return f"{count} {name[:-1] if count == 1 else name}"


@click.command()
@json_option()
def show(as_json: bool) -> None:
    """Say which policy is in force.

    Its revision, its engine, and the purposes with their grounds.

    \b
    Example:
      $ privet policy show
    """
    settings, catalogue = load_rules()
    from privet.decide.bundle import build_bundle
    from privet_cli.terminal import table

    revision = build_bundle(catalogue).revision
    if as_json:
        say_json(
            {
                "revision": revision,
                "engine": settings.policy.engine,
                "catalogue": catalogue.digest,
                "purposes": {
                    name: {
                        "dpv": found.dpv,
                        "basis": found.basis,
                        "parents": list(found.parents),
                        "prohibited": found.prohibited,
                        "notice": found.notice,
                    }
                    for name, found in catalogue.purposes.items()
                },
            }
        )
        return
    say(f"revision {revision}")
    say(f"engine {settings.policy.engine}")
    table(
        ("purpose", "means", "basis", "below", "fields", "services"),
        [
            (
                name,
                found.dpv,
                "prohibited" if found.prohibited else (found.basis or "-"),
                ", ".join(found.parents) or "-",
                sum(name in catalogue.purposes_of(field) for field in catalogue.every_field.values()),
                ", ".join(s.name for s in catalogue.services.values() if name in s.purposes) or "-",
            )
            for name, found in catalogue.purposes.items()
        ],
    )


@click.command()
@_catalogue_option
@json_option()
def test(directory: Path | None, as_json: bool) -> None:
    """Test the rules, with your own cases.

    Also the shipped known answers, and `opa test` if an opa is on PATH. Your cases stand in tests/*.yaml
    beside catalogue.yaml. Also understood: restricted, minor, expired (true),
    objected, paused (lists), lookup, operation, name.

    \b
      cases:
        - {service: newsletter, purpose: marketing.email, field: email, consent: given, effect: allow}
        - {service: newsletter, purpose: marketing.email, field: email, effect: deny, reason: consent_required}

    \b
    Example:
      $ privet policy test
    """
    from privet.bootstrap.policy_cases import load_cases, run_cases
    from privet.config.catalogue import load_catalogue
    from privet.decide.known_answers import known_answers
    from privet_cli.opa import run_opa_tests

    home = directory or get_directory()
    catalogue = load_catalogue(home)
    outcomes = run_cases(
        catalogue, load_cases(home, catalogue)
    )  # an engine that fails a known answer does not start
    known = len(known_answers()[1])
    opa = run_opa_tests()
    failed = [one for one in outcomes if not one.ok]
    if as_json:
        for one in outcomes:
            say_json(
                {
                    "where": one.case.where,
                    "name": one.case.name,
                    "ok": one.ok,
                    "expected": {"effect": one.case.effect, "reason": one.case.reason or None},
                    "got": {"effect": one.effect, "reason": one.reason},
                }
            )
        say_json(
            {
                "known_answers": known,
                "cases": len(outcomes),
                "failed": len(failed),
                "opa": opa.word,
                "ok": opa.ok and not failed,
            }
        )
    else:
        for one in failed:
            wanted = one.case.effect + (f" ({one.case.reason})" if one.case.reason else "")
            say(
                f"FAILED {one.case.where}: {one.case.name}: expected {wanted}, got {one.effect} ({one.reason})"
            )
        say(f"known answers: {known} of {known} right")
        say(f"opa test: {opa.word}")
        if outcomes:
            files = Counter(one.case.where.rpartition(":")[0] for one in outcomes)
            say(
                f"your cases: {len(outcomes) - len(failed)} of {len(outcomes)} right, in {counted(len(files), 'file')}"
            )
        else:
            say("your cases: none yet")
            note(f"Write some in {home / 'tests'}; `privet policy test --help` shows how.")
    if failed or not opa.ok:
        raise click.exceptions.Exit(1)
