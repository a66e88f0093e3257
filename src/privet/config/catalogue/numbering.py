"""The digest of a catalogue's meaning, and the permanent numbers that the database keeps for it.

Refuses to hand out a catalogue with a number missing, repeated or beyond u16: numbers stand in sealed formats.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from privet.domain.catalogue import Catalogue, Collection, Field
from privet.errors import IntegrityError

_FORMAT = "privet/catalogue/v1"
_MOST = 65_535


def digest_of(catalogue: Catalogue) -> str:
    """SHA-256, hex, over canonical JSON of what the catalogue means: not numbers, formatting, order or comments."""
    meaning: dict[str, Any] = {
        "format": _FORMAT,
        "name": catalogue.name,
        "contact": catalogue.contact,
        "fields": {name: _plain(field) for name, field in catalogue.every_field.items()},
        "collections": {
            name: {
                "time": c.time,
                "coarse_time": c.coarse_time,
                "key": c.key,
                "retention_days": c.retention_days,
            }
            for name, c in catalogue.collections.items()
        },
        "purposes": {name: _plain(purpose) for name, purpose in catalogue.purposes.items()},
        "services": {name: _plain(service) for name, service in catalogue.services.items()},
        "officers": {name: dict(officer.oidc) for name, officer in catalogue.officers.items()},
        "notices": {name: notice.version for name, notice in catalogue.notices.items()},
    }
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(entry: Any) -> dict[str, Any]:
    """A dataclass as JSON values; sets sorted, for the order of a list of purposes means nothing."""
    plain = {
        key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(entry).items()
    }
    plain.pop("number", None)
    for later in ("oidc", "certificates", "spiffe"):
        # Keys that came later: an older catalogue, which has none of them, keeps its digest.
        if not plain.get(later, True):
            del plain[later]
    if "parents" in plain:
        plain["parents"] = sorted(plain["parents"])
    return plain


def with_numbers(catalogue: Catalogue, numbers: Mapping[tuple[str, str], int]) -> Catalogue:
    """The catalogue with its permanent numbers: ("field", full path) and ("collection", name), u16 from 1.

    Raises IntegrityError when one is missing, out of range, or stands twice within its kind.
    """
    taken: dict[tuple[str, int], str] = {}

    def number(kind: str, name: str) -> int:
        found = numbers.get((kind, name))
        if found is None:
            raise IntegrityError(
                f"the database holds no number for the {kind} {name}; open the vault as steward"
            )
        if not 1 <= found <= _MOST or taken.setdefault((kind, found), name) != name:
            raise IntegrityError(f"the database holds a wrong number for the {kind} {name}; restore a backup")
        return found

    def field(old: Field) -> Field:
        return replace(old, number=number("field", old.path))

    def collection(old: Collection) -> Collection:
        fields = {name: field(inner) for name, inner in old.fields.items()}
        return replace(old, number=number("collection", old.name), fields=fields)

    return replace(
        catalogue,
        fields={name: field(old) for name, old in catalogue.fields.items()},
        collections={name: collection(old) for name, old in catalogue.collections.items()},
    )
