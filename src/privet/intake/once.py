"""Idempotency keys: the same request of the same service under the same key is done once, within a day.

What is kept is a ticket in the unit of work of the write itself, so that the two are durable together or not at all:
its id is a keyed hash of service and key, its sealed payload a keyed digest of the request and the audit id. Refuses
the key for another request: KeyReused. A refused write is not remembered: it may be asked again.
"""

from collections.abc import Sequence

from privet.config.values import encode_value
from privet.crypto.framing import join
from privet.crypto.keyring import Keyring
from privet.crypto.tickets import TicketBox
from privet.domain.catalogue import Catalogue
from privet.domain.ids import EntryId, Millis, VaultId
from privet.domain.ports import Clock, Randomness, ReadUnit, TicketRow, WriteUnit
from privet.domain.request import By, SubjectRef
from privet.errors import IntegrityError, KeyReused
from privet.intake.request import WriteRequest

KEPT_MS = 86_400_000
"""A day: as long as a client may go on trying."""
_SIZE = 32 + 16


class DoneBefore(Exception):
    """The request was done before: undo this unit, and answer as then. Never leaves the vault."""

    def __init__(self, entry: EntryId) -> None:
        super().__init__("done before")
        self.entry = entry


class Remembered:
    """One request under one key. Bound to it: never used for another."""

    def __init__(self, once: "Once", ticket: bytes, digest: bytes) -> None:
        self._once = once
        self._ticket = ticket
        self._digest = digest

    def find(self, unit: ReadUnit) -> EntryId | None:
        """The audit id of the first time; None when this is it. Raises KeyReused, IntegrityError."""
        row = unit.find_ticket(self._ticket)
        if row is None or row.until < self._once.clock():
            return None
        payload = self._once.box.open(row.id, row.sealed)
        if len(payload) != _SIZE:
            raise IntegrityError("an idempotency record has a form this version does not know")
        if payload[:32] != self._digest:
            raise KeyReused(
                "this idempotency key was used for another request; take a new key for a new request",
                field="idempotency_key",
            )
        return EntryId(payload[32:])

    def check(self, unit: ReadUnit) -> None:
        """As `find`, but raises DoneBefore."""
        if (entry := self.find(unit)) is not None:
            raise DoneBefore(entry)

    def keep(self, unit: WriteUnit, entry: EntryId) -> None:
        """With the write, in its unit. Conflict when the same request was faster: undo, and find it."""
        once = self._once
        now = once.clock()
        stale = unit.find_ticket(self._ticket)
        if stale is not None and stale.until < now:
            unit.delete_ticket(self._ticket)
        sealed = once.box.seal(self._ticket, self._digest + entry, once.randomness)
        unit.insert_ticket(TicketRow(self._ticket, Millis(now + KEPT_MS), sealed))


class Once:
    """The idempotency keys of one vault."""

    def __init__(
        self, *, catalogue: Catalogue, keyring: Keyring, vault: VaultId, clock: Clock, randomness: Randomness
    ) -> None:
        self._fields = catalogue.every_field
        self.box = TicketBox(keyring, vault, "idempotency")
        self.clock = clock
        self.randomness = randomness

    def write(self, request: WriteRequest) -> Remembered | None:
        """For a write; None where it has no key."""
        if request.once is None or request.service is None:
            return None
        said = [
            b"write",
            request.purpose.encode(),
            _named(request.subject),
            (request.collection or "").encode(),
            request.key,
            (request.if_revision or "").encode(),
            join(*(name.encode() for name in sorted(request.unknown))),
        ]
        for path, value in sorted(request.values.items()):
            kept = b"" if value is None else b"\x01" + encode_value(self._fields[path].type, value)
            said += [path.encode(), kept]
        return self.of(request.service, request.once, said)

    def consent(
        self, service: str, key: str | None, who: SubjectRef, said: Sequence[str]
    ) -> Remembered | None:
        """For what a service says of a consent; None where it has no key."""
        if key is None:
            return None
        return self.of(service, key, [b"consent", _named(who), *(word.encode() for word in said)])

    def of(self, service: str, key: str, said: Sequence[bytes]) -> Remembered:
        """`said`: all that makes the request what it is."""
        ticket = self.box.id(join(b"key", service.encode(), key.encode()))
        return Remembered(self, ticket, self.box.id(join(b"request", *said)))


def _named(who: SubjectRef) -> bytes:
    if isinstance(who, By):
        return join(b"by", who.field.encode(), who.value.encode())
    return join(b"id", who.encode())
