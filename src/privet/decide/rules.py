"""The rules of the policy as its own METADATA names them: title, description, reason, file and line.

REFUSES Rego whose METADATA does not parse: Unavailable; the shipped one is checked by tests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from privet.errors import Unavailable

_MARK = "# METADATA"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule that speaks for or against a field."""

    name: str
    reason: str
    title: str
    description: str
    where: str
    """File and line in the policies: `privet/release/request_rules.rego:31`."""


def read_rules(modules: Mapping[str, str]) -> Mapping[str, Rule]:
    """Every annotated rule by name. Raises Unavailable."""
    return {rule.name: rule for path, source in modules.items() for rule in _read_module(path, source)}


def _read_module(path: str, source: str) -> Iterator[Rule]:
    lines = source.splitlines()
    for start, line in enumerate(lines):
        if line != _MARK:
            continue
        end = start + 1
        while end < len(lines) and lines[end].startswith("#"):
            end += 1
        try:
            notes = yaml.safe_load("\n".join(text[2:] for text in lines[start + 1 : end]))
            custom = notes.get("custom") or {}
            if "rule" in custom:
                yield Rule(
                    name=str(custom["rule"]),
                    reason=str(custom["reason"]),
                    title=str(notes["title"]),
                    description=" ".join(str(notes["description"]).split()),
                    where=f"{path}:{end + 1}",
                )
        except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise Unavailable(f"the policy's METADATA does not parse: {path}:{start + 1}") from error
