"""The words of an officer's filters: a slip in one is told, and does not read as "nothing happened".

A service, purpose or field may be of any catalogue that was ever in force here; the live one is looked at first.
Refuses a word that no decision of this vault can have had. What was asked under a purpose or field of no catalogue is
found by its reason (unknown_purpose, unknown_field).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from privet.audit.leaf import Act, Decision
from privet.bootstrap.opening import BUNDLES
from privet.bootstrap.parts import Parts
from privet.config.catalogue.problems import nearest
from privet.decide.replay import get_bundle
from privet.domain.decision import Reason
from privet.domain.request_ids import parse_request_id
from privet.errors import InvalidInput

_CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "act": tuple(act.value for act in Act),
    "decision": tuple(decision.value for decision in Decision),
    "reason": tuple(reason.value for reason in Reason),
}
_NAMED: Final = {"service": "services", "purpose": "purposes", "field": "fields"}
"""Filter by filter, where a bundle's data has the names."""


def check_words(parts: Parts, filters: Mapping[str, str | None]) -> None:
    """Raises InvalidInput, naming the filter, for a word no entry can have; IntegrityError for a damaged bundle."""
    catalogue = parts.catalogue
    live: dict[str, Iterable[str]] = {
        "service": catalogue.services,
        "purpose": catalogue.purposes,
        "field": catalogue.every_field,
    }
    former: list[Mapping[str, Any]] | None = None
    for name, word in filters.items():
        if word is None:
            continue
        if name == "request":
            parse_request_id(word, field=name)
        if name in _CLOSED:
            if word not in _CLOSED[name]:
                raise _unknown(name, word, _CLOSED[name], f"there is no such {name}")
        elif name in _NAMED and word not in live[name]:
            former = _former(parts) if former is None else former
            if not any(word in catalogue[_NAMED[name]] for catalogue in former):
                raise _unknown(name, word, live[name], f"no catalogue of this vault has had such a {name}")


def _former(parts: Parts) -> list[Mapping[str, Any]]:
    """What every catalogue that was in force called things: the bundles that replay needs have it."""
    kept = sorted((parts.settings.directory / BUNDLES).glob("*.tar.gz"))
    revisions = [path.name.removesuffix(".tar.gz") for path in kept]
    bundles = [get_bundle(parts.settings.directory / BUNDLES, revision) for revision in revisions]
    return [orjson.loads(bundle.data)["privet"]["catalogue"] for bundle in bundles]


def _unknown(name: str, word: str, known: Iterable[str], sentence: str) -> InvalidInput:
    listed = sorted(known)
    near = nearest(word, listed)
    if near is not None:
        return InvalidInput(f"{sentence}; did you mean {near}?", field=name)
    more = ", …" if len(listed) > 12 else ""
    return InvalidInput(f"{sentence}; there are {', '.join(listed[:12]) or 'none'}{more}", field=name)
