"""Logs to be damaged and rebuilt, and what a rebuild finds."""

from privet.audit.checkpoint import Checkpoint, sign_checkpoint
from privet.audit.damage import Fault, FsckReport
from privet.audit.fsck import fsck
from tests.unit.audit.logs import KEY, SIGNER, Log, make_log

BIG = make_log(600, (0, 100, 300, 512, 600))
BARE = make_log(600, (0, 100, 300, 512, 600), column=False)


def check(log: Log, anchors: tuple[bytes, ...] = (), **changes: object) -> FsckReport:
    parts = {"head": log.head, "keys": KEY, "checkpoints": log.checkpoints, "find_tile": log.tiles.find_tile}
    return fsck(log.entries, anchors=anchors, **(parts | changes))  # type: ignore[arg-type]


def copy(log: Log) -> Log:
    tiles = type(log.tiles)()
    tiles.rows, tiles.leaves = dict(log.tiles.rows), log.tiles.leaves
    return Log(list(log.entries), tiles, log.head, list(log.checkpoints))


def spoil(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def reword(leaf: bytes) -> bytes:
    """A well-formed leaf that says something else."""
    return leaf.replace(b"service-personalisation", b"service-personalisatiom")


def found(report: FsckReport) -> list[tuple[Fault, int | None, int | None]]:
    return [(damage.fault, damage.first, damage.last) for damage in report.damages]


def signed_as(origin: str, size: int) -> bytes:
    """A checkpoint of another log, well signed."""
    return sign_checkpoint(Checkpoint(origin=origin, size=size, root=bytes(32)), SIGNER)
