"""Stages 3, 4 and the last: open what was granted, reduce it, and hand it out once its leaf is durable.

A read whose row does not open is refused without harm to its neighbours: it is logged as failed.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from privet.crypto.keyring import Keyring
from privet.crypto.pairwise import PairwiseIds
from privet.crypto.revision import Revisions
from privet.decide.wording import Wording
from privet.decrypt.opening import Opener
from privet.domain.answer import Record, Refusal, View
from privet.domain.catalogue import Catalogue, Collection
from privet.domain.coarse import instant
from privet.domain.decision import Grant, GrantedField, Operation, Reason
from privet.domain.ids import NOBODY, VaultId
from privet.domain.ports import Clock
from privet.domain.request import ReadRequest
from privet.errors import IntegrityError, PrivetError
from privet.release.stages import MinimisedRead, OpenedRead, OpenedRecord, PermittedRead, ReleasedRead
from privet.transform.mask import mask
from privet.transform.minimise import Minimiser

_NO_VALUES: Mapping[str, object] = {}


class Disclosing:
    """The plaintext side of the pipeline."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        keyring: Keyring,
        vault: VaultId,
        minimiser: Minimiser,
        pairwise: PairwiseIds,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._opener = Opener(catalogue=catalogue, vault=vault)
        self._minimiser = minimiser
        self._pairwise = pairwise
        self._clock = clock
        self._wording = Wording(catalogue)
        self._revision = Revisions(keyring, catalogue.services).make

    def open(self, permitted: Sequence[PermittedRead]) -> list[OpenedRead]:
        """Plaintext of what was granted. A read that does not open carries its failure on."""
        return [self._open_one(read) for read in permitted]

    def _open_one(self, read: PermittedRead) -> OpenedRead:
        row, keys, verdict = read.identified.row, read.keys, read.verdict
        if not verdict.released or row is None or keys is None:
            return OpenedRead(read, {}, b"")
        try:
            if read.identified.request.operation is Operation.FIND:
                return OpenedRead(read, {}, b"")
            if read.identified.request.window is not None:
                return OpenedRead(read, {}, b"", self._open_series(read))
            values, revisions = self._opener.profile(keys, row, verdict.grant)
            return OpenedRead(read, values, revisions)
        except IntegrityError as failure:
            return OpenedRead(read, {}, b"", (), failure)

    def _open_series(self, read: PermittedRead) -> tuple[OpenedRecord, ...]:
        window, keys = read.identified.request.window, read.keys
        assert window is not None
        assert keys is not None
        collection = self._catalogue.collections[window.collection]
        time_path = f"{collection.name}.{collection.time}"
        grant = _with_time(read.verdict.grant, collection, time_path)
        oldest = self._oldest(collection)
        found = []
        for row in read.records:
            values = dict(self._opener.record(keys, row, grant).values)
            time = values.get(time_path)
            if not isinstance(time, date):
                raise IntegrityError("a stored record has no time")
            moment = instant(time)
            if (
                (window.since is None or moment >= window.since)
                and (window.until is None or moment <= window.until)
                and moment >= oldest
            ):
                if all(field.path != time_path for field in read.verdict.grant.fields):
                    del values[time_path]
                found.append(OpenedRecord(row, time, values))
        found.sort(key=lambda record: (instant(record.time), record.row.record), reverse=True)
        return tuple(found[: window.limit])

    def _oldest(self, collection: Collection) -> int:
        if collection.retention_days is None:
            return -(2**62)
        return self._clock() - int(timedelta(days=collection.retention_days).total_seconds() * 1000)

    def minimise(self, opened: Sequence[OpenedRead]) -> list[MinimisedRead]:
        """Values and records reduced to what the grant says."""
        reduce = self._minimiser.minimise
        return [
            MinimisedRead(
                read,
                reduce(read.values, read.permitted.verdict.grant) if read.values else _NO_VALUES,  # type: ignore[arg-type]  # the empty mapping is of any type
                tuple(self._minimise_record(read.permitted, record) for record in read.series)
                if read.series
                else (),
            )
            for read in opened
        ]

    def _minimise_record(self, permitted: PermittedRead, record: OpenedRecord) -> Record:
        request = permitted.identified.request
        row = record.row
        values = self._minimiser.minimise(record.values, permitted.verdict.grant)
        skip = len(request.window.collection) + 1 if request.window else 0
        return Record(
            id=self._pairwise.issue_record(request.service, row.subject, row.collection, row.record),
            time=self._time(permitted, record.time),
            values={path[skip:]: value for path, value in values.items()},
        )

    def _time(self, permitted: PermittedRead, time: date | datetime) -> date | datetime | None:
        """A record's time comes with any field of it, asked for or not, but never past the rules of its own field."""
        request = permitted.identified.request
        assert request.window is not None
        collection = self._catalogue.collections[request.window.collection]
        field = collection.fields[collection.time]
        granted = next((said for said in permitted.verdict.grant.fields if said.path == field.path), None)
        above = self._catalogue.ancestors.get(request.purpose, frozenset())
        below = self._catalogue.descendants.get(request.purpose, frozenset())
        if granted is not None:
            clear, masked = granted.transform is None, granted.transform == "mask"
        elif field.path in request.fields or field.special or field.prohibit & (above | below):
            return None
        else:
            clear, masked = bool(field.allow & above), bool(field.allow_masked & above)
        if clear:
            return time
        reduced = mask(field.type, time) if masked else None
        return reduced if isinstance(reduced, date) else None

    def release(self, minimised: Sequence[MinimisedRead], logged: Sequence[bytes]) -> list[ReleasedRead]:
        """What callers get. `logged` are the ids of the leaves, durable by now."""
        return [self._release_one(read, entry.hex()) for read, entry in zip(minimised, logged, strict=True)]

    def _release_one(self, read: MinimisedRead, audit_id: str) -> ReleasedRead:
        permitted = read.opened.permitted
        verdict, identified = permitted.verdict, permitted.identified
        if read.opened.failure is not None:
            refusal = self._failure(identified.request, Reason.UNREADABLE, audit_id)
            return ReleasedRead(None, refusal, audit_id, NOBODY, (), read.opened.failure)
        if not verdict.released:
            refusal = Refusal(
                reasons=verdict.reasons, withheld=verdict.withheld, message=verdict.message, audit_id=audit_id
            )
            return ReleasedRead(None, refusal, audit_id, NOBODY)
        service, who = identified.request.service, identified.request.subject
        view = View.of(
            who if isinstance(who, str) else self._pairwise.issue(service, identified.subject),
            read.values,
            verdict.withheld,
            audit_id,
            self._revision(service, identified.subject, read.opened.revisions, verdict.grant.numbers),
        )
        return ReleasedRead(view, None, audit_id, identified.subject, read.series)

    def failed(self, request: ReadRequest, reason: Reason, failure: PrivetError) -> ReleasedRead:
        """The answer to a read that could not even be logged: nothing is told, not even an audit id."""
        return ReleasedRead(None, self._failure(request, reason, ""), "", NOBODY, (), failure)

    def _failure(self, request: ReadRequest, reason: Reason, audit_id: str) -> Refusal:
        told = dict.fromkeys(request.fields, reason.value)
        withheld = self._wording.withheld(request.service, request.purpose, told)
        message = self._wording.refusal(withheld)
        return Refusal(reasons=(reason.value,), withheld=withheld, message=message, audit_id=audit_id)


def _with_time(grant: Grant, collection: Collection, time_path: str) -> Grant:
    """The time of a record comes with any field of it: a series without time is none."""
    number = collection.fields[collection.time].number
    if number in grant.numbers:
        return grant
    return Grant(
        fields=(*grant.fields, GrantedField(time_path, number, None)), numbers=grant.numbers | {number}
    )
