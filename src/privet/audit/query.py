"""Searching the log: filters that AND, newest first, streamed.

Clear-text filters are looked at before anything is opened; only then the private part. Refuses to skip over a damaged
entry: it raises IntegrityError, naming it, since a log with a hole answers nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from privet.audit.entry import Private
from privet.audit.leaf import Leaf, parse_leaf
from privet.audit.reading import EntryReader
from privet.domain.ids import EntryId, Millis, from_millis
from privet.domain.ports import LoggedRow, LogReader
from privet.errors import IntegrityError


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFilter:
    """What to look for; None leaves a filter out. `subject` asks for one person's entries, by her tag."""

    tag: bytes | None = None
    service: str | None = None
    purpose: str | None = None
    field: str | None = None
    decision: str | None = None
    act: str | None = None
    reason: str | None = None
    request: str | None = None
    since: Millis | None = None
    until: Millis | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditLine:
    """One entry as an officer reads it: who did what, for what purpose, to which fields, with what outcome."""

    position: int
    audit_id: str
    at: datetime
    act: str
    decision: str
    service: str | None
    actor: str | None
    """Who acted where it was no service: customer, steward, officer:NAME."""
    request: str | None
    """The id of the request that it came by (X-Request-Id); None where nobody gave one, and of the erased."""
    credential: str | None
    """What the caller showed, short and public: `key:…`, `jwt:…`, `cert:…`."""
    purpose: str | None
    basis: str | None
    policy: str | None
    classes: tuple[str, ...]
    count: int
    subject: str | None
    """The subject's id within the vault, hex; None for nobody and for the erased."""
    fields: tuple[str, ...]
    """Released or written."""
    reasons: Mapping[str, str]
    """True reason by field refused."""
    sealed: bool
    """True when the private part is unreadable for good: its subject was erased."""
    detail: Mapping[str, object] = field(default_factory=dict)


class Newest(Protocol):
    """What a search needs of the log."""

    def entries_newest(
        self, before: int | None = None, *, tag: bytes | None = None
    ) -> Iterator[LoggedRow]: ...


def search(
    log: Newest, reader: EntryReader, wanted: AuditFilter, *, before: int | None = None
) -> Iterator[AuditLine]:
    """Matching entries below position `before`, newest first."""
    found = 0
    for row, leaf in leaves_since(log.entries_newest(before, tag=wanted.tag), wanted.since):
        if not _clear_match(leaf, wanted):
            continue
        try:
            line = to_line(row, leaf, reader)
        except IntegrityError as damage:
            raise _named(row, damage) from None
        if not _private_match(line, wanted):
            continue
        yield line
        found += 1
        if wanted.limit is not None and found >= wanted.limit:
            return


_SKEW = 600_000
"""Entries of several workers are in order of commit, not of clock: look this much further back."""
_STALE = 5_000
"""So many older ones in a row end it: a clock that was put back for a while stands between entries of the time."""


def leaves_since(rows: Iterable[LoggedRow], since: Millis | None) -> Iterator[tuple[LoggedRow, Leaf]]:
    """Entries, newest first, until those from before `since` begin: some of them may be among these.

    Raises IntegrityError, naming the entry, for one that is damaged.
    """
    stale = 0
    for row in rows:
        try:
            leaf = parse_leaf(row.leaf)
        except IntegrityError as damage:
            raise _named(row, damage) from None
        if since is not None and leaf.t_ms < since - _SKEW:
            stale += 1
            if stale == _STALE:
                return
            continue
        stale = 0
        yield row, leaf


def _named(row: LoggedRow, damage: IntegrityError) -> IntegrityError:
    return IntegrityError(f"log entry {row.pos} ({row.id.hex()}) is damaged: {damage.message}")


def find_question(log: LogReader, reader: EntryReader, entry: EntryId) -> tuple[AuditLine, Private] | None:
    """One entry with its private part, for replay: the canonical input that was decided is in it."""
    row = log.find_entry(entry)
    if row is None:
        return None
    leaf = parse_leaf(row.leaf)
    return to_line(row, leaf, reader), reader.read(row, leaf).private or {}


def find_line(log: LogReader, reader: EntryReader, entry: EntryId) -> AuditLine | None:
    """One entry by its audit id."""
    row = log.find_entry(entry)
    return None if row is None else to_line(row, parse_leaf(row.leaf), reader)


def to_line(row: LoggedRow, leaf: Leaf, reader: EntryReader) -> AuditLine:
    """The entry as a line. Raises IntegrityError when leaf and private part do not belong together."""
    subject, private = reader.read(row, leaf)
    shown: Private = private or {}
    nobody = shown.get("nobody") is True or subject is None or not any(subject)
    request, credential = _came_by(shown)
    return AuditLine(
        position=row.pos,
        audit_id=leaf.id.hex(),
        at=from_millis(leaf.t_ms),
        act=leaf.act,
        decision=leaf.decision.value,
        service=leaf.service,
        actor=shown.get("actor"),
        request=request,
        credential=credential,
        purpose=leaf.purpose or shown.get("purpose") or _asked(shown),
        basis=leaf.basis,
        policy=leaf.policy,
        classes=leaf.classes,
        count=leaf.n,
        subject=None if nobody or subject is None else subject.hex(),
        fields=_fields(leaf, shown),
        reasons=shown.get("reasons") or {},
        sealed=private is None,
        detail={key: value for key, value in shown.items() if key not in _SHOWN},
    )


_SHOWN = frozenset(
    {
        "subject", "actor", "fields", "reasons", "effects", "input", "nobody", "purpose",
        "peer", "request", "credential",
    }
)  # fmt: skip


def _came_by(private: Private) -> tuple[str | None, str | None]:
    """Request id and credential: of their own in an entry about a request, else together, as the peer's."""
    request, _, credential = str(private.get("peer") or "").partition(" ")
    return private.get("request") or request or None, private.get("credential") or credential or None


def _asked(private: Private) -> str | None:
    question = private.get("input")
    return question.get("purpose") or None if isinstance(question, dict) else None


def _fields(leaf: Leaf, private: Private) -> tuple[str, ...]:
    if leaf.decision.value in ("refuse", "failed"):
        return ()
    if "fields" in private:
        return tuple(private["fields"])
    question = private.get("input")
    if not isinstance(question, dict) or leaf.act == "find":
        return ()
    effects = zip(sorted(question["fields"]), private["effects"], strict=True)
    return tuple(path for path, effect in effects if effect != "d")


def _clear_match(leaf: Leaf, wanted: AuditFilter) -> bool:
    return (
        (wanted.service is None or leaf.service == wanted.service)
        and (wanted.decision is None or leaf.decision.value == wanted.decision)
        and (wanted.act is None or leaf.act == wanted.act)
        and (wanted.since is None or leaf.t_ms >= wanted.since)
        and (wanted.until is None or leaf.t_ms <= wanted.until)
    )


def _private_match(line: AuditLine, wanted: AuditFilter) -> bool:
    return (
        (wanted.request is None or line.request == wanted.request)
        and (wanted.purpose is None or line.purpose == wanted.purpose)
        and (wanted.field is None or wanted.field in line.fields or wanted.field in line.reasons)
        and (wanted.reason is None or wanted.reason in (*line.reasons.values(), line.detail.get("reason")))
    )
