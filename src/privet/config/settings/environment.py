"""Settings by environment: `PRIVET_SERVE__PORT=9000` is `port` of `[serve]`, and wins over the file.

`PRIVET_ISSUERS` is a JSON list. Refuses nothing here: names that are no key are refused with the rest, by the shapes.
`format` and `vault_id` are of the vault, not of its surroundings: they are read from the file only.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel

PREFIX = "PRIVET_"
_LISTS = frozenset({"issuers"})


def find_overrides(shape: type[BaseModel]) -> dict[str, Any]:
    """What the environment says, as the file would: {section: {key: value}}. Slow, but only if it says anything."""
    sections = {name for name in shape.model_fields if name not in ("format", "vault_id")}
    if not any(_section(name) in sections for name in os.environ):
        return {}
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

    class Environment(BaseSettings, shape):  # type: ignore[misc, valid-type]  # the shape is given
        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")

    try:
        source = EnvSettingsSource(Environment)
        # One named as a section alone is not ours: taken for one, it would not read, nor the others be looked at.
        source.env_vars = {name: said for name, said in source.env_vars.items() if _section(name) in sections}
        found: Mapping[str, Any] = source()
    except SettingsError:
        found = {name: None for name in _LISTS if f"{PREFIX}{name}".upper() in os.environ}
    return {name: value for name, value in found.items() if name in sections}


def find_misspelt(shape: type[BaseModel]) -> dict[str, str]:
    """Variables that look as if they meant a setting but have one underscore where two belong, and what they meant."""
    found = {}
    for name in os.environ:
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        field = shape.model_fields.get(section)
        model = (
            None
            if field is None
            else next(
                (kind for kind in (field.annotation, *get_args(field.annotation)) if _is_shape(kind)), None
            )
        )
        if name.startswith(PREFIX) and model is not None and key in model.model_fields:
            found[name] = variable([section, key])
    return found


def _is_shape(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def variable(keys: list[str]) -> str:
    """The variable that holds a key."""
    return PREFIX + "__".join(key.upper() for key in (keys[:1] if keys[0] in _LISTS else keys))


def _section(name: str) -> str:
    """The section that a variable is about; "" when it is none of ours."""
    upper = name.upper()
    if not upper.startswith(PREFIX):
        return ""
    section, delimiter, _ = upper.removeprefix(PREFIX).partition("__")
    return section.lower() if delimiter or section.lower() in _LISTS else ""


def overlay(raw: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The file's sections with the environment's keys over them."""
    merged = dict(raw)
    for name, value in overrides.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            value = {**before, **value}
        merged[name] = value
    return merged
