"""The Merkle tree of RFC 6962: roots, inclusion proofs, consistency proofs.

Pure functions over a tiny hash reader. Refuses, with IntegrityError, every proof that does not
recompute the root to the byte, has a hash too many or too few, or speaks of a place outside the tree.
"""

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, Protocol

from privet.errors import IntegrityError, InvalidInput

HASH_BYTES: Final = 32
MAX_SIZE: Final = (1 << 53) - 1
EMPTY_ROOT: Final = sha256(b"").digest()

_FRONTIER_VERSION: Final = b"\x01"
_SIZE: Final = struct.Struct(">Q")

Coordinate = tuple[int, int]
"""(level, index): the perfect subtree over leaves [index << level, (index + 1) << level)."""


class HashReader(Protocol):
    """Reads hashes of perfect subtrees; asked for all it needs at once, so that it may batch."""

    def read_hashes(self, wanted: Sequence[Coordinate]) -> Sequence[bytes]:
        """One 32-byte hash for each coordinate, in order."""


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that is needed to append and to know the root.

    Mutable. Append to a `copy()` when the append may be rolled back.
    """

    __slots__ = ("_stack", "size")

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []  # roots of perfect subtrees, largest first

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frontier) and self.size == other.size and self._stack == other._stack

    __hash__ = None  # type: ignore[assignment]

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees that make up the tree, largest (leftmost) first."""
        return tuple(self._stack)

    def copy(self) -> "Frontier":
        twin = Frontier()
        twin.size = self.size
        twin._stack = self._stack.copy()
        return twin

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash (not leaf data)."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Adds leaf hashes in order; about one SHA-256 each."""
        stack, size, digest = self._stack, self.size, sha256
        pop, push = stack.pop, stack.append
        for node in leaves:
            rest = size
            while rest & 1:
                node = digest(b"\x01" + pop() + node).digest()
                rest >>= 1
            push(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The root at the present size; SHA-256 of nothing for the empty tree."""
        return _fold(self._stack) if self._stack else EMPTY_ROOT

    def to_bytes(self) -> bytes:
        """version(1) ‖ u64 size ‖ 32 bytes for each set bit of size, largest subtree first."""
        return b"".join((_FRONTIER_VERSION, _SIZE.pack(self.size), *self._stack))

    @classmethod
    def parse(cls, data: bytes) -> "Frontier":
        """From `to_bytes`; IntegrityError for anything else."""
        if len(data) < 9 or data[:1] != _FRONTIER_VERSION:
            raise IntegrityError("frontier: unknown format")
        (size,) = _SIZE.unpack_from(data, 1)
        count = size.bit_count()
        if size > MAX_SIZE or len(data) != 9 + HASH_BYTES * count:
            raise IntegrityError("frontier: size and length disagree")
        frontier = cls()
        frontier.size = size
        frontier._stack = [data[at : at + HASH_BYTES] for at in range(9, len(data), HASH_BYTES)]
        return frontier


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


class ListReader:
    """A HashReader over leaf hashes held in memory; inner hashes are made once, when asked for."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels: list[list[bytes]] = [list(leaves)]

    def read_hashes(self, wanted: Sequence[Coordinate]) -> Sequence[bytes]:
        levels = self._levels
        top = max((level for level, _ in wanted), default=0)
        while len(levels) <= top:
            below = levels[-1]
            levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
        try:
            return [levels[level][index] for level, index in wanted]
        except IndexError:
            raise IntegrityError("merkle: a hash beyond the tree") from None


def root_at(size: int, reader: HashReader) -> bytes:
    """The root of the first `size` leaves."""
    _check_size(size)
    return _read_ranges([(0, size)], reader)[0] if size else EMPTY_ROOT


def inclusion_proof(size: int, index: int, reader: HashReader) -> list[bytes]:
    """RFC 6962 §2.1.1, PATH(index, D[size]): from the leaf's sibling up to the root's child.

    Raises InvalidInput unless 0 <= index < size.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise InvalidInput("inclusion proof: no such entry in a tree of that size")
    low, high, ranges = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return _read_ranges(ranges[::-1], reader)


def consistency_proof(old: int, new: int, reader: HashReader) -> list[bytes]:
    """RFC 6962 §2.1.2, PROOF(old, D[new]). Empty when old is 0 or equals new.

    Raises InvalidInput unless 0 <= old <= new.
    """
    _check_size(new)
    if not 0 <= old <= new:
        raise InvalidInput("consistency proof: the old size must not exceed the new one")
    if old in (0, new):
        return []
    low, high, ranges = 0, new, []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:  # otherwise the subtree is the old tree itself, whose root the verifier has
        ranges.append((low, high))
    return _read_ranges(ranges[::-1], reader)


def verify_inclusion(*, size: int, index: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 §2.1.3.2. `leaf` is a leaf hash. Raises IntegrityError unless the proof holds."""
    if not 0 <= index < size <= MAX_SIZE:
        raise IntegrityError("inclusion proof: no such entry in a tree of that size")
    _check_hashes(proof, "inclusion proof")
    first, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise IntegrityError("inclusion proof: too long")
        if first & 1 or first == last:
            node = node_hash(sibling, node)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        first >>= 1
        last >>= 1
    if last != 0:
        raise IntegrityError("inclusion proof: too short")
    if node != root:
        raise IntegrityError("inclusion proof: it leads to another root")


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162 §2.1.4.2: the tree of `new` begins with the tree of `old`. Raises IntegrityError."""
    if not 0 <= old <= new <= MAX_SIZE:
        raise IntegrityError("consistency proof: the log shrank")
    _check_hashes(proof, "consistency proof")
    if old == 0 and old_root != EMPTY_ROOT:
        raise IntegrityError("consistency proof: the empty tree has another root")
    if old in (0, new):
        if proof:
            raise IntegrityError("consistency proof: too long")
        if old == new and old_root != new_root:
            raise IntegrityError("consistency proof: two roots at one size")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)  # the old tree is itself a node of the new one
    if not path:
        raise IntegrityError("consistency proof: too short")
    first, last = old - 1, new - 1
    while first & 1:
        first >>= 1
        last >>= 1
    before = after = path[0]
    for node in path[1:]:
        if last == 0:
            raise IntegrityError("consistency proof: too long")
        if first & 1 or first == last:
            before = node_hash(node, before)
            after = node_hash(node, after)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            after = node_hash(after, node)
        first >>= 1
        last >>= 1
    if last != 0:
        raise IntegrityError("consistency proof: too short")
    if before != old_root or after != new_root:
        raise IntegrityError("consistency proof: it leads to another root")


def subtrees(low: int, high: int) -> list[Coordinate]:
    """The perfect subtrees that make up leaves [low, high) of a right-hand range, left to right.

    `low` must be a multiple of the largest power of two below `high - low` (true of every range a proof asks for).
    """
    parts: list[Coordinate] = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append((level, low >> level))
        low += 1 << level
    return parts


def _read_ranges(ranges: Sequence[tuple[int, int]], reader: HashReader) -> list[bytes]:
    parts = [subtrees(low, high) for low, high in ranges]
    wanted = [coordinate for part in parts for coordinate in part]
    hashes = reader.read_hashes(wanted) if wanted else []
    roots, at = [], 0
    for part in parts:
        roots.append(_fold(hashes[at : at + len(part)]))
        at += len(part)
    return roots


def _fold(hashes: Sequence[bytes]) -> bytes:
    node = hashes[-1]
    for left in hashes[-2::-1]:
        node = node_hash(left, node)
    return node


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise InvalidInput("merkle: impossible tree size")


def _check_hashes(hashes: Sequence[bytes], what: str) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise IntegrityError(f"{what}: a hash that is not 32 bytes")
