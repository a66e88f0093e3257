"""Names for the things that are otherwise bytes, ints and strings, so that mypy keeps them apart."""

from datetime import UTC, datetime
from typing import NewType

SubjectId = NewType("SubjectId", bytes)
"""16 raw bytes, a UUIDv4. Never shown to a service: it sees a pairwise id."""

VaultId = NewType("VaultId", bytes)
"""16 random bytes, fixed at `privet init`; bound into every ciphertext and derived key."""

EntryId = NewType("EntryId", bytes)
"""16 bytes: 48-bit milliseconds since the epoch, then 80 random bits. Shown as 32 hex digits."""

RecordId = NewType("RecordId", bytes)
"""16 bytes, a keyed digest of a record's key within one subject and collection."""

WorkerId = NewType("WorkerId", bytes)
"""16 random bytes, fresh at each start of a process; names its outbox stream and its share of K_vault."""

FieldNumber = NewType("FieldNumber", int)
"""Permanent number of a field, collection or collection field (u16, from 1). Numbers are never reused."""

Millis = NewType("Millis", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

PROFILE_RECORD = RecordId(bytes(16))
NOBODY = SubjectId(bytes(16))
"""Stands in the log for a person whom a look-up did not find."""


def to_millis(moment: datetime) -> Millis:
    """Milliseconds of an aware datetime. Naive ones are a programming error here; the edges refuse them first."""
    if moment.tzinfo is None:
        raise TypeError("naive datetime")
    return Millis(int(moment.timestamp() * 1000))


def from_millis(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, tz=UTC)
