"""Stored values as she sees them: plain, complete, and harmless whatever somebody once typed into them.

Escaping is the templates' business. What escaping does not touch is shown by its name instead: control characters, and
those that turn the direction of the text around them. Refuses no value.
"""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from privet.domain.catalogue import Field
from privet.portal.words.times import tell_date, tell_moment

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT = frozenset("\n\t")


class Item(NamedTuple):
    """One value as text; `exact` when it is a moment."""

    text: str
    exact: str | None = None


class Shown(NamedTuple):
    """What stands for a field: several items for a list, none for nothing."""

    items: tuple[Item, ...]
    listed: bool = False


def show_value(field: Field | None, value: object, now: datetime) -> Shown:
    """`field` None: a value whose field the catalogue no longer knows."""
    if value is None:
        return Shown(())
    if isinstance(value, list | tuple):
        return Shown(tuple(_item(field, one, now) for one in value), listed=True)
    return Shown((_item(field, value, now),))


def _item(field: Field | None, value: object, now: datetime) -> Item:
    if isinstance(value, bool):
        return Item("Yes" if value else "No")
    if isinstance(value, datetime):
        told = tell_moment(value, now)
        return Item(told.words.removeprefix("on "), told.exact)
    if isinstance(value, date):
        told = tell_date(value)
        return Item(told.words, told.exact)
    if isinstance(value, Mapping):
        return Item(safe_text(", ".join(f"{key}: {held}" for key, held in value.items())))
    text = format(value, "f") if isinstance(value, Decimal) else safe_text(str(value))
    kind = None if field is None else (field.type.of or field.type).kind
    if kind == "enum":
        return Item(text.replace("_", " "))
    return Item(text.upper() if kind == "country" else text)


def safe_text(text: str) -> str:
    """The text with every character that would act rather than show named: "[U+202E]"."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_named(c) if _acts(c) else c for c in text)


def _acts(character: str) -> bool:
    return character not in _KEPT and (
        character in _TURNING or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    )


def _named(character: str) -> str:
    return f"[U+{ord(character):04X}]"
