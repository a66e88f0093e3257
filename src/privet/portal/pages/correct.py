"""Correcting her profile, a field at a time. The address she signs in by waits for a code that goes to the new one.

Refuses what is not of the field's type, saying so beside it; then nothing is changed. Look-ups that no code can be sent
for, and records of things that happened, are corrected by asking a person.
"""

import json
from typing import Any

from privet.config.values import parse_text
from privet.domain.catalogue import Field
from privet.errors import InvalidInput, RateLimited
from privet.portal.calls import Answer, Call, Stop
from privet.portal.desk import Desk, Me
from privet.portal.letters import proof_letter
from privet.portal.postman import Mail
from privet.rights.papers import plain
from privet.transform.mask import mask

_NOT_RIGHT = "This code is not right, or has run out. Check it, or enter the address again to get a new one"
_TAKEN = "The code was right, but this address cannot be used for your record. Please ask us, and a person will help"


def correct(desk: Desk, call: Call, me: Me) -> Answer:
    """GET: the form of one field, as it stands. POST: changes or clears it."""
    field = _field(desk, call)
    if not call.post:
        return _form(desk, me, field, _typed(me.customer.profile().get(field.path)))
    typed = call.form.get("value", "")
    if call.form.get("wish") == "clear":
        value: Any = None
    else:
        try:
            value = parse_text(field.type, _read(field, typed), where=field.path)
            desk.letters.allow(me.session.subject, {field.path: value})
        except InvalidInput as error:
            return _form(desk, me, field, typed, problem=_told(desk, error), status=422)
        except RateLimited:
            problem = (
                "Codes were sent to this address often, a short while ago. Try again in a quarter of an hour"
            )
            return _form(desk, me, field, typed, problem=problem, status=429)
    try:
        made = me.customer.correct({field.path: value})
    except InvalidInput as error:
        return _form(desk, me, field, typed, problem=_told(desk, error), status=422)
    label = desk.labels.field(field.path)
    if field.path in made.pending:
        desk.post(_letter(desk, field, made.pending[field.path], str(value)))
        return desk.done(me, "A code is on its way to the new address.", f"/confirm/{field.path}")
    note = f"{label}: removed." if value is None else f"{label}: changed. It counts from this moment."
    return desk.done(me, note, "/held")


def confirm(desk: Desk, call: Call, me: Me) -> Answer:
    """GET: where the code for a new address is typed. POST: from then on she is found by the new one."""
    field = _field(desk, call)
    if field.lookup is None:
        raise _nowhere()
    problem, status = "", 200
    if call.post:
        try:
            me.customer.confirm(field.path, call.form.get("code", "").strip())
        except InvalidInput as error:
            problem, status = _NOT_RIGHT if error.field == "code" else _TAKEN, 422
        else:
            then = "Sign in with it from now on" if _signs_in(desk, field) else "It counts from this moment"
            return desk.done(me, f"{desk.labels.field(field.path)}: changed. {then}.", "/held")
    return desk.page(
        "confirm.html", me=me, here="held", status=status, field=field.path, problem=problem,
        label=desk.labels.field(field.path),
    )  # fmt: skip


def may_correct(field: Field, unusable: frozenset[str]) -> bool:
    """Whether these pages offer it: of look-ups only addresses, since a code must reach the new value."""
    return field.path not in unusable and (field.lookup is None or field.type.kind == "email")


def _field(desk: Desk, call: Call) -> Field:
    found = desk.catalogue.fields.get(call.named["field"])
    if found is None or not may_correct(found, desk.catalogue.unusable):
        raise _nowhere()
    return found


def _nowhere() -> Stop:
    return Stop(
        404,
        "This cannot be changed here",
        "Please ask us, and a person will look at it. How to reach us is below.",
    )


def _signs_in(desk: Desk, field: Field) -> bool:
    own = desk.sign_ins.field
    return own is not None and own.path == field.path


def _form(desk: Desk, me: Me, field: Field, typed: str, *, problem: str = "", status: int = 200) -> Answer:
    kind = field.type
    chosen = (
        {"yes": "Yes", "no": "No"}
        if kind.kind == "boolean"
        else {m: m.replace("_", " ") for m in kind.members}
    )
    return desk.page(
        "correct.html",
        me=me,
        here="held",
        status=status,
        field=field.path,
        label=desk.labels.field(field.path),
        kind=kind.kind,
        listed=kind.kind == "list",
        members=chosen if kind.kind in ("boolean", "enum") else {},
        typed=typed,
        lookup=field.lookup is not None,
        signs_in=_signs_in(desk, field),
        problem=problem,
    )


def _read(field: Field, typed: str) -> str:
    """A list has one item a line."""
    typed = typed.replace("\r\n", "\n")  # as browsers send the end of a line, whatever it was
    if field.type.kind != "list":
        return typed if field.type.kind == "text" else typed.strip()
    lines = [line.strip() for line in typed.split("\n")]
    items = [line for line in lines if line]
    if field.type.of is not None and field.type.of.kind in ("integer", "boolean"):
        return ";".join(items)
    return json.dumps(items)  # JSON: an item may have a semicolon


def _typed(value: object) -> str:
    """A stored value as its form shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "\n".join(str(plain(item)) for item in value)
    return str(plain(value))


def _told(desk: Desk, error: InvalidInput) -> str:
    """The rule that a value breaks, without the field's path: its label stands beside."""
    path, _, rule = error.message.partition(": ")
    known = path.partition(" (item")[0] in desk.catalogue.fields
    words = rule if known and rule else error.message
    return words[:1].upper() + words[1:]


def _letter(desk: Desk, field: Field, code: str, address: str) -> Mail:
    if desk.mails:
        return Mail(lambda: address, *proof_letter(desk.catalogue.name, code, desk.catalogue.contact))
    return Mail(lambda: str(mask(field.type, address)), "", code)
