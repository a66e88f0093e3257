"""What callers get: a View, or a Refusal that says why. The same types in process and over the wire.

Refuses to hand out a withheld value as if it were empty: `view["email"]` raises with the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import overload

from privet.errors import AccessDenied


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that was asked for and not given: a stable reason code and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What one read released. Values never show in a repr."""

    subject: str
    """The person's pairwise id, as the asking service knows her."""
    values: Mapping[str, object] = field(repr=False)
    withheld: Mapping[str, Withheld]
    audit_id: str
    revision: str
    """Changes when a released field changes; opaque."""

    @classmethod
    def of(
        cls,
        subject: str,
        values: Mapping[str, object],
        withheld: Mapping[str, Withheld],
        audit_id: str,
        revision: str,
    ) -> "View":
        """As the constructor, at a third of its cost: a frozen dataclass sets each attribute by way of its class."""
        made = object.__new__(cls)
        set_subject, set_values, set_withheld, set_audit_id, set_revision = _SET_VIEW
        set_subject(made, subject)
        set_values(made, values)
        set_withheld(made, withheld)
        set_audit_id(made, audit_id)
        set_revision(made, revision)
        return made

    def __getitem__(self, name: str) -> object:
        if name in self.withheld:
            kept = self.withheld[name]
            raise KeyError(f"{name} was withheld ({kept.reason}): {kept.message}")
        if name not in self.values:
            raise KeyError(f"{name} was not asked for")
        return self.values[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def get(self, name: str, default: object = None) -> object:
        """The value, or `default` when it was withheld, never asked for, or is not held."""
        value = self.values.get(name)
        return default if value is None else value


_SET_VIEW: Sequence[Callable[[View, object], None]] = tuple(
    View.__dict__[name].__set__ for name in ("subject", "values", "withheld", "audit_id", "revision")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A wholly refused read: what AccessDenied carries, as a value, for batches."""

    reasons: tuple[str, ...]
    withheld: Mapping[str, Withheld]
    message: str
    audit_id: str

    def error(self) -> AccessDenied:
        return AccessDenied(
            self.message, reasons=self.reasons, withheld=self.withheld, audit_id=self.audit_id
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record of a collection. `id` is opaque and differs from service to service."""

    id: str
    time: datetime | date | None
    values: Mapping[str, object] = field(repr=False)

    def __getitem__(self, name: str) -> object:
        return self.values[name]


@dataclass(frozen=True, kw_only=True, slots=True)
class History(Sequence[Record]):
    """Records of one collection, newest first, and what was withheld from each."""

    records: tuple[Record, ...]
    withheld: Mapping[str, Withheld]
    audit_id: str

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile(Mapping[str, object]):
    """All that is held of a customer, for herself: a mapping of field to value, and her collections."""

    fields: Mapping[str, object] = field(repr=False)
    collections: Mapping[str, tuple[Record, ...]] = field(repr=False)
    restricted: bool
    objected: tuple[str, ...]
    pending: tuple[str, ...] = ()
    """Look-up fields whose corrected value waits until she has proved that it is hers."""

    def __getitem__(self, name: str) -> object:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """One line of "who saw my data": who, when, why, what, and what was refused and for which true reason."""

    audit_id: str
    at: datetime
    act: str
    decision: str
    service: str
    purpose: str
    fields: tuple[str, ...]
    """Released or written."""
    withheld: Mapping[str, str]
    """Reason code by field refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """The state of one purpose for a customer."""

    purpose: str
    status: str
    at: datetime | None
    until: datetime | None
    notice_version: str | None
