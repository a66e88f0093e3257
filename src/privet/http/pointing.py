"""Where in a JSON body the input stands that an InvalidInput is about: its JSON pointer (RFC 6901).

In process the same input is an argument or a field of the catalogue, and the error names it so. Refuses to repeat any
other name: a caller may have put an address there. Errors about a header get no pointer.
"""

from collections.abc import Mapping
from typing import Any, Final

from privet.errors import InvalidInput, PrivetError
from privet.http.problems import EdgeError, pointer_to

_HEADERS: Final = frozenset({"idempotency_key", "if_revision"})


def point(error: Exception, body: Mapping[str, Any] | None) -> None:
    """Gives an error about `body` its pointer; leaves every other as it is."""
    if body is None or not isinstance(error, PrivetError):
        return
    if isinstance(error, EdgeError):
        if error.code == "invalid_input" and error.pointer is None:
            error.pointer = ""
    elif isinstance(error, InvalidInput) and error.pointer is None and error.field not in _HEADERS:
        error.pointer = pointer_to(_path(error, body))


def _path(error: InvalidInput, body: Mapping[str, Any]) -> list[object]:
    field = error.field
    if field is None:
        return []
    if field in ("subject", "subjects"):
        return _person(error, body)[0]
    if field in body:
        return [field]
    values = body.get("values")
    if isinstance(values, dict):
        # A record's values are named within their collection.
        short = field.removeprefix(f"{body.get('collection')}.")
        if field in values or short != field:
            return ["values", field if field in values else short]
    path, person = _person(error, body)
    return [*path, field] if isinstance(person, dict) and field in person else []


def _person(error: InvalidInput, body: Mapping[str, Any]) -> tuple[list[object], Any]:
    """Where the person stands whom the error is about, and what stands there; the list where it is about the list."""
    if "subjects" not in body:
        return ["subject"], body.get("subject")
    if error.item is None:
        return ["subjects"], None
    return ["subjects", error.item], body["subjects"][error.item]
