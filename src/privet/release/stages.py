"""The types a read passes through, one a stage.

ReadRequest → IdentifiedRead → PermittedRead → OpenedRead → MinimisedRead → ReleasedRead. Each stage takes only the
type of the one before it, so mypy proves their order; only a ReleasedRead has values that a caller can see. They are
named tuples, not dataclasses: a batch makes hundreds. Those with plaintext do not show it in a repr.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from privet.config.values import Value
from privet.crypto.envelope import SubjectKeys
from privet.decide.question import Asked
from privet.decide.verdict import Verdict
from privet.domain.answer import Record, Refusal, View
from privet.domain.ids import SubjectId
from privet.domain.ports import RecordRow, SubjectRow
from privet.domain.request import ReadRequest
from privet.errors import PrivetError


class IdentifiedRead(NamedTuple):
    """A read whose subject was looked for. `row` is None when nobody was found: the phantom stands in."""

    request: ReadRequest
    asked: Asked
    subject: SubjectId
    row: SubjectRow | None


class PermittedRead(NamedTuple):
    """A decided read. `keys` is None when there is nobody, or when her row does not open."""

    identified: IdentifiedRead
    verdict: Verdict
    keys: SubjectKeys | None
    records: tuple[RecordRow, ...] = ()


class OpenedRecord(NamedTuple):
    row: RecordRow
    time: date | datetime
    values: Mapping[str, Value | None]

    def __repr__(self) -> str:
        return "OpenedRecord(hidden)"


class OpenedRead(NamedTuple):
    """Plaintext of granted fields only, as stored. `failure` keeps this one read back; its neighbours go on."""

    permitted: PermittedRead
    values: Mapping[str, Value | None]
    revisions: bytes
    series: tuple[OpenedRecord, ...] = ()
    failure: PrivetError | None = None

    def __repr__(self) -> str:
        return "OpenedRead(hidden)"


class MinimisedRead(NamedTuple):
    """Values reduced to what the decision grants. Still nobody's to see: its leaf is not durable."""

    opened: OpenedRead
    values: Mapping[str, Value | None]
    series: tuple[Record, ...] = ()

    def __repr__(self) -> str:
        return "MinimisedRead(hidden)"


class ReleasedRead(NamedTuple):
    """A read whose leaf is durable. One of `view` and `refusal` is set, or `failure` says what broke."""

    view: View | None
    refusal: Refusal | None
    audit_id: str
    subject: SubjectId
    series: tuple[Record, ...] = ()
    failure: PrivetError | None = None
