"""Moving people from one epoch's key to another's: their wrapped keys, and the blind indexes that find them.

Nothing sealed under their keys changes; of the fields, only the inner half of a look-up's index is opened. Every row
is moved by compare-and-swap, in batches that leave writers their turn. Refuses to move what does not unwrap: such a
row is counted and left as it is.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from privet.crypto.blind import index
from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys, wrap_subject_keys
from privet.crypto.fields import INNER, field_aad_prefix, open_value, parse_packed
from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.ids import SubjectId, VaultId
from privet.domain.ports import IndexRow, Store, SubjectRow, WriteUnit
from privet.errors import Conflict, IntegrityError

BATCH: Final = 64
_TRIES: Final = 8
_SHARE: Final = 0.5
"""How long to stand aside after a batch, as a share of what it took: SQLite's waiters poll, they do not queue."""


class _Move(NamedTuple):
    row: SubjectRow
    keys: bytes
    indexes: tuple[IndexRow, ...]


class Moved(NamedTuple):
    people: int
    damaged: int


class Rewrapping:
    """Moves rows of one vault to `epoch`, whose key the keyring holds and which the database has open."""

    def __init__(
        self, *, store: Store, keyring: Keyring, vault: VaultId, catalogue: Catalogue, epoch: int
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._vault = vault
        self._epoch = epoch
        self._catalogue = catalogue
        # Beyond SQLite a writer may have loaded the vault's state before the new epoch opened. Moving the fields'
        # revision too makes it try again, and so insert its look-ups under both epochs.
        self._touch_fields = store.backend != "sqlite"

    def move_all(self, old: int, progress: Callable[[int, int], None]) -> Moved:
        """Every row that names epoch `old`. Again after a crash is no error: what is moved is not moved again."""
        with self._store.read() as unit:
            total = unit.count_subjects(epoch=old)
        people = damaged = 0
        after: SubjectId | None = None
        while True:
            started = time.monotonic()
            subjects, failed = self._batch(old, after)
            if not subjects:
                if damaged or after is None:
                    return Moved(people, damaged)
                after = None  # once more from the start, until nothing is left to move
                continue
            after = subjects[-1]
            damaged += failed
            people += len(subjects) - failed
            progress(people, total)
            time.sleep(_SHARE * (time.monotonic() - started))

    def _batch(self, old: int, after: SubjectId | None) -> tuple[list[SubjectId], int]:
        try:
            with self._store.write() as unit:
                rows = unit.subjects_after(after, BATCH, epoch=old)
                moves = [move for row in rows if (move := self._find_move(row)) is not None]
                self._apply(unit, moves, unique=True)
        except Conflict:
            with self._store.read() as unit:
                rows = unit.subjects_after(after, BATCH, epoch=old)
            failed = sum(not self._move_one(row.subject, old) for row in rows)
            return [row.subject for row in rows], failed
        return [row.subject for row in rows], len(rows) - len(moves)

    def _move_one(self, subject: SubjectId, old: int) -> bool:
        """One person by herself, since somebody else was writing in the batch. False when she does not unwrap."""
        for attempt in range(_TRIES):
            try:
                with self._store.write() as unit:
                    row = unit.find_rows((subject,)).get(subject)
                    if row is None or row.epoch != old:
                        return True
                    move = self._find_move(row)
                    if move is None:
                        return False
                    # A unique look-up that two people share (the catalogue once let them) finds neither.
                    self._apply(unit, [move], unique=attempt < _TRIES // 2)
                return True
            except Conflict:
                time.sleep(0.001 * 2**attempt)
        raise Conflict("a person's row is written without a pause: run `privet keys rotate` again")

    def _find_move(self, row: SubjectRow) -> _Move | None:
        try:
            keys = unwrap_subject_keys(self._keyring, self._vault, row.subject, row.keys)
            indexes = tuple(inner_indexes(self._keyring, self._vault, self._epoch, row, keys))
            return _Move(
                row, wrap_subject_keys(self._keyring, self._vault, row.subject, self._epoch, keys), indexes
            )
        except IntegrityError:
            return None

    def _apply(self, unit: WriteUnit, moves: Sequence[_Move], *, unique: bool) -> None:
        for row, keys, indexes in moves:
            unit.swap_keys(row.subject, row.keys_rev, self._epoch, keys)
            if indexes and self._touch_fields:
                unit.swap_fields(row.subject, row.fields_rev, row.fields)
        insert_lookups(unit, [row for move in moves for row in move.indexes], self._catalogue, unique=unique)


def insert_lookups(
    unit: WriteUnit, rows: Sequence[IndexRow], catalogue: Catalogue, *, unique: bool = True
) -> None:
    """Blind-index rows as the catalogue wants them: unique or shared. Raises Conflict for a unique one that is taken.

    Two people with one unique value among `rows` (the catalogue once let them) share it, and it finds neither.
    """
    people: dict[bytes, set[SubjectId]] = {}
    for row in rows:
        people.setdefault(row.value, set()).add(row.subject)
    split: tuple[list[IndexRow], list[IndexRow]] = ([], [])
    for row in rows:
        field = catalogue.field_by_number.get(row.field)
        alone = unique and field is not None and field.lookup == "unique" and len(people[row.value]) == 1
        split[alone].append(row)
    for alone in (False, True):
        if split[alone]:
            unit.insert_indexes(split[alone], unique=alone)


def inner_indexes(
    keyring: Keyring, vault: VaultId, epoch: int, row: SubjectRow, keys: SubjectKeys
) -> Iterator[IndexRow]:
    """A row's blind-index rows under `epoch`, from the sealed inner halves. Raises IntegrityError."""
    prefix = None
    for entry in parse_packed(row.fields):
        if entry[1] == INNER:
            prefix = prefix or field_aad_prefix(vault, row.subject)
            inner = open_value(keys.data_cipher, prefix, entry)
            yield IndexRow(index(keyring, vault, epoch, inner), row.subject, entry[0], epoch)
