"""Sessions of customers who have signed in: tickets in the store, so that any worker knows them and one can end them.

The token is 32 random bytes that only her browser has; the store keeps a keyed hash of it. A session ends when it was
idle for too long, when it is too old, and when she signs out. Refuses, as unknown, what is not one or has ended.
"""

import struct
from typing import NamedTuple

from privet.bootstrap.parts import Parts
from privet.crypto.tickets import TicketBox
from privet.domain.ids import Millis, SubjectId
from privet.domain.ports import TicketRow, WriteUnit
from privet.errors import Conflict, IntegrityError

_FORM = struct.Struct(">B16sQQ")
_VERSION = 1
_MINUTE = 60_000
_TOUCH = _MINUTE
"""A session is written again only so often, not at each page."""
_NOTE = 300


class Session(NamedTuple):
    """A session that stands. `note`: what its next page has to tell."""

    token: bytes
    subject: SubjectId
    created: Millis
    seen: Millis
    note: str

    def __repr__(self) -> str:
        return "Session(hidden)"


class Sessions:
    """The sessions of one vault. Threads and processes may share them."""

    def __init__(self, parts: Parts) -> None:
        portal = parts.settings.serving.portal
        self._store = parts.store
        self._clock = parts.clock
        self._randomness = parts.randomness
        self._box = TicketBox(parts.keyring, parts.vault, "session")
        self._idle = portal.idle_minutes * _MINUTE
        self._most = portal.session_hours * 60 * _MINUTE

    def begin(self, unit: WriteUnit, subject: SubjectId) -> bytes:
        """A new session within the unit that signs her in. Returns its token: fresh, whatever her browser had."""
        now = self._clock()
        session = Session(self._randomness(32), subject, now, now, "")
        unit.insert_ticket(self._row(session))
        return session.token

    def find(self, token: bytes) -> Session | None:
        """The session of this token, if it stands; and she is no longer idle."""
        row = self._find(token)
        session = None if row is None else self._open(token, row)
        if row is None or session is None:
            return None
        now = self._clock()
        if now >= row.until or now >= self._ends(session):
            return None
        if now - session.seen >= _TOUCH:
            session = session._replace(seen=now)
            self._write(row, session)
        return session

    def end(self, token: bytes) -> None:
        """Signs out. Again is no error."""
        with self._store.write() as unit:
            unit.delete_ticket(self._box.id(token))

    def leave_note(self, token: bytes, note: str) -> None:
        """Leaves a line for the session's next page; "" takes it away. Without a session nothing happens."""
        row = self._find(token)
        session = None if row is None else self._open(token, row)
        if row is not None and session is not None and session.note != note:
            self._write(row, session._replace(note=note[:_NOTE]))

    def _find(self, token: bytes) -> TicketRow | None:
        with self._store.read() as unit:
            return unit.find_ticket(self._box.id(token))

    def _write(self, before: TicketRow, session: Session) -> None:
        try:
            with self._store.write() as unit:
                unit.swap_ticket(before, self._row(session))
        except Conflict:
            return  # another page of hers was faster, or she has signed out: that stands

    def _ends(self, session: Session) -> int:
        return min(session.seen + self._idle, session.created + self._most)

    def _row(self, session: Session) -> TicketRow:
        ticket = self._box.id(session.token)
        payload = _FORM.pack(_VERSION, session.subject, session.created, session.seen) + session.note.encode()
        until = Millis(self._ends(session))
        return TicketRow(ticket, until, self._box.seal(ticket, payload, self._randomness))

    def _open(self, token: bytes, row: TicketRow) -> Session | None:
        try:
            payload = self._box.open(row.id, row.sealed)
        except IntegrityError:
            return None
        version, subject, created, seen = _FORM.unpack_from(payload)
        if version != _VERSION:
            return None
        note = payload[_FORM.size :].decode()
        return Session(token, SubjectId(subject), Millis(created), Millis(seen), note)
