"""The verifier over the LogReader port: gaps are stepped over, old origins recognised, damage named."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from privet.audit.checkpoint import Checkpoint, sign_checkpoint
from privet.audit.damage import Fault
from privet.audit.merkle import root_of
from privet.audit.verify import stored_entries, verify_log
from privet.domain.ids import EntryId
from privet.domain.ports import LoggedRow
from privet.errors import IntegrityError
from tests.unit.audit.logs import ORIGIN, SIGNER, Log, make_log


class Reader:
    """A LogReader over a log in memory, which stops at a missing entry as the store's does."""

    def __init__(self, log: Log, origin: str = ORIGIN) -> None:
        self.log = log
        self.rows = {entry.pos: entry for entry in log.entries}
        self._origin = origin

    def size(self) -> int:
        return max(self.rows, default=-1) + 1

    def origin(self) -> str:
        return self._origin

    def entries(self, start: int, end: int) -> Iterator[LoggedRow]:
        for pos in range(start, end):
            if pos not in self.rows:
                raise IntegrityError(f"log entry {pos} is missing")
            entry = self.rows[pos]
            yield LoggedRow(pos, EntryId(entry.id or b""), entry.leaf, entry.sealed, None, None)

    def entries_newest(self, before: int | None = None, *, tag: bytes | None = None) -> Iterator[LoggedRow]:
        raise NotImplementedError

    def find_entry(self, entry: EntryId) -> LoggedRow | None:
        raise NotImplementedError

    def find_position(self, start: int) -> int | None:
        return min((pos for pos in self.rows if pos >= start), default=None)

    def leaf_hashes(self, start: int, end: int) -> Sequence[bytes]:
        raise NotImplementedError

    def read_tile(self, level: int, n: int) -> bytes | None:
        return self.log.tiles.find_tile(level, n)

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        return iter([(0, note.decode()) for note in self.log.checkpoints])

    def lag(self) -> int:
        return 0


def test_a_sound_log_passes_with_the_public_key_alone() -> None:
    """Entries, tiles, checkpoints and anchors agree; progress is told."""
    log, seen = make_log(300, (100, 300)), list[int]()
    report = verify_log(Reader(log), public=SIGNER.public, anchors=log.checkpoints[:1], progress=seen.append)
    assert report.ok
    assert (report.size, report.proven, report.checkpoints, report.anchors) == (300, 300, 2, 1)
    assert seen == [256]
    assert verify_log(Reader(make_log(0)), public=SIGNER.public).ok


def test_damage_and_gaps_are_named_together() -> None:
    """Missing entries do not hide an altered one behind them."""
    log = make_log(300, (300,))
    reader = Reader(log)
    del reader.rows[0], reader.rows[40], reader.rows[41]
    reader.rows[200] = log.entries[200]._replace(sealed=b"x")
    report = verify_log(reader, public=SIGNER.public)
    assert [(d.fault, d.first, d.last) for d in report.damages if d.fault is not Fault.CHECKPOINT] == [
        (Fault.MISSING, 0, 0),
        (Fault.MISSING, 40, 41),
        (Fault.SEALED, 200, 200),
    ]


def test_another_key_proves_nothing() -> None:
    """Under another public key no checkpoint holds; junk notes are told and do not stop it."""
    log = make_log(20, (20,))
    log.checkpoints.append(b"junk")
    report = verify_log(Reader(log), public=bytes(31) + b"\x01")
    assert [damage.fault for damage in report.damages] == [Fault.CHECKPOINT] * 2
    assert report.proven == 0


def test_checkpoints_before_a_restore_are_foreign() -> None:
    """The origin changed at a restore: the old notes, ours by signature, are counted and not compared."""
    log = make_log(20, (20,))
    root = root_of(entry.hash or b"" for entry in log.entries)
    fresh = sign_checkpoint(Checkpoint(origin="vault.example/log/2", size=20, root=root), SIGNER)
    log.checkpoints.append(fresh)
    report = verify_log(Reader(log, "vault.example/log/2"), public=SIGNER.public, anchors=log.checkpoints[:1])
    assert report.ok
    assert (report.foreign, report.proven) == (2, 20)


def test_names_that_no_note_can_carry_do_not_stop_it() -> None:
    """An origin with a space has no key of its own name, so nothing signed under it counts."""
    log = make_log(3)
    log.head = replace(log.head, origin="a b")
    assert verify_log(Reader(log, "a b"), public=SIGNER.public).ok


def test_an_endless_gap_ends() -> None:
    """A forged position of 2**40 is given up on, not walked to."""
    log = make_log(3)
    reader = Reader(log)

    class Hollow(Reader):
        def entries(self, start: int, end: int) -> Iterator[LoggedRow]:
            raise IntegrityError("missing")

    assert list(stored_entries(Hollow(log), 2**40)) == []
    assert [entry.pos for entry in stored_entries(reader, 3)] == [0, 1, 2]


def test_a_wide_gap_is_crossed_by_one_question() -> None:
    """What stands behind a million missing entries is reached without asking for each of them."""
    log = make_log(3)
    asked: list[int] = []

    class Torn(Reader):
        def entries(self, start: int, end: int) -> Iterator[LoggedRow]:
            asked.append(start)
            return super().entries(start, end)

    reader = Torn(log)
    reader.rows[10**6] = log.entries[2]._replace(pos=10**6)
    assert [entry.pos for entry in stored_entries(reader, 10**6 + 1)] == [0, 1, 2, 10**6]
    assert asked == [0, 10**6]
