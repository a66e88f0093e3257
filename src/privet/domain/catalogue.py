"""The catalogue as the rest of Privet sees it: what may be held and why. Frozen; made by `config.catalogue`.

Refuses nothing itself: `config.catalogue` has checked names, the purpose graph and grounds before these exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal


class LegalBasis(StrEnum):
    """GDPR Art. 6(1)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTEREST = "vital_interest"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTEREST = "legitimate_interest"


ScalarKind = Literal[
    "string",
    "text",
    "integer",
    "number",
    "boolean",
    "date",
    "datetime",
    "moment",
    "email",
    "phone",
    "country",
    "enum",
]
"""`moment` is a date or a datetime: the time of a record whose collection does not declare its type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueType:
    """A field's type with its bounds. `list[T]` is `of` with `kind` "list"."""

    kind: Literal[ScalarKind, "list"]
    members: tuple[str, ...] = ()
    """Allowed values, enum only."""
    of: "ValueType | None" = None
    """Item type, list only."""
    max_length: int | None = None
    """Most characters (string, text, email, phone) or items (list)."""
    minimum: str | None = None
    maximum: str | None = None
    """Bounds of integer, number, date, datetime, as their canonical text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One value of a profile, or of a record in a collection. `path` is its full name: `room.bed`, `stays.room`."""

    path: str
    number: int
    """Permanent catalogue number (0 until the store has assigned one)."""
    type: ValueType
    category: str
    """DPV personal-data category, `pd:Term`."""
    special: bool = False
    allow: frozenset[str] = frozenset()
    """Purposes it may be released for in clear (each covers the purposes below it)."""
    allow_masked: frozenset[str] = frozenset()
    prohibit: frozenset[str] = frozenset()
    lookup: Literal["unique", "shared"] | None = None
    retention_days: int | None = None
    collection: str | None = None
    schema: int = 1
    description: str = ""

    @property
    def name(self) -> str:
        """The name within its collection, or the path itself for a profile field."""
        return self.path if self.collection is None else self.path[len(self.collection) + 1 :]


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """An append-only dated series: stays, purchases, calls."""

    name: str
    number: int
    time: str
    """Name of the record's date or datetime value; always present, sealed in full like a field."""
    coarse_time: Literal["day", "month", "year"]
    """What of the time the database sees in clear, to sort and cut by."""
    key: str | None
    """Name of the value that identifies a record within one subject (booking number); None: a digest of the row."""
    fields: Mapping[str, Field]
    """By name within the collection; includes `time` and `key`."""
    retention_days: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    name: str
    dpv: str
    basis: LegalBasis | None
    """None only where prohibited."""
    parents: tuple[str, ...] = ()
    notice: str | None = None
    prohibited: bool = False
    consent_days: int | None = None
    """How long a given consent lasts; None: until withdrawn."""
    article9: str | None = None
    """GDPR Art. 9(2) ground on which a special field may name this purpose; a read still needs given consent."""
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    name: str
    purposes: frozenset[str]
    fields: tuple[str, ...]
    """Path patterns: `given_name`, `room.*`, `*`."""
    find: frozenset[str] = frozenset()
    """Look-up fields by which it may name people."""
    enrols: bool = False
    collects: frozenset[str] = frozenset()
    """Purposes whose consent it may record."""
    recipient: str = ""
    """Legal entity that receives; "" is the vault's own organisation."""
    oidc: Mapping[str, str] = field(default_factory=dict)
    """`issuer` and `subject` of the tokens that stand for it, if any."""
    certificates: frozenset[str] = frozenset()
    """SHA-256 fingerprints, lower-case hex, of the client certificates that stand for it."""
    spiffe: frozenset[str] = frozenset()
    """SPIFFE ids that stand for it in client certificates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Officer:
    name: str
    oidc: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """The text a subject saw. `version` is the SHA-256 of its bytes, hex."""

    name: str
    version: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All of it, checked. `digest` is over the canonical form, so equal catalogues have equal digests."""

    name: str
    """The organisation, for pages and exports."""
    contact: str
    """How a customer reaches a human; shown wherever something is refused to her."""
    fields: Mapping[str, Field]
    collections: Mapping[str, Collection]
    purposes: Mapping[str, Purpose]
    services: Mapping[str, Service]
    officers: Mapping[str, Officer]
    notices: Mapping[str, Notice]
    digest: str
    where: Mapping[str, str]
    """Where each thing stands: "fields.room.bed" → "catalogue.yaml:14"."""
    warnings: tuple[str, ...] = ()

    @cached_property
    def every_field(self) -> Mapping[str, Field]:
        """Profile fields and collection fields by full path."""
        found = dict(self.fields)
        for collection in self.collections.values():
            found.update({f.path: f for f in collection.fields.values()})
        return found

    @cached_property
    def field_by_number(self) -> Mapping[int, Field]:
        return {f.number: f for f in self.every_field.values()}

    @cached_property
    def ancestors(self) -> Mapping[str, frozenset[str]]:
        """For each purpose: itself and all above it."""
        done: dict[str, frozenset[str]] = {}

        def climb(name: str) -> frozenset[str]:
            if name not in done:
                above = (climb(parent) for parent in self.purposes[name].parents)
                done[name] = frozenset({name}).union(*above)
            return done[name]

        return {name: climb(name) for name in self.purposes}

    @cached_property
    def descendants(self) -> Mapping[str, frozenset[str]]:
        """For each purpose: itself and all below it."""
        return {
            name: frozenset(other for other, above in self.ancestors.items() if name in above)
            for name in self.purposes
        }

    def purposes_of(self, field: Field) -> frozenset[str]:
        """Purposes that the purpose rule permits for a field, clear or masked (Byun & Li 2008): allowed or below an
        allowed one, and neither it nor an ancestor or descendant of it prohibited."""
        question = (field.allow | field.allow_masked, field.prohibit)
        known = self._permitted.get(question)
        if known is None:
            known = self._permitted[question] = self._permit(*question)
        return known

    @cached_property
    def _permitted(self) -> dict[tuple[frozenset[str], frozenset[str]], frozenset[str]]:
        """Answers of `purposes_of`: many fields ask the same."""
        return {}

    def _permit(self, allowed: frozenset[str], prohibited: frozenset[str]) -> frozenset[str]:
        barred = prohibited | {p.name for p in self.purposes.values() if p.prohibited}
        blocked = frozenset[str]().union(*(self.ancestors[p] | self.descendants[p] for p in barred))
        covered = frozenset[str]().union(*(self.descendants[p] for p in allowed))
        return covered - blocked

    @cached_property
    def unusable(self) -> frozenset[str]:
        """Paths of fields that no purpose may ever use and that find nobody either: writing them is refused."""
        return frozenset(
            path
            for path, found in self.every_field.items()
            if found.lookup is None and not self.purposes_of(found)
        )


def matches(pattern: str, path: str) -> bool:
    """Whether a path pattern of the catalogue covers a path: `*` all, `room.*` what stands below `room.`."""
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return path.startswith(pattern[:-1])
    return pattern == path
