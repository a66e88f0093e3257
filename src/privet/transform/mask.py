"""Masks: enough of a value to recognise it, too little to use it. One way a type, none of them reversible.

Refuses to pass on what it has no mask for: such a value becomes its type's name.
"""

from datetime import date, datetime
from decimal import Decimal

from privet.config.values import Value
from privet.domain.catalogue import ValueType

_DOTS = "•••"


def mask(kind: ValueType, value: Value) -> Value:
    """A masked copy: text types stay text, a date becomes the first of January of its year.

    email `a•••@•••.org`, phone its last two digits, text its first letter, integer and number their sign and
    leading digit's magnitude, boolean, enum and country nothing.
    """
    if isinstance(value, list):
        return [_DOTS] if value else []
    if kind.kind == "email" and isinstance(value, str):
        local, _, domain = value.rpartition("@")
        _, dot, top = domain.rpartition(".")
        return f"{local[:1]}{_DOTS}@{_DOTS}{dot}{top}"
    if kind.kind == "phone" and isinstance(value, str):
        digits = [c for c in value if c.isdigit()]
        return _DOTS + "".join(digits[-2:])
    if kind.kind in ("string", "text") and isinstance(value, str):
        return value[:1] + _DOTS
    if isinstance(value, bool) or kind.kind in ("boolean", "enum", "country"):
        return _DOTS
    if isinstance(value, datetime):
        return value.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    if isinstance(value, date):
        return value.replace(month=1, day=1)
    if isinstance(value, int):
        return _magnitude(value)
    if isinstance(value, Decimal):
        return Decimal(_magnitude(int(value)))
    return _DOTS


def _magnitude(value: int) -> int:
    """The power of ten at or below it: 1234 → 1000, -56 → -10, 0 → 0."""
    if value == 0:
        return 0
    size = int("1".ljust(len(str(abs(value))), "0"))
    return size if value > 0 else -size
