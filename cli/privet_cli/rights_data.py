"""`privet rights access`, `correct`, `confirm`, `export` and `erase`: for requests on paper or by phone."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privet.errors import InvalidInput
from privet_cli.opening import open_vault
from privet_cli.options import by_option, confirm, json_option
from privet_cli.terminal import as_text, moment, note, say, say_json, table

if TYPE_CHECKING:
    from privet.domain.request import By

ERASE = "This erases the person for good: nobody can undo it, no backup brings her back."


@click.command()
@by_option()
@click.option("--log", "with_log", is_flag=True, help="Show who saw her data, rather than the data.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="With --log: the newest N entries only."
)
@json_option()
def access(who: "By", with_log: bool, limit: int | None, as_json: bool) -> None:
    """Show a person all that is held of her, or who saw it (Art. 15).

    It prints her data: mind who looks on.

    \b
    Examples:
      $ privet rights access --by email=ada@example.org
      $ privet rights access --by email=ada@example.org --log --limit 20
    """
    with open_vault() as vault:
        person = _person(vault, who)
        if with_log:
            _print_log(person.accesses(limit=limit), as_json=as_json)
        else:
            _print_profile(person.profile(), as_json=as_json)


def _print_profile(profile: Any, *, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "fields": dict(profile.fields),
                "collections": {
                    name: [{"id": record.id, "time": record.time, **record.values} for record in records]
                    for name, records in profile.collections.items()
                },
                "restricted": profile.restricted,
                "objected": list(profile.objected),
                "pending": list(profile.pending),
            }
        )
        return
    rows = [(path, as_text(value)) for path, value in sorted(profile.fields.items())]
    for name, records in profile.collections.items():
        for record in records:
            values = "; ".join(f"{key}: {as_text(value)}" for key, value in record.values.items())
            rows.append((name, values))
    table(("field", "value"), rows)
    if profile.restricted:
        note("processing of her data is restricted")
    for purpose in profile.objected:
        note(f"she objects to {purpose}")
    for path in profile.pending:
        note(f"{path}: a corrected value waits for its code")


def _print_log(accesses: Any, *, as_json: bool) -> None:
    if as_json:
        for line in accesses:
            say_json({name: getattr(line, name) for name in line.__slots__})
        return
    table(
        ("when", "who", "act", "purpose", "decision", "fields", "refused"),
        [
            (
                moment(line.at),
                line.service or "-",
                line.act,
                line.purpose or "-",
                line.decision,
                ", ".join(line.fields) or "-",
                ", ".join(f"{path} ({why})" for path, why in line.withheld.items()) or "-",
            )
            for line in accesses
        ],
    )


@click.command()
@by_option()
@click.argument("changes", nargs=-1, required=True, metavar="FIELD=VALUE…")
@json_option()
def correct(who: "By", changes: tuple[str, ...], as_json: bool) -> None:
    """Correct fields of a person's profile (Art. 16).

    FIELD= clears; FIELD=- reads the value from standard input. A new look-up value (an email, a phone)
    waits for a code: send the code to the *new* address, then `confirm` it.

    \b
    Examples:
      $ privet rights correct --by email=ada@example.org given_name=Ada room.bed=
      $ privet rights correct --by email=ada@example.org email=ada@new.example
    """
    with open_vault() as vault:
        done = _person(vault, who).correct(_values(vault, changes))
    if as_json:
        say_json({"done": list(done.done), "pending": dict(done.pending), "audit_id": done.audit_id})
        return
    for path in done.done:
        say(f"{path}: corrected")
    for path, code in done.pending.items():
        say(f"{path}: waits for the code {code}")
        note(f"Send the code to the new address, then: privet rights confirm --by … {path} CODE")


def _values(vault: Any, changes: tuple[str, ...]) -> dict[str, object]:
    from privet.config.values import parse_text
    from privet_cli.opening import read_line

    values: dict[str, object] = {}
    for change in changes:
        path, equals, text = change.partition("=")
        held = vault.parts.catalogue.fields.get(path)
        if not equals:
            raise InvalidInput("write corrections as FIELD=VALUE, for example given_name=Ada")
        if held is None:
            known = ", ".join(sorted(vault.parts.catalogue.fields))
            raise InvalidInput(f"there is no such profile field; fields here: {known}")
        if text == "-":
            text = read_line(f"the value of {path}")
        values[path] = parse_text(held.type, text, where=path) if text else None
    return values


@click.command(name="confirm")
@by_option()
@click.argument("field")
@click.argument("code")
def confirm_(who: "By", field: str, code: str) -> None:
    """Complete the correction of a look-up field with its code.

    The code is the one that was sent to the new address.

    \b
    Example:
      $ privet rights confirm --by email=ada@example.org email K7QF-2M9X
    """
    with open_vault() as vault:
        _person(vault, who).confirm(field, code)
    say(f"{field}: corrected")


@click.command()
@by_option()
@click.argument("file", type=click.Path(path_type=Path))
def export(who: "By", file: Path) -> None:
    """Write everything held of a person into a plain ZIP (Art. 20).

    It is not encrypted: hand it over with care.

    \b
    Example:
      $ privet rights export --by email=ada@example.org ada.zip
    """
    export_to(who, file)


@click.command()
@by_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(who: "By", yes: bool) -> None:
    """Erase a person for good, by destroying her keys (Art. 17).

    \b
    Example:
      $ privet rights erase --by email=ada@example.org --yes
    """
    erase_person(who, yes=yes)


def export_to(who: "By", file: Path) -> None:
    """The export, for `rights` and `subject`."""
    with open_vault() as vault:
        _person(vault, who).export(file)
    say(f"Wrote {file}")
    note("It is not encrypted: hand it over with care, then delete it here.")


def erase_person(who: "By", *, yes: bool) -> None:
    """The erasure, for `rights` and `subject`."""
    confirm(ERASE, yes=yes)
    with open_vault() as vault:
        audit_id = _person(vault, who).erase()
    say(f"Erased. The tombstone in the log is {audit_id}.")
    note("Older copies of the database open for her until the keys are rotated: `privet keys rotate`.")


def _person(vault: Any, who: "By") -> Any:
    from privet.bootstrap.paper import PaperRequests

    return PaperRequests(vault.parts, who)
