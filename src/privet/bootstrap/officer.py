"""A compliance officer's session: queries, proves, pauses. Every query is itself logged.

Refuses to show a profile value: an officer reads who did what and why, not what it said.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from privet.audit.canonical import MAX_INT, canonical
from privet.audit.damage import FsckReport
from privet.audit.leaf import Act, Decision
from privet.audit.note import NoteKey
from privet.audit.query import AuditFilter, AuditLine, find_line, find_question, search
from privet.audit.reading import EntryReader
from privet.bootstrap.audit_words import check_words
from privet.bootstrap.controlling import change_controls
from privet.bootstrap.opening import BUNDLES
from privet.bootstrap.parts import Parts
from privet.bootstrap.subjects import get_subject
from privet.bootstrap.verifying import verify_store
from privet.decide.replay import replay
from privet.domain.decision import Decision as PolicyDecision
from privet.domain.ids import EntryId, Millis, SubjectId, to_millis
from privet.domain.ports import LoggedRow, LogReader, VaultState, WriteUnit
from privet.domain.request import By
from privet.errors import IntegrityError, InvalidInput, NotFound


class Replayed(NamedTuple):
    """A decision made again. `same` is False when it came out otherwise than the log says."""

    line: AuditLine
    decision: PolicyDecision
    same: bool


MOST_LOOKED_AT = 20_000
"""Entries that one page looks at: some tens of µs each."""


class Page(NamedTuple):
    """`before`: the position from which the next page goes on, None at the log's end."""

    lines: list[AuditLine]
    before: int | None


class _Part:
    """The log, as far as a page looks."""

    def __init__(self, log: LogReader, most: int) -> None:
        self._log = log
        self._most = most
        self.stopped_at: int | None = None

    def entries_newest(self, before: int | None = None, *, tag: bytes | None = None) -> Iterator[LoggedRow]:
        self.stopped_at = None
        for seen, row in enumerate(self._log.entries_newest(before, tag=tag)):
            if seen == self._most:
                self.stopped_at = row.pos + 1
                return
            yield row


class OfficerAudit:
    """The audit log as one officer may read it."""

    def __init__(self, parts: Parts, officer: str) -> None:
        self._parts = parts
        self._officer = officer

    def query(
        self,
        *,
        subject: By | str | None = None,
        service: str | None = None,
        purpose: str | None = None,
        field: str | None = None,
        decision: str | None = None,
        act: str | None = None,
        reason: str | None = None,
        request: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[AuditLine]:
        """Entries that meet all filters, newest first; all of them unless `limit` says less.

        `subject` is a look-up, or a subject id as earlier lines show it. `request` is the id of a request, as its
        caller and the errors name it: it stands in what is sealed, so entries are opened one after another (some tens
        of µs each); those of `since` to `until` only, where these are given. Raises NotFound for nobody, InvalidInput
        for a naive datetime, a malformed filter or a word that no entry can have, IntegrityError (naming the entry)
        for a damaged log.
        """
        return list(
            self.stream(
                subject=subject,
                service=service,
                purpose=purpose,
                field=field,
                decision=decision,
                act=act,
                reason=reason,
                request=request,
                since=since,
                until=until,
                limit=limit,
            )
        )

    def stream(
        self,
        *,
        subject: By | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        **clear: str | None,
    ) -> Iterator[AuditLine]:
        """As `query`, one by one. The query is logged before the first line."""
        wanted, before = self._ask(subject, since, until, limit, clear)
        return search(self._parts.store.log, self._reader(), wanted, before=before)

    def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        subject: By | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        **clear: str | None,
    ) -> "Page":
        """At most `limit` lines of those below position `before`, newest first, out of a bounded part of the log.

        What was logged since the first page is in none of its followers; none is left out, and none comes twice.
        """
        wanted, size = self._ask(subject, since, until, limit, clear, before)
        start = size if before is None else min(before, size)
        part = _Part(self._parts.store.log, MOST_LOOKED_AT)
        lines = list(search(part, self._reader(), wanted, before=start))
        if len(lines) == limit:
            return Page(lines, lines[-1].position or None)
        return Page(lines, part.stopped_at)

    def _ask(
        self,
        subject: By | str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int | None,
        clear: Mapping[str, str | None],
        before: int | None = None,
    ) -> tuple[AuditFilter, int]:
        """The filter, and how long the log was; the question is logged."""
        if limit is not None and (type(limit) is not int or not 1 <= limit <= MAX_INT):
            raise InvalidInput("limit must be a whole number from 1, below 2^53", field="limit")
        check_words(self._parts, clear)
        reader = self._reader()
        found = None if subject is None else self._subject(subject)
        tag = None
        if found is not None:
            keys = reader.keys(found)
            if keys is None:
                raise NotFound("there is nobody of that name; the entries of an erased person stay sealed")
            tag = keys.tag
        wanted = AuditFilter(
            tag=tag, since=_moment("since", since), until=_moment("until", until), limit=limit, **clear
        )
        shown = {name: value for name, value in clear.items() if value is not None}
        self._parts.store.sequence()
        size = self._parts.store.log.size()  # the query does not find itself
        self._log(
            Act.QUERY,
            {
                "filters": shown,
                "about": None if found is None else found.hex(),
                "since": wanted.since,
                "until": wanted.until,
                "limit": limit,
                **({} if before is None else {"before": min(before, size)}),
            },
        )
        return wanted, size

    def replay(self, audit_id: str) -> Replayed:
        """Decides a logged question again, under the policy revision that decided it then, and compares.

        Raises NotFound, InvalidInput (an entry that no policy decided, or whose subject was erased), Unavailable (the
        revision is not at hand), IntegrityError.
        """
        entry = _entry_id(audit_id)
        self._log(Act.QUERY, {"filters": {"replay": audit_id}})
        found = find_question(self._parts.store.log, self._reader(), entry)
        if found is None:
            raise NotFound("the log has no entry with that audit id")
        line, private = found
        if line.sealed or line.policy is None or not isinstance(private.get("input"), dict):
            raise InvalidInput(
                "no decision can be made again from this entry: no policy decided it, or its subject was erased",
                field="audit_id",
            )
        decision = replay(self._parts.settings.directory / BUNDLES, line.policy, canonical(private["input"]))
        effects = "".join(decision.fields[path].effect[0] for path in sorted(decision.fields))
        reasons = {p: d.reason for p, d in decision.fields.items() if d.effect == "deny"}
        # a write about nobody is refused although its fields are allowed: then the log has reasons the policy has not
        same = effects == private["effects"] and all(
            line.reasons.get(path) == reason for path, reason in reasons.items()
        )
        return Replayed(line=line, decision=decision, same=same)

    def entry(self, audit_id: str) -> AuditLine:
        """One entry by its audit id. Raises NotFound, InvalidInput."""
        entry = _entry_id(audit_id)
        self._log(Act.QUERY, {"filters": {"audit_id": audit_id}})
        line = find_line(self._parts.store.log, self._reader(), entry)
        if line is None:
            raise NotFound("the log has no entry with that audit id")
        return line

    def verify(self) -> FsckReport:
        """Rebuilds the log and checks every checkpoint and anchor. Raises IntegrityError naming the first damage."""
        self._parts.checkpointer.sign()
        signer = self._parts.keyring.signer()
        origin = self._parts.store.log.origin()
        report = verify_store(
            self._parts.store, self._parts.settings, NoteKey(name=origin, public=signer.public)
        )
        self._log(
            Act.VERIFY,
            {"size": report.size, "damages": report.total},
            Decision.DONE if report.ok else Decision.FAILED,
        )
        if not report.ok:
            raise IntegrityError(f"the log is damaged: {report.first}")
        return report

    def _subject(self, subject: By | str) -> SubjectId:
        if isinstance(subject, By):
            return get_subject(self._parts, subject)
        try:
            raw = bytes.fromhex(subject)
        except ValueError:
            raw = b""
        if len(raw) != 16:
            raise InvalidInput(
                "a subject is named by(field=value), or by 32 hexadecimal digits", field="subject"
            )
        return SubjectId(raw)

    def _reader(self) -> EntryReader:
        parts = self._parts
        return EntryReader(store=parts.store, keyring=parts.keyring, vault=parts.vault)

    def _log(self, act: Act, private: dict[str, Any], decision: Decision = Decision.DONE) -> None:
        with self._parts.store.write() as unit:
            unit.append(
                [self._parts.scribe.act(act, decision, {"actor": f"officer:{self._officer}", **private})]
            )
        self._parts.checkpointer.tick()


class Officer:
    """One officer of the catalogue."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._parts = parts
        self.name = name
        self.audit = OfficerAudit(parts, name)

    def pause(self, name: str) -> None:
        """Pauses a purpose (with all below it) or a service, at once and in every process. InvalidInput if unknown."""
        self._control(name, paused=True)

    def resume(self, name: str) -> None:
        """Lifts a pause."""
        self._control(name, paused=False)

    def paused(self) -> tuple[str, ...]:
        """What is paused now."""
        with self._parts.store.read() as unit:
            return tuple(sorted(self._parts.controls.paused(unit.state())))

    def _control(self, name: str, *, paused: bool) -> None:
        parts = self._parts
        if name not in parts.catalogue.purposes and name not in parts.catalogue.services:
            raise InvalidInput("the catalogue has no purpose or service of that name", field="name")

        def change(unit: WriteUnit, state: VaultState) -> tuple[bytes | None, None]:
            before = parts.controls.paused(state)
            after = before | {name} if paused else before - {name}
            private = {"actor": f"officer:{self.name}", "name": name, "paused": paused}
            unit.append([parts.scribe.act(Act.PAUSE, Decision.DONE, private)])
            if after == before:
                return None, None
            return parts.controls.reseal(state, parts.randomness, paused=after), None

        change_controls(parts, change)


def _entry_id(audit_id: str) -> EntryId:
    try:
        entry = bytes.fromhex(audit_id)
    except ValueError:
        entry = b""
    if len(entry) != 16:
        raise InvalidInput("an audit id has 32 hexadecimal digits", field="audit_id")
    return EntryId(entry)


def _moment(name: str, value: datetime | None) -> Millis | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise InvalidInput(f"{name} must have a time zone", field=name)
    return to_millis(value)
