"""What an fsck found: which entries are damaged, and how. Positions and entry ids only, never content."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from privet.domain.ids import EntryId


class StoredEntry(NamedTuple):
    """A row of the log as the store gives it: hostile. `id` and `hash` are its columns, where it keeps them."""

    pos: int
    leaf: bytes
    sealed: bytes
    id: bytes | None = None
    hash: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The log's own unsigned word on itself. `root` and `frontier` (Frontier.to_bytes()) where they are kept."""

    origin: str
    size: int
    root: bytes | None = None
    frontier: bytes | None = None


class Fault(StrEnum):
    """What is wrong."""

    LEAF = "leaf"  # the leaf is not the one that was logged
    SEALED = "sealed"  # the sealed part is not the one that the leaf names
    ENTRY = "entry"  # the leaf was altered, and the sealed part does not match it
    ID = "id"  # the id column is not the leaf's id
    DUPLICATE = "duplicate"  # an entry id that an earlier entry has
    MISSING = "missing"  # positions without an entry
    EXTRA = "extra"  # entries beyond the log's size, or at a position already taken
    HASH = "hash"  # a stored hash or tile is wrong; the entries themselves are sound
    RANGE = "range"  # something in these positions was altered and stored hashes do not tell what
    HEAD = "head"  # the stored head does not match the entries
    CHECKPOINT = "checkpoint"  # a checkpoint is malformed, not signed by the log, or of another tree
    ANCHOR = "anchor"  # likewise one kept outside the database
    ROLLBACK = "rollback"  # the log is shorter than a checkpoint that was signed
    FORK = "fork"  # two signed checkpoints of one size have different roots


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """One finding: positions first to last (both included; None where no position is meant)."""

    fault: Fault
    what: str
    first: int | None = None
    last: int | None = None
    id: EntryId | None = None

    def __str__(self) -> str:
        if self.first is None:
            return self.what
        if self.first != self.last:
            return f"entries {self.first} to {self.last}: {self.what}"
        named = f" (id {self.id.hex()})" if self.id else ""
        return f"entry {self.first}{named}: {self.what}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FsckReport:
    """The result. `ok` is the verdict; `damages` are in order of position, cut at the limit (`total` counts all).

    `proven` is the size of the largest signed checkpoint that holds: entries beyond it rest on the unsigned head.
    `foreign` counts sound checkpoints and anchors of other origins (the log before a restore), which are not compared.
    `late` are positions whose id is older than its neighbours' (a clock set back, or a replayed entry).
    """

    size: int
    root: bytes
    proven: int
    checkpoints: int
    anchors: int
    foreign: int
    damages: tuple[Damage, ...]
    total: int
    late: tuple[int, ...]

    @property
    def ok(self) -> bool:
        return self.total == 0

    @property
    def first(self) -> Damage | None:
        """The finding with the lowest position, or the first without one."""
        return self.damages[0] if self.damages else None
