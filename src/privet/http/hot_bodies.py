"""Bodies of the hot routes: three keys, each once and of its type, and people as they are named on the wire.

Refuses (EdgeError, InvalidInput) every other key, a key twice, and values of other types, without a word of them.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from privet.domain.request import By
from privet.errors import InvalidInput, PrivetError
from privet.http.bodies import parse_body
from privet.http.pointing import point
from privet.http.problems import EdgeError


def parse_asked(body: bytes, keys: Sequence[bytes], who: str) -> dict[str, Any]:
    """The three keys of a body, which has no others. Raises EdgeError, InvalidInput.

    The quick parser does not see a key that comes twice; wherever one could, the thorough one (`parse_body`) has it.
    """
    try:
        asked: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    first, second, third = keys
    count = body.count
    if (
        type(asked) is not dict
        or count(b"{") != 1
        or b"\\" in body
        or count(first) != 1
        or count(second) != 1
        or count(third) != 1
    ):
        asked = parse_body(body)
    wanted = (who, "purpose", "fields")
    for name in wanted:
        if name not in asked:
            raise InvalidInput(f"{name} is missing", field=name)
    if len(asked) != len(wanted):
        raise InvalidInput(f"the body has other keys than {', '.join(wanted)}")
    if type(asked["fields"]) is not list:
        raise InvalidInput("fields must be a list of at least one field name", field="fields")
    if type(asked["purpose"]) is not str:
        raise InvalidInput("the purpose is text", field="purpose")
    found: dict[str, Any] = asked
    return found


def parse_people(people: object, most: int) -> list[str | By]:
    """At most so many of them. Raises InvalidInput, with the place of the first who is none."""
    if type(people) is not list or len(people) > most:
        raise InvalidInput(f"subjects is a list of at most {most} people", field="subjects")
    found: list[str | By] = []
    for item, person in enumerate(people):
        try:
            found.append(parse_person(person))
        except InvalidInput as error:
            error.item = item
            raise
    return found


def point_into(error: PrivetError, body: bytes | None) -> None:
    """Gives an error about the body its JSON pointer."""
    if body is not None and isinstance(error, EdgeError | InvalidInput):
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        point(error, asked if type(asked) is dict else None)


def parse_person(person: object) -> str | By:
    """A pairwise id, or an object with one look-up. Raises InvalidInput."""
    if type(person) is str:
        return person
    if type(person) is dict and len(person) == 1:
        ((field, value),) = person.items()
        if type(value) is str:
            return By(field, value)
    raise InvalidInput(
        "a person is a pairwise id, or an object with one look-up and its text", field="subject"
    )
