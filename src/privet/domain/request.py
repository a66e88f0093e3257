"""What callers ask, and the types a read passes through, one a stage.

ReadRequest → IdentifiedRead → PermittedRead → OpenedRead → MinimisedRead → ReleasedRead. Each stage takes only the
type of the one before it, so mypy proves their order; only a ReleasedRead has values that a caller can see. They are
named tuples, not dataclasses: a batch makes thousands.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from privet.domain.answer import Record, Refusal, View
from privet.domain.decision import Decision, Operation
from privet.domain.ids import EntryId, Millis, SubjectId
from privet.domain.ports import RecordRow, SubjectRow
from privet.errors import InvalidInput, PrivetError

MAX_NAME = 200
"""Longest name of a purpose or field that is looked at."""
MAX_FIELDS = 1000
"""Most fields one read may name."""


@dataclass(frozen=True, slots=True)
class By:
    """A person named by one look-up value, wherever a subject is taken. The value never shows in a repr."""

    field: str
    value: str = dataclasses.field(repr=False)


def by(**lookup: str) -> By:
    """Names a person by exactly one look-up field: `by(email="ada@example.org")`.

    Raises InvalidInput for none, for two, and for a value that is not a string.
    """
    if len(lookup) != 1:
        raise InvalidInput(f"name a person by exactly one look-up field, not {len(lookup)}")
    name, value = next(iter(lookup.items()))
    if not isinstance(value, str):
        raise InvalidInput(f"the look-up value of {name} must be a string", field=name)
    return By(name, value)


SubjectRef = str | By
"""A pairwise id of the asking service, or a look-up."""


class Window(NamedTuple):
    """The part of a collection that a history asks for; times inclusive."""

    collection: str
    since: Millis | None
    until: Millis | None
    limit: int | None


class ReadRequest(NamedTuple):
    """One read as asked. `fields` are full catalogue paths, distinct, in the caller's order."""

    service: str
    operation: Operation
    purpose: str
    subject: SubjectRef
    fields: tuple[str, ...]
    window: Window | None = None
    peer: str = ""
    """What the edge knows of the caller (request id, certificate name); into the log's private part."""


class IdentifiedRead(NamedTuple):
    """A read whose subject was looked for. `row` is None when nobody was found: the phantom stands in."""

    request: ReadRequest
    lookup: str
    """The look-up field used, or ""."""
    subject: SubjectId | None
    row: SubjectRow | None


class PermittedRead(NamedTuple):
    """A decided read. `told` is what the caller may hear; `decision` is what is true."""

    identified: IdentifiedRead
    decision: Decision
    told: Mapping[str, str]
    """Reason by field withheld, as the caller may hear it."""
    question: bytes
    """The canonical input that was decided."""
    records: tuple[RecordRow, ...] = ()


class OpenedRead(NamedTuple):
    """Plaintext of permitted fields only, as stored: by path, or by record and path."""

    permitted: PermittedRead
    plain: Mapping[str, object]
    revisions: tuple[int, ...]
    series: tuple[tuple[RecordRow, Mapping[str, object]], ...] = ()
    failure: PrivetError | None = None
    """What kept this one from opening; it is logged and refused, its neighbours go on."""


class MinimisedRead(NamedTuple):
    """Plaintext reduced to what the decision grants."""

    opened: OpenedRead
    values: Mapping[str, object]
    series: tuple[Record, ...] = ()


class ReleasedRead(NamedTuple):
    """A read whose leaf is durable. Exactly one of `view` and `refusal` is set."""

    entry: EntryId
    view: View | None
    refusal: Refusal | None
    series: tuple[Record, ...] = ()
