"""Imports a file: batch by batch, each batch with its progress in one transaction, so that a stopped run goes on.

Refuses single rows, never the rest: a bad row goes to FILE.rejects.csv with line, column and reason. A consent in a
file never overrides what the customer has said herself. Counts add up: rows = imported + unchanged + rejected.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import orjson

from privet.audit.leaf import Act, Decision
from privet.bootstrap.importing.rejects import Rejects
from privet.bootstrap.importing.rows import ColumnError, ImportedConsent, ImportedRow, RowReader
from privet.bootstrap.importing.source import BadRow, Position, Row, read_rows
from privet.bootstrap.parts import Parts
from privet.config.import_map import ImportMap, load_import_map
from privet.consent.ledger import LedgerBook
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import Millis
from privet.domain.request import By
from privet.errors import Conflict, IntegrityError, InvalidInput, PrivetError, Unavailable
from privet.intake.pipeline import Batch
from privet.intake.request import WriteRequest, Written
from privet.intake.working import Working

BATCH = 250
_TRIES = 8
_DAY = 86_400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportSummary:
    """What became of a file's rows, over all runs. rows = imported + unchanged + rejected."""

    rows: int = 0
    imported: int = 0
    unchanged: int = 0
    rejected: int = 0
    created: int = 0
    """People who are new."""
    records: int = 0
    """Records that are new."""
    consents: int = 0
    """Consents recorded; those the customer had decided herself are not counted."""
    resumed: int = 0
    """Rows that an earlier run of the same file had done."""
    rejects: str | None = None
    """The rejects file, when there is one."""


Progress = Callable[[int, int], None]
"""(bytes done, bytes in all)"""


class Importer:
    """Imports files as the steward."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._book = LedgerBook(vault=parts.vault, randomness=parts.randomness)

    def run(
        self, file: Path, map_file: Path, *, rejects: Path | None = None, progress: Progress | None = None
    ) -> ImportSummary:
        """Imports `file` by the map. Raises InvalidInput for a bad map or header, Unavailable for disks.

        Run again on the same file, it goes on where it stopped; on one that was finished, it changes nothing.
        """
        columns = load_import_map(map_file, self._parts.catalogue)
        run, size = self._identify(file, map_file)
        done, kept = self._progress(run)
        reader = RowReader(self._parts.catalogue, columns)
        at = Position()
        rows = enumerate(read_rows(file, columns.columns, at), start=1)
        with Rejects(rejects or file.with_name(file.name + ".rejects.csv"), kept) as bad:
            total = replace(done, resumed=done.rows)
            for _, row in islice(rows, done.rows):
                if isinstance(row, Row):
                    _replay(reader, row)
            while chunk := [row for _, row in islice(rows, BATCH)]:
                total = self._batch(run, total, chunk, reader, columns, bad)
                if progress is not None:
                    progress(min(size, at.done), size)
            self._parts.checkpointer.tick()
            if progress is not None:
                progress(size, size)
            return replace(total, rejects=str(bad.path) if total.rejected else None)

    def _identify(self, file: Path, map_file: Path) -> tuple[bytes, int]:
        """A run is a file's content, a map's, and the catalogue: the same three again are the same run."""
        digest = hashlib.sha256(b"privet/import/v1" + bytes.fromhex(self._parts.catalogue.digest))
        try:
            digest.update(hashlib.sha256(map_file.read_bytes()).digest())
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256")
                size = stream.tell()
        except OSError as error:
            raise Unavailable(f"{file} cannot be read ({error.strerror})") from None
        digest.update(content.digest())
        return digest.digest(), size

    def _progress(self, run: bytes) -> tuple[ImportSummary, int]:
        with self._parts.store.read() as unit:
            self._parts.resolver.learn(unit.state().epochs)
            stored = unit.import_progress(run)
        if stored is None:
            return ImportSummary(), 0
        found = _parse_progress(stored)
        if found is None:
            raise IntegrityError("the stored progress of this import does not read; restore a backup")
        return found

    def _batch(
        self,
        run: bytes,
        total: ImportSummary,
        chunk: list[Row | BadRow],
        reader: RowReader,
        columns: ImportMap,
        bad: Rejects,
    ) -> ImportSummary:
        """One transaction of rows. Rejects are on disk before it commits, so none is ever lost."""
        read: list[ImportedRow | BadRow] = [_read(reader, row) for row in chunk]
        start = bad.size
        for _ in range(_TRIES):
            bad.cut(start)
            try:
                with self._parts.store.write() as unit:
                    rows = [row for row in read if isinstance(row, ImportedRow)]
                    self._parts.intake.expect(
                        unit, [self._request(row, columns, row.profile) for row in rows]
                    )
                    batch = self._parts.intake.begin(unit)
                    after = self._apply(batch, total, read, columns, bad)
                    self._parts.intake.finish(batch)
                    bad.sync()
                    told = {k: v for k, v in asdict(after).items() if k not in ("resumed", "rejects")}
                    unit.set_import_progress(run, orjson.dumps({**told, "rejects_size": bad.size}))
            except Conflict:
                continue
            self._parts.checkpointer.tick()
            return after
        raise Unavailable("other writers keep changing the people of this file; run the import again")

    def _apply(
        self,
        batch: Batch,
        total: ImportSummary,
        rows: list[ImportedRow | BadRow],
        columns: ImportMap,
        bad: Rejects,
    ) -> ImportSummary:
        counts = asdict(total)
        for row in rows:
            counts["rows"] += 1
            if isinstance(row, ImportedRow):
                try:
                    changed = self._row(batch, row, columns, counts)
                    counts["imported" if changed else "unchanged"] += 1
                    continue
                except Conflict as conflict:
                    if conflict.code != "lookup_taken":
                        raise
                    row = BadRow(row.line, "", conflict.message)
                except InvalidInput as error:
                    row = BadRow(row.line, "", error.message)
            counts["rejected"] += 1
            bad.add(row)
        return ImportSummary(**counts)

    def _row(self, batch: Batch, row: ImportedRow, columns: ImportMap, counts: dict[str, int]) -> bool:
        """Writes one row; True when it changed anything. Raises before it has changed anything, or not at all."""
        working = self._profile(batch, row, columns, counts)
        changed = working is None
        intake = self._parts.intake
        if working is None:
            working = intake.find(batch, self._request(row, columns, {}))
            assert working is not None
        if row.record is not None and columns.collection is not None:
            request = self._request(row, columns, row.record)._replace(
                collection=columns.collection, key=row.key
            )
            if not intake.holds_record(batch, working, request):
                written = _check(intake.apply(batch, request))
                counts["records"] += written.new_record
                changed = True
        for consent in row.consents:
            if self._consent(batch, working, consent):
                counts["consents"] += 1
                changed = True
        return changed

    def _profile(
        self, batch: Batch, row: ImportedRow, columns: ImportMap, counts: dict[str, int]
    ) -> Working | None:
        """Writes what of the profile is new. The person as she was found, or None when she was written."""
        request = self._request(row, columns, row.profile)
        try:
            working = self._parts.intake.find(batch, request)
        except IntegrityError:
            raise InvalidInput("this person's stored row does not open; run `privet doctor`") from None
        if working is not None:
            fields = self._parts.catalogue.fields
            new = {
                path: value
                for path, value in row.profile.items()
                if not self._parts.sealer.holds(working, fields[path], value)
            }
            if not new:
                return working
            request = request._replace(values=new)
        elif not columns.fields:
            raise InvalidInput(f"nobody here has this {columns.lookup}; import the people first")
        written = _check(self._parts.intake.apply(batch, request))
        counts["created"] += written.created
        return None

    def _consent(self, batch: Batch, working: Working, consent: ImportedConsent) -> bool:
        """Records an imported consent, unless the customer or a service has said something already."""
        parts = self._parts
        now = parts.clock()
        held = working.facts.consents.get(consent.purpose)
        if held is not None and held.status not in (ConsentStatus.UNKNOWN, ConsentStatus.REQUESTED):
            return False
        purpose = parts.catalogue.purposes[consent.purpose]
        status = ConsentStatus.GIVEN if consent.given else ConsentStatus.REFUSED
        at = Millis(min(consent.at or now, now))
        notice = parts.catalogue.notices.get(purpose.notice) if purpose.notice else None
        entry = parts.scribe.act(
            Act.CONSENT,
            Decision.DONE,
            {
                "actor": "steward",
                "purpose": purpose.name,
                "status": status.value,
                "notice_version": notice.version if notice else None,
                "source": consent.source or "import",
            },
            keys=working.keys,
            subject=working.subject,
            purpose=purpose.name,
        )
        record = ConsentRecord(
            seq=working.facts.ledger + 1,
            purpose=purpose.name,
            status=status,
            at=at,
            until=Millis(at + purpose.consent_days * _DAY)
            if purpose.consent_days and consent.given
            else None,
            notice=purpose.notice,
            notice_version=notice.version if notice else None,
            actor="steward",
            source=consent.source or "import",
            audit_id=entry.id.hex(),
        )
        working.set_facts(self._book.record(batch.unit, working.subject, working.keys, working.facts, record))
        parts.sealer.store(batch.unit, working, batch.state.epoch)
        batch.entries.append(entry)
        return True

    def _request(self, row: ImportedRow, columns: ImportMap, values: object) -> WriteRequest:
        return WriteRequest(None, columns.purpose, By(row.who.field, row.who.value), dict(values))  # type: ignore[call-overload]  # a mapping of checked values


def _parse_progress(stored: bytes) -> tuple[ImportSummary, int] | None:
    """Counts, and the size of the rejects file; None for what no run wrote."""
    try:
        told = orjson.loads(stored)
        if not all(type(count) is int and 0 <= count < 2**53 for count in told.values()):
            return None
        kept = int(told.pop("rejects_size"))
        return ImportSummary(**told), kept
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _check(outcome: Written | PrivetError) -> Written:
    if isinstance(outcome, PrivetError):
        raise outcome
    return outcome


def _read(reader: RowReader, row: Row | BadRow) -> ImportedRow | BadRow:
    if isinstance(row, BadRow):
        return row
    try:
        return reader.read(row)
    except ColumnError as error:
        return BadRow(row.line, error.column, error.reason)


def _replay(reader: RowReader, row: Row) -> None:
    """A row that is done already still counts towards the ordinals of equal rows after it."""
    _read(reader, row)
