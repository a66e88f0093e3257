"""`privet policy`: the rules, checked, tested, shown and explained. Needs no passphrase but to explain about a person."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privet_cli.lazy import Group
from privet_cli.opening import get_directory, load_rules, open_vault
from privet_cli.options import by_option, json_option
from privet_cli.terminal import note, say, say_json

if TYPE_CHECKING:
    from privet.domain.request import By


@click.group(cls=Group)
def policy() -> None:
    """Check, test, show and explain the rules.

    \b
    Examples:
      $ privet policy check
      $ privet policy explain --as newsletter --purpose marketing.email --field email
      $ privet policy test
    """


def _catalogue_option(command: Any) -> Any:
    return click.option(
        "--catalogue",
        "directory",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A directory with catalogue.yaml, rather than the vault.",
    )(command)


@policy.command()
@_catalogue_option
@json_option()
def check(directory: Path | None, as_json: bool) -> None:
    """Check catalogue.yaml and its notices. Errors name file, line, key and the fix; warnings do not fail.

    \b
    Examples:
      $ privet policy check
      $ privet policy check --catalogue examples/hotel
    """
    from privet.config.catalogue import load_catalogue

    catalogue = load_catalogue(directory or get_directory())
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
    say("The catalogue is sound: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")


@policy.command()
@json_option()
def show(as_json: bool) -> None:
    """Say which policy is in force: its revision, its engine, and the purposes with their grounds.

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


@policy.command()
@click.option("--as", "service", required=True, metavar="SERVICE", help="The service that would read.")
@click.option("--purpose", required=True, help="What for.")
@click.option("--field", "fields", multiple=True, required=True, metavar="FIELD", help="A field; may be repeated.")
@by_option(required=False)
@click.option("--consent", "status", metavar="STATUS", help="Without --by: suppose this consent (given, withdrawn, …).")
@json_option()
def explain(
    service: str, purpose: str, fields: tuple[str, ...], who: "By | None", status: str | None, as_json: bool
) -> None:
    """Say why a service gets a field or does not: which rule, which fact, which line decided, what would change it.

    Without --by it is about a person of whom nothing is known. With --by it needs the passphrase, and is logged.

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


@policy.command()
@_catalogue_option
@json_option()
def test(directory: Path | None, as_json: bool) -> None:
    """Test the rules: the shipped known answers, `opa test` if an opa is on PATH, and your own cases.

    Your cases stand in tests/*.yaml beside catalogue.yaml. Also understood: restricted, minor, expired (true),
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
    outcomes = run_cases(catalogue, load_cases(home, catalogue))  # an engine that fails a known answer does not start
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
            {"known_answers": known, "cases": len(outcomes), "failed": len(failed), "opa": opa.word, "ok": opa.ok and not failed}
        )
    else:
        for one in failed:
            wanted = one.case.effect + (f" ({one.case.reason})" if one.case.reason else "")
            say(f"FAILED {one.case.where}: {one.case.name}: expected {wanted}, got {one.effect} ({one.reason})")
        say(f"known answers: {known} of {known} right")
        say(f"opa test: {opa.word}")
        if outcomes:
            files = Counter(one.case.where.rpartition(":")[0] for one in outcomes)
            say(f"your cases: {len(outcomes) - len(failed)} of {len(outcomes)} right, in {len(files)} files")
        else:
            say("your cases: none yet")
            note(f"Write some in {home / 'tests'}; `privet policy test --help` shows how.")
    if failed or not opa.ok:
        raise click.exceptions.Exit(1)
