"""A request's body: JSON and nothing else, an object and nothing else.

Refuses (EdgeError) another content type or charset, a content coding, what is not strict UTF-8 JSON, a key twice in one
object, numbers that JSON parsers disagree on, and nesting beyond MAX_DEPTH. Says where a fault is, never what stood
there.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson

from privet.http.problems import EdgeError, pointer_to, tellable

MAX_DEPTH: Final = 32
_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE)
_LEAST: Final = -(2**63)
_MOST: Final = 2**64
_EXACT: Final = 2**53


def check_content_type(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises EdgeError unless the body is said to be JSON in UTF-8, uncoded."""
    found = list(headers)
    types = [value for name, value in found if name == b"content-type"]
    if len(types) != 1 or not _JSON.fullmatch(types[0].decode("latin-1")):
        raise EdgeError("unsupported_media_type", "send a JSON object: content-type: application/json")
    codings = [value for name, value in found if name == b"content-encoding"]
    if any(coding.strip().lower() not in (b"", b"identity") for coding in codings):
        raise EdgeError("unsupported_media_type", "send the body uncompressed: without content-encoding")


def parse_body(body: bytes) -> dict[str, Any]:
    """The object. Raises EdgeError: malformed_json, or invalid_input where it is JSON but no object."""
    strict = _is_strict(body)
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_int=_integer, parse_float=_number
        )
    except EdgeError:
        raise
    except (ValueError, RecursionError):
        value = _NOTHING
    if value is _NOTHING:  # out here, so that no chained exception quotes the body
        raise _malformed()
    if strict and type(value) is not dict:
        raise EdgeError("invalid_input", "the body must be a JSON object", pointer="")
    if type(value) is _Unfit:
        raise _misfit(value, value)
    _check_depth(value)
    if not strict:
        raise _malformed()
    found: dict[str, Any] = value
    return found


def _is_strict(body: bytes) -> bool:
    """UTF-8, no lone surrogates, no NaN, no great depth; nor a number with a power of ten beyond all measure, which is
    JSON: what follows says where it stands."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _malformed() -> EdgeError:
    return EdgeError("malformed_json", "the body is not one JSON value in UTF-8")


_NOTHING: Final = object()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise EdgeError("malformed_json", "an object in the body has the same key twice")
    return made


class _Unfit(NamedTuple):
    """Stands where a number does that is not taken, and says why."""

    why: str


_BEYOND: Final = _Unfit("is beyond 64 bits; send it as a string where its field takes one")
_INEXACT: Final = _Unfit("has no exact form; send it as a string where its field takes one")


def _misfit(value: object, unfit: _Unfit) -> EdgeError:
    """With the place of a number that is not taken."""
    level: list[tuple[tuple[object, ...], object]] = [((), value)]
    place: tuple[object, ...] = ()
    for _ in range(MAX_DEPTH + 1):
        below: list[tuple[tuple[object, ...], object]] = []
        for path, item in level:
            if item is unfit:
                place = path
            elif type(item) is dict:
                below.extend(((*path, key), one) for key, one in item.items())
            elif type(item) is list:
                below.extend(((*path, at), one) for at, one in enumerate(item))
        level = [] if place else below
    return EdgeError(
        "invalid_input", f"a number in the body {unfit.why}", pointer=pointer_to(tellable(place))
    )


def _integer(text: str) -> int | _Unfit:
    return _BEYOND if len(text) > 20 or not _LEAST <= int(text) < _MOST else int(text)


def _number(text: str) -> float | int | _Unfit:
    """7.0 is a whole number, as JSON Schema has it."""
    number = float(text)
    if not math.isfinite(number) or len(text) > 40:
        return _INEXACT
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def _check_depth(value: object) -> None:
    """Level by level: depth costs no stack. Finds, too, what is no number to be taken."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for item in level:
            if type(item) is dict:
                below.extend(item.values())
            elif type(item) is list:
                below.extend(item)
            elif type(item) is _Unfit:
                raise _misfit(value, item)
        if not below:
            return
        level = below
    raise EdgeError("malformed_json", f"the body is nested more than {MAX_DEPTH} deep")
