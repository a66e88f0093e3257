"""The ports: what the core needs of the outside, as Protocols. Adapters stand in `store`, `crypto` and `decide`.

Rows are plain tuples, since a batch of reads touches many of them and nothing else may.
A unit of work is one transaction: everything in it is durable when `Store.write()` leaves without an error, or
nothing is. On SQLite a write unit takes the write lock first (BEGIN IMMEDIATE), so what it loads is what is current
until it commits. On PostgreSQL it loads from the primary, after it began.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from privet.domain.ids import EntryId, Millis, RecordId, SubjectId, VaultId
from privet.domain.subject import StandingWishes

Clock = Callable[[], Millis]
"""Now, in milliseconds UTC."""
Randomness = Callable[[int], bytes]
"""n bytes from a cryptographic source."""


class SubjectRow(NamedTuple):
    """The one row of a subject. Each column has its own revision (from 1) and is written only by compare-and-swap."""

    subject: SubjectId
    epoch: int
    """The epoch whose KEK wraps `keys`; always equal to the one inside it."""
    keys: bytes
    keys_rev: int
    facts: bytes
    facts_rev: int
    fields: bytes
    fields_rev: int


class RecordRow(NamedTuple):
    """One record of a collection. `coarse` is its time as the database may see it: days since 1970-01-01."""

    subject: SubjectId
    collection: int
    record: RecordId
    coarse: int
    revision: int
    fields: bytes


class IndexRow(NamedTuple):
    """One blind-index row. `subject` is in clear: the index value is keyed, the subject id is random."""

    value: bytes
    subject: SubjectId
    field: int
    epoch: int


class LedgerRow(NamedTuple):
    """One sealed entry of a subject's consent ledger, dense from 1."""

    subject: SubjectId
    seq: int
    sealed: bytes


class TicketRow(NamedTuple):
    """What lives for minutes or hours: an idempotency record, a sign-in code, a session. `id` is a keyed hash (32)."""

    id: bytes
    until: Millis
    """When it may be forgotten; whoever reads it checks that."""
    sealed: bytes


class EntryRow(NamedTuple):
    """One log entry on its way in. `tag` and `ref` go at erasure, `leaf` and `sealed` stay."""

    id: EntryId
    leaf: bytes
    sealed: bytes
    tag: bytes
    ref: bytes


class LoggedRow(NamedTuple):
    """One log entry as sequenced. `tag` and `ref` are None once the subject was erased."""

    pos: int
    id: EntryId
    leaf: bytes
    sealed: bytes
    tag: bytes | None
    ref: bytes | None
    hash: bytes | None = None
    """The leaf hash as it was appended: it lets the verifier name an altered leaf that no full tile covers yet."""


EpochState = Literal["open", "closing", "destroyed"]


class EpochRow(NamedTuple):
    epoch: int
    state: EpochState
    opened: Millis


class VaultState(NamedTuple):
    """What a batch must know of the vault besides its subjects; loaded in the same transaction, never cached."""

    schema: int
    catalogue_digest: str
    controls: bytes
    """Sealed JSON: what officers have paused. Empty when nothing ever was."""
    controls_rev: int
    epoch: int
    """The open epoch: new keys are wrapped under it."""
    epochs: tuple[int, ...]
    """All epochs that live (open and closing), ascending; readers probe the indexes of each."""


class ReadUnit(Protocol):
    """What can be asked within a transaction."""

    def expect(self, wanted: Callable[[], tuple[Sequence[SubjectId], Sequence[bytes]]]) -> None:
        """Before `state`: whose rows and which indexes will be looked for next, so that a store to which a trip is dear
        may load them in the same one. A hint: it changes no answer."""
        ...

    def state(self) -> VaultState: ...
    def find_subjects(self, indexes: Sequence[bytes]) -> Mapping[bytes, tuple[SubjectId, ...]]:
        """Who stands under each blind index; an index nobody stands under is absent."""
        ...

    def find_rows(self, subjects: Sequence[SubjectId]) -> Mapping[SubjectId, SubjectRow]: ...
    def records(
        self,
        subject: SubjectId,
        collection: int | None = None,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> Sequence[RecordRow]:
        """Newest coarse time first; `since` and `until` inclusive, in days. `limit` never splits one coarse time."""
        ...

    def find_record(self, subject: SubjectId, collection: int, record: RecordId) -> RecordRow | None: ...
    def ledger(self, subject: SubjectId) -> Sequence[LedgerRow]: ...
    def indexes_of(self, subject: SubjectId) -> Sequence[IndexRow]: ...
    def subjects_after(
        self, after: SubjectId | None, limit: int, *, epoch: int | None = None
    ) -> Sequence[SubjectRow]:
        """Rows in order of subject id, for sweeps; `epoch` keeps only rows that name it."""
        ...

    def count_subjects(self, *, epoch: int | None = None) -> int: ...
    def epochs(self) -> Sequence[EpochRow]: ...
    def numbers(self) -> Mapping[tuple[str, str], int]:
        """Permanent catalogue numbers by (kind, name)."""
        ...

    def import_progress(self, run: bytes) -> bytes | None: ...
    def find_service_note(self, key: str) -> bytes | None:
        """A small vault-level value (stored catalogue, pending jobs) by key."""
        ...

    def find_ticket(self, ticket: bytes) -> TicketRow | None: ...


class WriteUnit(ReadUnit, Protocol):
    """What can be done within a transaction. A lost compare-and-swap raises Conflict, at once or, where statements are
    sent together, when something is read or the unit ends, and undoes the unit."""

    def insert_subject(self, row: SubjectRow) -> None:
        """Refused with Conflict when `row.epoch` is no longer open (the epoch row is read in this transaction)."""
        ...

    def lock_subject(self, subject: SubjectId) -> bool:
        """Keeps other writers off her row until the unit ends; False when she is not there. What is loaded after it
        stands. For what must not lose to faster writers (rights); SQLite's write units have the pen anyway."""
        ...

    def swap_keys(self, subject: SubjectId, rev: int, epoch: int, keys: bytes) -> None: ...
    def swap_facts(self, subject: SubjectId, rev: int, facts: bytes) -> None: ...
    def swap_fields(self, subject: SubjectId, rev: int, fields: bytes) -> None: ...
    def insert_indexes(self, rows: Sequence[IndexRow], *, unique: bool) -> None:
        """`unique`: another subject under the same index raises Conflict. The same row again is no error."""
        ...

    def delete_indexes(self, rows: Sequence[tuple[bytes, SubjectId]]) -> None: ...
    def delete_epoch_indexes(self, epoch: int) -> int: ...
    def upsert_record(self, row: RecordRow) -> bool:
        """True when it is new. An existing one is replaced only if `row.revision` is one above the stored one.

        Raises Conflict also when the subject is being, or was, erased: no record outlives its subject.
        """
        ...

    def delete_record(self, subject: SubjectId, collection: int, record: RecordId) -> None: ...
    def append_ledger(self, row: LedgerRow) -> None: ...
    def append(self, entries: Sequence[EntryRow]) -> None:
        """Logs entries, in order. SQLite: leaves of the log at once. PostgreSQL: this worker's outbox stream."""
        ...

    def erase_subject(self, subject: SubjectId, tag: bytes) -> None:
        """Deletes the row, records, ledger and index rows, and clears `tag` and `ref` wherever `tag` stands."""
        ...

    def set_controls(self, rev: int, controls: bytes) -> None: ...
    def set_catalogue(self, digest: str, numbers: Mapping[tuple[str, str], int]) -> None: ...
    def open_epoch(self, epoch: int, at: Millis) -> None: ...
    def set_epoch(self, epoch: int, state: EpochState) -> None:
        """Takes the epoch row exclusively, so that no transaction that creates keys under it is still under way."""
        ...

    def set_import_progress(self, run: bytes, progress: bytes) -> None: ...
    def set_service_note(self, key: str, value: bytes) -> None: ...
    def insert_ticket(self, row: TicketRow) -> None:
        """Conflict when there is one of that id."""
        ...

    def swap_ticket(self, before: TicketRow, after: TicketRow) -> None:
        """Of the same id. Conflict unless it still stands as `before`."""
        ...

    def delete_ticket(self, ticket: bytes) -> bool:
        """Whether it was there: of two that delete one, one hears True."""
        ...

    def delete_tickets_before(self, moment: Millis) -> int: ...


class LogReader(Protocol):
    """The sequenced log, for proofs, queries and the verifier."""

    def size(self) -> int: ...
    def origin(self) -> str: ...
    def entries(self, start: int, end: int) -> Iterator[LoggedRow]:
        """Positions start..end-1, ascending, streamed."""
        ...

    def entries_newest(self, before: int | None = None, *, tag: bytes | None = None) -> Iterator[LoggedRow]:
        """Newest first, below position `before`; only those under `tag` if given. Streamed."""
        ...

    def find_entry(self, entry: EntryId) -> LoggedRow | None: ...
    def find_position(self, start: int) -> int | None:
        """The first stored position from `start` on, across any gap; None when there is none."""
        ...

    def leaf_hashes(self, start: int, end: int) -> Sequence[bytes]:
        """From full tiles where they exist, else computed from leaves."""
        ...

    def read_tile(self, level: int, n: int) -> bytes | None:
        """256 hashes of a full tile, or None when it is not full."""
        ...

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Stored signed checkpoints, (size, note), ascending."""
        ...

    def lag(self) -> int:
        """Durable entries that are not yet in the log (outbox); 0 on SQLite."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreIdentity:
    vault: VaultId
    schema: int
    format: int


class Store(Protocol):
    """The profile store and the log. Every driver error comes out as Unavailable, Conflict or IntegrityError."""

    backend: str
    """"sqlite" or "postgresql"."""

    def identity(self) -> StoreIdentity: ...
    def read(self) -> AbstractContextManager[ReadUnit]: ...
    def write(self, *, wait: bool = True) -> AbstractContextManager[WriteUnit]:
        """`wait` False: Unavailable at once where it would have to wait for another writer (PostgreSQL never does)."""
        ...

    @property
    def log(self) -> LogReader: ...
    def sequence(self) -> int:
        """Moves what is durable in outboxes into the log; returns how many (SQLite: 0). Any number of workers may."""
        ...

    def add_checkpoint(self, size: int, note: str) -> None: ...
    def restart_log(self, origin: str) -> None:
        """After a restore: the log goes on under a new origin."""
        ...

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """A consistent copy, made online, without keys of any kind but the wrapped ones in the rows."""
        ...

    def checkpoint_files(self) -> None:
        """After erasure: fold what the database keeps of deleted rows (SQLite: wal_checkpoint(TRUNCATE))."""
        ...

    def close(self) -> None: ...


class ControlJournal(Protocol):
    """Outside the database: what must survive a restore of an older copy of it. Sealed, append-only."""

    def append(self, act: str, subject: SubjectId, *, purpose: str = "", at: Millis) -> None:
        """Durable when it returns (fsync). What tightens is journaled before the database commits, what loosens
        after: a journal line without its commit, or a commit without its line, errs to the safe side.

        `act`: erase, withdraw, restrict, unrestrict, object, unobject; or revoke, of an API key: then `subject` is the
        first 16 bytes of the key's digest."""
        ...


class Standing(Protocol):
    """The journal's last word on each person, followed as it grows."""

    def refresh(self) -> None:
        """Takes in what was journaled since. Raises Unavailable or IntegrityError: then nothing may be released."""
        ...

    def find(self, subject: SubjectId) -> StandingWishes | None: ...


class Keypack(Protocol):
    """Outside the database: the current epoch's wrapped keys, replaced at each rotation, never archived."""

    def forget(self, subject: SubjectId) -> None:
        """Overwrites one subject's keys in place, durably. No error when she is not in it."""
        ...
