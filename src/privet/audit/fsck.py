"""An independent rebuild of the log: every position, leaf, ciphertext, tile, root, checkpoint and anchor.

Needs no secret: the verifier keys suffice. A root alone says "somewhere"; stored leaf hashes (level-0 tiles, and
the hash column for the tail) pin the leaf, and its `ph` the sealed part. Signed roots judge between a leaf and a
stored hash that disagree. When leaf and sealed part of one entry are both off, the leaf is named as altered and
the sealed part as not matching it: an altered leaf cannot vouch for a ciphertext. When the stored hashes were
altered to fit, the narrowest range that the tiles above, the frontier and the checkpoints leave is named.
Never stops at the first fault, never raises for a damaged log: whatever is wrong is in the report.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from privet.audit.checkpoint import Checkpoint, verify_checkpoint
from privet.audit.damage import Damage, Fault, FsckReport, Head, StoredEntry
from privet.audit.leaf import Leaf, parse_leaf
from privet.audit.merkle import HASH_BYTES, Frontier, leaf_hash, root_of
from privet.audit.note import NoteKey
from privet.audit.tiles import WIDTH
from privet.domain.ids import EntryId
from privet.errors import PrivetError

FindTile = Callable[[int, int], bytes | None]
"""(level, n) → the stored hashes of a tile, full or partial, or None when it is not stored."""

ID_WINDOW: Final = 65_536
MAX_GAP: Final = 1 << 20

_NO_HASH: Final = bytes(HASH_BYTES)


class _Row(NamedTuple):
    """What is kept of an entry until its block of 256 is complete."""

    pos: int
    id: bytes | None
    computed: bytes
    stored: bytes | None
    parsed: bool
    matched: bool
    present: bool


class _Signed(NamedTuple):
    checkpoint: Checkpoint
    fault: Fault


def fsck(
    entries: Iterable[StoredEntry],
    *,
    head: Head,
    keys: Sequence[NoteKey] | NoteKey,
    checkpoints: Iterable[bytes] = (),
    anchors: Iterable[bytes] = (),
    find_tile: FindTile | None = None,
    progress: Callable[[int], None] | None = None,
    limit: int = 1000,
) -> FsckReport:
    """Rebuilds the log from `entries` (in order of position) and compares it with all that speaks of it.

    `checkpoints` and `anchors` are signed notes: from the database, and from outside it. `progress` gets the number of
    entries done, about every 256. At most `limit` damages are kept; memory is bounded but for the checkpoints.
    """
    check = _Fsck(head, keys, find_tile, limit)
    for note in checkpoints:
        check.take_signed(note, Fault.CHECKPOINT)
    for note in anchors:
        check.take_signed(note, Fault.ANCHOR)
    check.begin()
    for done, entry in enumerate(entries, 1):
        check.take(entry)
        if progress is not None and done % WIDTH == 0:
            progress(done)
    return check.finish()


class _Fsck:
    def __init__(
        self, head: Head, keys: Sequence[NoteKey] | NoteKey, find_tile: FindTile | None, limit: int
    ) -> None:
        self._head = head
        self._keys = keys
        self._find_tile = find_tile or (lambda _level, _n: None)
        self._tiled = any(self._find_tile(0, n) is not None for n in (0, 1))
        self._limit = limit
        self._damages: list[Damage] = []
        self._total = 0
        self._counts = {Fault.CHECKPOINT: 0, Fault.ANCHOR: 0}
        self._foreign = 0
        self._signed: dict[int, list[_Signed]] = {}
        self._tree = Frontier()
        self._proven = 0  # the largest signed size up to which every rebuilt root was right
        self._bad: int | None = None  # the smallest at which it was wrong
        self._aligned = True  # false once a gap was too wide to fill
        self._block: list[_Row] = []
        self._suspects: list[_Row] = []  # their stored hash says otherwise
        self._unvouched: list[_Row] = []  # in disorder, with no stored hash to tell which part
        self._loose: list[int] = []  # blocks that the tile above does not vouch for
        self._uppers: dict[int, bytes | None] = {}
        self._ids: set[bytes] = set()
        self._order: deque[bytes] = deque()
        self._newest_gone = b""
        self._late: list[int] = []

    # -- what was signed

    def take_signed(self, note: bytes, fault: Fault) -> None:
        self._counts[fault] += 1
        try:
            checkpoint = verify_checkpoint(note, self._keys)
        except PrivetError as error:
            self._report(fault, f"a stored {fault} does not verify ({error})")
            return
        if checkpoint.origin != self._head.origin:
            self._foreign += 1  # of the log before a restore
            return
        same = self._signed.setdefault(checkpoint.size, [])
        if same and same[0].checkpoint.root != checkpoint.root:
            self._report(Fault.FORK, f"two signed checkpoints of size {checkpoint.size} have different roots")
        same.append(_Signed(checkpoint, fault))

    # -- the entries

    def begin(self) -> None:
        self._compare(0)

    def take(self, entry: StoredEntry) -> None:
        expected = self._tree.size + len(self._block)
        pos = entry.pos
        if pos < expected or pos >= self._head.size:
            why = "its position is taken already" if pos < expected else "it stands beyond the log's size"
            self._report(Fault.EXTRA, why, pos, id_=entry.id)
            return
        if pos > expected:
            self._report(Fault.MISSING, "missing", expected, pos - 1)
            if pos - expected > MAX_GAP:
                self._aligned = False
            while self._aligned and expected < pos:
                self._push(_Row(expected, None, _NO_HASH, None, False, False, False))
                expected += 1
        if self._aligned:
            self._push(self._examine(entry))

    def _examine(self, entry: StoredEntry) -> _Row:
        data, sealed = _bytes(entry.leaf), _bytes(entry.sealed)
        leaf = _parse(data)
        entry_id = entry.id if leaf is None else leaf.id
        matched = leaf is not None and sha256(sealed).digest() == leaf.ph
        if entry.id is not None and leaf is not None and entry.id != leaf.id:
            self._report(Fault.ID, "the id it is stored under is not its leaf's", entry.pos, id_=leaf.id)
        if leaf is not None:
            self._watch_id(entry.pos, leaf.id)
        return _Row(entry.pos, entry_id, leaf_hash(data), entry.hash, leaf is not None, matched, present=True)

    def _watch_id(self, pos: int, entry_id: bytes) -> None:
        """Exact within a window; an id older than all that left it is late, and kept to compare."""
        if entry_id in self._ids:
            self._report(Fault.DUPLICATE, "an earlier entry has the same id", pos, id_=entry_id)
            return
        if entry_id[:6] < self._newest_gone and len(self._late) < self._limit:
            self._late.append(pos)
        self._ids.add(entry_id)
        self._order.append(entry_id)
        if len(self._order) > ID_WINDOW:
            gone = self._order.popleft()
            self._ids.discard(gone)
            self._newest_gone = max(self._newest_gone, gone[:6])

    def _push(self, row: _Row) -> None:
        self._block.append(row)
        if len(self._block) == WIDTH:
            self._close_block()

    def _close_block(self) -> None:
        block, self._block = self._block, []
        n = self._tree.size // WIDTH
        full = len(block) == WIDTH
        tile = _bytes(self._find_tile(0, n))
        tiled = len(tile) // HASH_BYTES
        if full and tiled != WIDTH and (tile or self._tiled):
            self._report(Fault.HASH, f"hash tile {n} is missing or cut short", block[0].pos, block[-1].pos)
        computed: list[bytes] = []
        believed: list[bytes] = []
        suspects: list[_Row] = []
        for i, row in enumerate(block):
            stored = tile[i * HASH_BYTES : (i + 1) * HASH_BYTES] if i < tiled else row.stored
            mine = row.computed if row.present else (stored or _NO_HASH)
            computed.append(mine)
            believed.append(stored or mine)
            if row.present and stored is not None and stored != mine:
                suspects.append(row)
            elif row.present and stored is None and not row.matched:
                self._unvouched += [row] * (len(self._unvouched) < self._limit)
            elif row.present:
                self._judge(row, altered=False)
                if row.stored not in (None, mine):
                    self._report(Fault.HASH, "its stored hash is wrong", row.pos, id_=row.id)
        suspects = self._ask_above(n, computed, believed, suspects) if full else suspects
        self._suspects += suspects[: self._limit]
        self._grow(computed)

    def _ask_above(
        self, n: int, computed: list[bytes], believed: list[bytes], suspects: list[_Row]
    ) -> list[_Row]:
        """What the tile above says of a full block: clears its leaves, or marks the block as loose."""
        above = self._above(n)
        if above is None:
            return suspects
        if suspects and root_of(computed) == above:
            self._report(Fault.HASH, f"hash tile {n} was altered", n * WIDTH, n * WIDTH + WIDTH - 1)
            for row in suspects:
                self._judge(row, altered=False)
            return []
        if root_of(believed) != above:
            self._loose.append(n)
        return suspects

    def _above(self, n: int) -> bytes | None:
        tile, i = divmod(n, WIDTH)
        if tile not in self._uppers:
            self._uppers = {tile: self._find_tile(1, tile)}
        data = self._uppers[tile]
        found = _bytes(data)[i * HASH_BYTES : (i + 1) * HASH_BYTES]
        return found if len(found) == HASH_BYTES else None

    def _grow(self, hashes: list[bytes]) -> None:
        """Appends to the tree, stopping at each size of which something signed speaks."""
        start, end = self._tree.size, self._tree.size + len(hashes)
        for size in sorted(size for size in range(start + 1, end) if size in self._signed):
            self._tree.extend(hashes[self._tree.size - start : size - start])
            self._compare(size)
        self._tree.extend(hashes[self._tree.size - start :])
        self._compare(end)

    def _compare(self, size: int) -> None:
        for signed in self._signed.pop(size, ()):
            if signed.checkpoint.root != self._tree.root():
                self._bad = size if self._bad is None else self._bad
                self._report(signed.fault, f"the signed {signed.fault} of size {size} is of another tree")
            elif self._bad is None:
                self._proven = size

    def _judge(self, row: _Row, *, altered: bool) -> None:
        """Reports what is wrong with one entry, if anything."""
        if altered and row.matched:
            self._report(Fault.LEAF, "its leaf was altered", row.pos, id_=row.id)
        elif altered:
            what = "its leaf was altered, and its sealed part does not match it"
            self._report(Fault.ENTRY, what, row.pos, id_=row.id)
        elif not row.parsed:
            self._report(Fault.LEAF, "its leaf is not a well-formed leaf", row.pos, id_=row.id)
        elif not row.matched:
            self._report(Fault.SEALED, "its sealed part was altered", row.pos, id_=row.id)

    # -- the end

    def finish(self) -> FsckReport:
        if self._block:
            self._close_block()
        tree, head = self._tree, self._head
        if tree.size < head.size and self._aligned:
            self._report(Fault.MISSING, "missing", tree.size, head.size - 1)
        for size, group in sorted(self._signed.items()):
            if size > tree.size and self._aligned:
                self._report(Fault.ROLLBACK, f"a signed {group[0].fault} tells of {size} entries")
        self._explain()
        self._damages.sort(key=lambda damage: (damage.first is None, damage.first or 0))
        return FsckReport(
            size=tree.size,
            root=tree.root(),
            proven=self._proven,
            checkpoints=self._counts[Fault.CHECKPOINT],
            anchors=self._counts[Fault.ANCHOR],
            foreign=self._foreign,
            damages=tuple(self._damages),
            total=self._total,
            late=tuple(self._late),
        )

    def _explain(self) -> None:
        """Judges between leaves and stored hashes; if the root is wrong and no entry is to blame, names a range."""
        tree, head = self._tree, self._head
        agrees = self._aligned and tree.size == head.size and tree.root() == head.root
        sound = tree.size if agrees and self._bad is None else self._proven  # leaves below it are genuine
        blamed = any(damage.fault is Fault.MISSING for damage in self._damages)
        for row in self._suspects:
            if row.pos < sound:
                self._report(Fault.HASH, "its stored hash is wrong", row.pos, id_=row.id)
            self._judge(row, altered=row.pos >= sound)
        for row in self._unvouched:
            if row.parsed and row.pos >= sound:
                self._report(Fault.ENTRY, "its leaf or its sealed part was altered", row.pos, id_=row.id)
            else:
                self._judge(row, altered=False)
        named = [row.pos for row in (*self._suspects, *self._unvouched) if row.pos >= sound]
        for n in self._loose:
            first, last = n * WIDTH, n * WIDTH + WIDTH - 1
            if last < sound:
                self._report(Fault.HASH, f"the hash above tile {n} is wrong", first, last)
            elif not any(first <= pos <= last for pos in named):
                self._report(Fault.RANGE, "altered, and its stored hashes with it", first, last)
                blamed = True
        if blamed or named or not self._aligned:
            return
        if self._bad is not None:
            for first, last in self._narrow(self._proven, self._bad - 1):
                self._report(Fault.RANGE, "altered; no stored hash tells which", first, last)
        elif not agrees and head.root is not None:
            self._explain_tail()

    def _explain_tail(self) -> None:
        """All that was signed holds; the head, or an entry since the last checkpoint, does not."""
        frontier = self._frontier()
        if self._proven == self._tree.size or (frontier is not None and frontier == self._tree):
            self._report(Fault.HEAD, "the stored head is not that of the entries")
            return
        for first, last in self._narrow(self._proven, self._tree.size - 1):
            self._report(
                Fault.RANGE, "altered, or the stored head was; no stored hash tells which", first, last
            )

    def _narrow(self, first: int, last: int) -> list[tuple[int, int]]:
        """[first, last], cut to the subtrees on which the stored frontier and the rebuilt one differ."""
        frontier = self._frontier()
        if frontier is None or frontier.size != self._tree.size:
            return [(first, last)]
        parts, at = [], 0
        for bit in range(frontier.size.bit_length() - 1, -1, -1):
            if frontier.size >> bit & 1:
                parts.append((at, at + (1 << bit) - 1))
                at += 1 << bit
        off = [part for part, a, b in zip(parts, frontier.hashes, self._tree.hashes, strict=True) if a != b]
        cut = [(max(first, low), min(last, high)) for low, high in off]
        return [(low, high) for low, high in cut if low <= high] or [(first, last)]

    def _frontier(self) -> Frontier | None:
        """The stored frontier, if it stands for the stored head."""
        try:
            frontier = Frontier.parse(self._head.frontier or b"")
        except PrivetError:
            return None
        return frontier if frontier.root() == self._head.root else None

    def _report(
        self,
        fault: Fault,
        what: str,
        first: int | None = None,
        last: int | None = None,
        id_: bytes | None = None,
    ) -> None:
        self._total += 1
        if len(self._damages) < self._limit:
            last = first if last is None else last
            named = None if id_ is None else EntryId(id_)
            self._damages.append(Damage(fault=fault, what=what, first=first, last=last, id=named))


def _bytes(value: object) -> bytes:
    """SQLite columns hold what they are given, whatever their type says."""
    return value if isinstance(value, bytes) else b""


def _parse(data: bytes) -> Leaf | None:
    try:
        return parse_leaf(data)
    except PrivetError:
        return None
