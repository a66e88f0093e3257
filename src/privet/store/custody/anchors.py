"""Anchors: the newest signed checkpoints, outside the database, so that an older copy of it is known for one.

Refuses to go backwards: an anchor of a smaller log never replaces that of a larger one, and two roots for one size are
a fork. Keep the directory on another disk, or have it replicated: it is worth what its distance is.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from privet.audit.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from privet.audit.merkle import Frontier, subtrees
from privet.audit.note import NoteKey
from privet.audit.tiles import WIDTH, TileReader, tile_root
from privet.crypto.signing import Signer
from privet.domain.ids import Millis
from privet.domain.ports import LogReader, Store
from privet.errors import IntegrityError, InvalidInput, RestoreNeeded, Unavailable
from privet.store.custody.durable import disk, locked, read_bytes, replace_file
from privet.store.log_reader import SqlLogReader

LATEST: Final = "latest"
_BUSY: Final = "another process has been writing the anchors for 5 s; try again"


class Anchors:
    """The anchors of one vault in the directory `path`: `latest`, and one file a log."""

    def __init__(self, path: Path, public: bytes) -> None:
        """`public`: the vault's Ed25519 key, which signs them."""
        self.path = path
        self._public = public

    def find_latest(self) -> tuple[Checkpoint, bytes] | None:
        """What the newest anchor says, and its note. Raises IntegrityError when it is not signed by the vault."""
        file = self.path / LATEST
        if not file.exists():
            if any(self._logs()):
                raise IntegrityError("the newest anchor was removed: put the anchors' replica back")
            return None
        note = read_bytes(file, Unavailable("an anchor vanished"))
        return self._verify(note), note

    def notes(self) -> Iterator[bytes]:
        """Every anchor held, for the verifier to judge: the latest, the first of this log, the last of each before."""
        latest = self.path / LATEST
        for file in (*([latest] if latest.exists() else []), *self._logs()):
            yield read_bytes(file, Unavailable("an anchor vanished"))

    def write(self, note: bytes, *, successor: bool = False) -> int:
        """Durable when this returns. One of the log's past is passed over; a fork raises IntegrityError.

        Returns the size that is anchored now: that of `note`, or the larger one that another process anchored.

        `successor`: the log was started anew by a restore, so another origin than the latest one's is right.
        """
        new = self._verify(note)
        with locked(self.path / ".lock", _BUSY):
            held = self.find_latest()
            if held is not None and not successor:
                old = held[0]
                if old.origin != new.origin:
                    raise IntegrityError(
                        "the anchors are of another log than this one: run `privet audit verify`"
                    )
                if old.size == new.size and old.root != new.root:
                    raise _fork(new.size)
                if old.size >= new.size:
                    return old.size
            if held is not None and held[0].origin != new.origin:
                replace_file(self._of(held[0].origin), held[1])  # the last of the log before
            replace_file(self.path / LATEST, note)
            if not self._of(new.origin).exists():
                replace_file(self._of(new.origin), note)
        return new.size

    def verify_log(self, log: LogReader) -> None:
        """Raises RestoreNeeded when the log is older than its anchor, IntegrityError when it tells another story."""
        held = self.find_latest()
        if held is None:
            return
        anchor = held[0]
        # The anchor first: it may grow, in another process, while the log is looked at.
        origin, size = log.origin(), log.size()
        if origin != anchor.origin:
            raise RestoreNeeded(
                "the database is from before the last restore: put the current one back, or run `privet restore`"
            )
        if anchor.size > size:
            raise _older(size, anchor.size)
        if log_root(log, anchor.size) != anchor.root:
            raise _fork(anchor.size)

    def _of(self, origin: str) -> Path:
        return self.path / f"{sha256(origin.encode()).hexdigest()[:16]}.log"

    def _logs(self) -> list[Path]:
        with disk():
            return sorted(self.path.glob("*.log")) if self.path.is_dir() else []

    def _verify(self, note: bytes) -> Checkpoint:
        origin = note.partition(b"\n")[0].decode(errors="replace")
        try:
            key = NoteKey(name=origin, public=self._public)
        except InvalidInput:
            raise IntegrityError(
                "an anchor is not a signed checkpoint: put the anchors' replica back"
            ) from None
        return verify_checkpoint(note, key, origin=origin)


class Checkpointer:
    """Signs the log's size and root, stores and anchors them. `maybe` is called after commits, on the way of reads."""

    def __init__(
        self,
        *,
        store: Store,
        signer: Signer,
        anchors: Anchors,
        every_ms: int = 1_000,
        patience_ms: int = 60_000,
    ) -> None:
        self._store = store
        self._signer = signer
        self._anchors = anchors
        self._every = every_ms
        self._patience = patience_ms
        self._next = 0
        self._size = -1
        self._tree: Frontier | None = None
        self._failing: Millis | None = None

    def maybe(self, now: Millis) -> None:
        """A checkpoint, unless one was made less than a second ago. A passing failure waits for the next; one that
        lasts a minute is raised: the log must not go on for long unwitnessed."""
        if self._next - self._every <= now < self._next:
            return  # before that, the clock was put back: a second then is not waited for until it comes again
        self._next = now + self._every
        try:
            self.sign()
        except RestoreNeeded:
            self._next = now  # said each time, until it is not so any more
            raise
        except Unavailable:
            self._failing = now if self._failing is None else min(self._failing, now)
            if now - self._failing > self._patience:
                raise
        else:
            self._failing = None

    def sign(self) -> bytes | None:
        """A checkpoint over the log as it is now, stored and anchored; None when there is nothing new."""
        log = self._store.log
        size = log.size()
        if size == self._size:
            return None
        tree = self._grown(size)
        note = sign_checkpoint(Checkpoint(origin=log.origin(), size=size, root=tree.root()), self._signer)
        self._store.add_checkpoint(size, note.decode())
        anchored = self._anchors.write(note)
        if anchored > size and anchored > (now := log.size()):
            # What was anchored had been committed: the server behind us lacks it.
            raise _older(now, anchored)
        self._size, self._tree = size, tree
        return note

    def _grown(self, size: int) -> Frontier:
        """The tree at `size`: from tiles at first, then only by what is new."""
        log, tree = self._store.log, self._tree
        if tree is None or tree.size > size:
            return log_tree(log, size)
        tree = tree.copy()
        tree.extend(log.leaf_hashes(tree.size, size))
        return tree


def make_checkpoint(log: LogReader, size: int, signer: Signer) -> bytes:
    """The signed note over the first `size` entries."""
    return sign_checkpoint(Checkpoint(origin=log.origin(), size=size, root=log_root(log, size)), signer)


def log_root(log: LogReader, size: int) -> bytes:
    """The root of the first `size` entries, from tiles; only the last few leaves are hashed anew."""
    return log_tree(log, size).root()


def log_tree(log: LogReader, size: int) -> Frontier:
    """The tree of the first `size` entries, from tiles."""
    roots = TileReader(_Tiles(log), size).read_hashes(subtrees(0, size)) if size else ()
    return Frontier.parse(b"\x01" + size.to_bytes(8, "big") + b"".join(roots))


class _Tiles:
    """A TileSource over a LogReader, which keeps full tiles only."""

    def __init__(self, log: LogReader) -> None:
        self._log = log

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        if width == WIDTH:
            full = self._log.read_tile(level, n)
            if full is not None:
                return full
        if isinstance(self._log, SqlLogReader):
            return self._log.read_part(level, n, width)
        if level == 0:
            return b"".join(self._log.leaf_hashes(n * WIDTH, n * WIDTH + width))
        below = range(n * WIDTH, n * WIDTH + width)
        return b"".join(tile_root(self.read_tile(level - 1, number, WIDTH)) for number in below)


def _older(size: int, anchored: int) -> RestoreNeeded:
    return RestoreNeeded(
        f"the database is older than its anchor: its log has {size} entries of {anchored} that were "
        "witnessed; put the newest database back, or run `privet restore`"
    )


def _fork(size: int) -> IntegrityError:
    return IntegrityError(
        f"the log was altered before entry {size}: it is not the one that was witnessed; "
        "`privet audit verify` names the entry, `privet restore` brings back a copy"
    )
