"""Canonical JSON (RFC 8785, narrowed): one value, one sequence of bytes.

Narrowed so that sorted orjson and RFC 8785 give the same bytes: keys are ASCII, numbers are
integers within ±(2**53 - 1). Refuses floats, lone surrogates, keys that are not ASCII strings,
nesting beyond MAX_DEPTH, and, when parsing, every byte sequence that is not the canonical one
(white space, another key order, duplicate keys, needless escapes).
"""

from typing import Any, Final, TypeAlias

import orjson

from privet.errors import IntegrityError, InvalidInput

Json: TypeAlias = Any
"""A value of None, bool, int, str, list, tuple and dict with str keys."""

MAX_DEPTH: Final = 32
MAX_BYTES: Final = 1 << 20
MAX_INT: Final = (1 << 53) - 1

_OPTIONS: Final = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def canonical(obj: Json) -> bytes:
    """The canonical bytes of `obj`. Raises InvalidInput for what has none."""
    fault = _find_fault(obj)
    if fault is not None:
        raise InvalidInput(f"not canonical JSON: {fault}")
    return unsafe_canonical(obj)


def unsafe_canonical(obj: Json) -> bytes:
    """As `canonical`, without the walk that refuses floats and odd keys.

    Only for values our own code built from str, int, bool, None, list and dict.
    Still refuses lone surrogates and integers of 2**53 and more (InvalidInput).
    """
    try:
        return orjson.dumps(obj, option=_OPTIONS)
    except TypeError as error:  # orjson.JSONEncodeError; its text may quote nothing of the value
        raise InvalidInput("not canonical JSON: a value that JSON cannot hold exactly") from error


def parse_canonical(data: bytes, *, limit: int = MAX_BYTES, any_keys: bool = False) -> Json:
    """The value of which `data` is the canonical form; IntegrityError for any other bytes.

    `any_keys` takes keys beyond ASCII too, sorted by code point: what a service asked for may be named anyhow.
    """
    if len(data) > limit:
        raise IntegrityError("canonical JSON: too long")
    try:
        value = orjson.loads(data)
    except (ValueError, RecursionError):
        raise IntegrityError("canonical JSON: not JSON") from None
    fault = _find_fault(value, any_keys=any_keys)
    if fault is not None:
        raise IntegrityError(f"canonical JSON: {fault}")
    if orjson.dumps(value, option=_OPTIONS) != data:
        raise IntegrityError("canonical JSON: not the canonical form")
    return value


def _find_fault(obj: Json, *, any_keys: bool = False) -> str | None:
    """What makes `obj` unfit, or None. Level by level, so depth costs no stack."""
    level: list[Json] = [obj]
    for _ in range(MAX_DEPTH):
        below: list[Json] = []
        for item in level:
            kind = type(item)
            if kind is str or kind is bool or item is None:
                continue
            if kind is int:
                if not -MAX_INT <= item <= MAX_INT:
                    return "an integer of 2**53 or more"
            elif kind is list or kind is tuple:
                below.extend(item)
            elif kind is dict:
                for key in item:
                    if type(key) is not str or not (any_keys or key.isascii()):
                        return "a key that is not ASCII"
                below.extend(item.values())
            elif not isinstance(item, str):
                return "a float" if isinstance(item, float) else "a value of a foreign type"
        if not below:
            return None
        level = below
    return "nested too deeply"
