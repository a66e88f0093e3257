"""Signing in by a code that is sent to the stored address: for the customer's pages.

A code is bound to the visit that asked for it, works once, for a while, and five wrong ones end it. Whether the address
is anybody's is told by nothing here: nobody gets a code, a ticket and a log entry as well, made by the same statements;
only the letter is never written. Refuses too many codes for one address or from one peer, over all workers together.
"""

import hmac
import struct
from collections.abc import Callable
from typing import NamedTuple

from privet.audit.leaf import Act, Decision
from privet.bootstrap.lettering import LetterLimits
from privet.bootstrap.parts import Parts
from privet.bootstrap.rates import Limit, Rates
from privet.bootstrap.sessions import Sessions
from privet.bootstrap.subjects import find_subject, wire_rights
from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys
from privet.crypto.framing import join
from privet.crypto.tickets import TicketBox
from privet.domain.catalogue import Field
from privet.domain.ids import NOBODY, Millis, SubjectId
from privet.domain.ports import SubjectRow, TicketRow, WriteUnit
from privet.domain.request import By
from privet.errors import IntegrityError, InvalidInput, Unauthenticated
from privet.release.disclosure import Disclosure

CODE_SENT = Act.SIGN_IN_CODE.value
TRIES = 5
DIGITS = 8
PER_PEER = 40
"""Codes in a quarter of an hour."""
_MOST = 10**DIGITS
_FORM = struct.Struct(">B16s32sBQ")
_VERSION = 1
_ROOM = 256
"""Bytes of an entry's private part, whoever it is about."""
_GONE = "this code has run out, or was used already; ask for a new one"
_WRONG = "this code is not the one we sent"


class Letter(NamedTuple):
    """A code, and how to find the address it goes to: None when there is nobody to write to."""

    code: str
    open_address: Callable[[], str | None]

    def __repr__(self) -> str:
        return "Letter(hidden)"


class _Code(NamedTuple):
    subject: SubjectId
    digest: bytes
    tries: int
    until: Millis


class SignIns:
    """Codes of one vault. Threads and processes may share them."""

    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self._parts = parts
        self._sessions = sessions
        self._insist = wire_rights(parts).amendments.insist
        self._box = TicketBox(parts.keyring, parts.vault, "sign-in code")
        self._rates = Rates(parts)
        self._letters = LetterLimits(parts)
        self._disclosure = Disclosure(catalogue=parts.catalogue, vault=parts.vault)
        self._lasts = parts.settings.serving.portal.code_minutes * 60_000

    @property
    def field(self) -> Field | None:
        """The look-up field by which she signs in; None when the catalogue has no such field of addresses."""
        found = self._parts.catalogue.fields.get(self._parts.settings.serving.portal.lookup)
        return found if found is not None and found.lookup and found.type.kind == "email" else None

    def ask(self, visit: bytes, typed: str, peer: str) -> Letter:
        """A code for whoever holds this address, or for nobody. `visit`: 32 fresh random bytes for the browser.

        Raises InvalidInput for what is no address, RateLimited, Unavailable.
        """
        field = self.field
        if field is None:
            raise InvalidInput(
                "the catalogue has no look-up field of addresses to sign in by", field="address"
            )
        limits = [*self._letters.of_address(field, typed), Limit(join(b"peer", peer.encode()), PER_PEER)]
        self._rates.check(limits)
        try:
            found = find_subject(self._parts, None, By(field.path, typed))
        except IntegrityError:
            found = None  # the index leads to somebody else: as good as nobody, here
        code = f"{int.from_bytes(self._parts.randomness(16)) % _MOST:0{DIGITS}d}"
        row, keys = self._insist(lambda: self._issue(visit, code, found, field, limits))
        return Letter(code, lambda: self._address(field, row, keys))

    def _issue(
        self,
        visit: bytes,
        code: str,
        found: SubjectId | None,
        field: Field,
        limits: list[Limit],
    ) -> tuple[SubjectRow | None, SubjectKeys | None]:
        parts = self._parts
        with parts.store.write() as unit:
            self._rates.count(unit, limits)
            row, keys = self._load(unit, found or NOBODY)
            subject = SubjectId(NOBODY if row is None or keys is None else row.subject)
            until = Millis(parts.clock() + self._lasts)
            ticket = self._box.id(visit)
            unit.insert_ticket(self._row(ticket, _Code(subject, self._digest(visit, code), 0, until)))
            self._log(unit, CODE_SENT, Decision.DONE, subject, keys, [field.path])
        parts.checkpointer.tick()
        return row, keys

    def enter(self, visit: bytes, code: str) -> bytes:
        """Signs her in and returns the token of her session: new, and of this sign-in only.

        Raises InvalidInput for a wrong code (five end it), Unauthenticated when there is no code to try (any more).
        """
        with self._parts.store.read() as unit:  # without one, no need to keep anybody from writing
            if unit.find_ticket(self._box.id(visit)) is None:
                raise Unauthenticated(_GONE)
        token, wrong = self._insist(lambda: self._try(visit, "".join(code.split())))
        self._parts.checkpointer.tick()
        if wrong is not None:  # raised only now: the spent try is durable
            raise wrong
        return token

    def _try(self, visit: bytes, code: str) -> tuple[bytes, InvalidInput | Unauthenticated | None]:
        ticket = self._box.id(visit)
        with self._parts.store.write() as unit:
            row = unit.find_ticket(ticket)
            held = None if row is None else self._open(row)
            if row is None or held is None or self._parts.clock() >= held.until:
                return b"", Unauthenticated(_GONE)
            _, keys = self._load(unit, held.subject)
            spent = held._replace(tries=held.tries + 1)
            # Spent before the code is looked at: of tries that ran at the same time, on this same row, one counts.
            unit.swap_ticket(row, self._row(ticket, spent))
            right = hmac.compare_digest(held.digest, self._digest(visit, code))
            if right and keys is not None:
                unit.delete_ticket(ticket)
                token = self._sessions.begin(unit, held.subject)
                self._log(unit, Act.SIGN_IN, Decision.DONE, held.subject, keys, [])
                return token, None
            if spent.tries >= TRIES:
                unit.delete_ticket(ticket)
            self._log(unit, Act.SIGN_IN, Decision.FAILED, held.subject, keys, [])
        left = TRIES - spent.tries
        return b"", InvalidInput(_WRONG, field="code") if left else Unauthenticated(_GONE)

    def _load(self, unit: WriteUnit, subject: SubjectId) -> tuple[SubjectRow | None, SubjectKeys | None]:
        """Her row and keys, as this unit has them; None for both where nothing may be told or nothing opens."""
        row = unit.find_rows((subject,)).get(subject)
        self._parts.standing.refresh()
        stands = self._parts.standing.find(subject)
        if row is None or (stands is not None and stands.erased):
            return None, None
        try:
            return row, unwrap_subject_keys(self._parts.keyring, self._parts.vault, subject, row.keys)
        except IntegrityError:
            return None, None

    def _log(
        self,
        unit: WriteUnit,
        act: str,
        decision: Decision,
        subject: SubjectId,
        keys: SubjectKeys | None,
        fields: list[str],
    ) -> None:
        private = {"actor": "customer", "fields": fields}
        known = SubjectId(NOBODY) if keys is None else subject
        size = _ROOM + sum(map(len, fields))
        entry = self._parts.scribe.act(act, decision, private, keys=keys, subject=known, size=size)
        unit.append((entry,))

    def _address(self, field: Field, row: SubjectRow | None, keys: SubjectKeys | None) -> str | None:
        if row is None or keys is None:
            return None
        value = self._disclosure.value(keys, row, field.path)
        return value if isinstance(value, str) else None

    def _digest(self, visit: bytes, code: str) -> bytes:
        """Keyed: who reads the database cannot try codes. Any text may be tried."""
        return self._box.id(join(b"code", visit, code.encode("utf-8", "replace")))

    def _row(self, ticket: bytes, code: _Code) -> TicketRow:
        payload = _FORM.pack(_VERSION, *code)
        return TicketRow(ticket, code.until, self._box.seal(ticket, payload, self._parts.randomness))

    def _open(self, row: TicketRow) -> _Code | None:
        try:
            version, subject, digest, tries, until = _FORM.unpack(self._box.open(row.id, row.sealed))
        except (IntegrityError, struct.error):
            return None
        return _Code(SubjectId(subject), digest, tries, Millis(until)) if version == _VERSION else None
