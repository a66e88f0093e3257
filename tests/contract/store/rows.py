"""Rows with nothing in them but seeded noise: the store never looks inside."""

import random

from privet.domain.ids import EntryId, Millis, RecordId, SubjectId
from privet.domain.ports import EntryRow, IndexRow, LedgerRow, RecordRow, SubjectRow

T0 = Millis(1_700_000_000_000)


class Rows:
    """Makes rows; equal seeds make equal rows."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def noise(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def subject(self) -> SubjectId:
        return SubjectId(self.noise(16))

    def row(self, subject: SubjectId | None = None, epoch: int = 1) -> SubjectRow:
        return SubjectRow(
            subject=subject or self.subject(),
            epoch=epoch,
            keys=self.noise(85),
            keys_rev=1,
            facts=self.noise(60),
            facts_rev=1,
            fields=self.noise(300),
            fields_rev=1,
        )

    def record(
        self, subject: SubjectId, *, collection: int = 7, coarse: int = 100, revision: int = 1
    ) -> RecordRow:
        return RecordRow(subject, collection, RecordId(self.noise(16)), coarse, revision, self.noise(80))

    def index(self, subject: SubjectId, *, value: bytes | None = None, epoch: int = 1) -> IndexRow:
        return IndexRow(value or self.noise(32), subject, 3, epoch)

    def ledger(self, subject: SubjectId, seq: int = 1) -> LedgerRow:
        return LedgerRow(subject, seq, self.noise(50))

    def entry(self, tag: bytes | None = None) -> EntryRow:
        return EntryRow(
            id=EntryId(self.noise(16)),
            leaf=b'{"n":' + self.noise(12).hex().encode() + b"}",
            sealed=self.noise(90),
            tag=tag or self.noise(32),
            ref=self.noise(32),
        )

    def entries(self, count: int) -> list[EntryRow]:
        return [self.entry() for _ in range(count)]
