"""What callers ask. Refuses nothing but malformed look-ups: whether a request may be met is for policy to say."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from privet.domain.decision import Operation
from privet.domain.ids import Millis
from privet.errors import InvalidInput

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

SUBJECT_TEXT: Final = "[A-Za-z0-9_-]{1,200}"
"""What a pairwise id is written with (crypto.pairwise issues them: `pw1_` and 43 of these), as a regular expression."""
_is_subject = re.compile(SUBJECT_TEXT).fullmatch


def parse_pairwise(subject: object) -> str:
    """A text that is written as ids are, whoever's it may be, if anybody's. Raises InvalidInput, without repeating it.

    An address or a telephone number would else be taken for an id, and nobody found by it: the caller should rather
    hear of the mistake. A forged or a broken id goes on, and is answered as nobody.
    """
    if isinstance(subject, str) and _is_subject(subject):
        return subject
    raise InvalidInput(
        "this is no pairwise id: one begins with pw1_, has 47 characters, and comes from an earlier answer. To name a "
        'person by an address or another look-up, write by(email=…); in JSON, {"email": "…"}',
        field="subject",
    )


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

    def __repr__(self) -> str:
        """Without subject and purpose: a caller may have put an address there."""
        return f"ReadRequest({self.service!r}, {self.operation.value!r}, hidden)"
