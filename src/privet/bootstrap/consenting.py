"""Consents as a service passes them on and asks after them: checked, her looked for, recorded or told, logged.

The session in the process and the HTTP service share this. Refuses malformed requests (InvalidInput) before anybody is
looked for: what cannot be written of somebody must not be taken of nobody.
"""

from typing import Any, NamedTuple

from privet.bootstrap.asking import ServiceRequests, is_text
from privet.bootstrap.parts import Parts
from privet.bootstrap.subjects import find_subject, wire_rights
from privet.consent.told import Told
from privet.domain.catalogue import Service
from privet.domain.ids import SubjectId
from privet.domain.request import By
from privet.errors import IntegrityError, InvalidInput
from privet.intake.once import Remembered

_SOURCE = 500


class ServiceConsents:
    """One service's dealings with consents. `peer`: what the edge knows of the caller, for the log."""

    def __init__(self, parts: Parts, asking: ServiceRequests) -> None:
        self._parts = parts
        self._ask = asking
        self._rights = wire_rights(parts)

    def record(
        self,
        subject: object,
        purpose: object,
        *,
        given: bool,
        source: object = None,
        idempotency_key: object = None,
        peer: str = "",
    ) -> str:
        """What she told the service. Returns the audit id. Raises AccessDenied (logged), InvalidInput (KeyReused)."""
        why = _source(source)
        once = self._once(idempotency_key, subject, purpose, f"given {given}", why)
        asked = self._named(subject, purpose)
        return self._done(
            self._rights.collected.record(
                asked.service,
                asked.found,
                asked.purpose,
                given=given,
                source=why,
                lookup=asked.lookup,
                peer=peer,
                once=once,
            )
        )

    def request(
        self,
        subject: object,
        purpose: object,
        *,
        source: object = None,
        idempotency_key: object = None,
        peer: str = "",
    ) -> str:
        """Asks her for it. Returns the audit id. Raises as `record`."""
        why = _source(source)
        once = self._once(idempotency_key, subject, purpose, "request", why)
        asked = self._named(subject, purpose)
        return self._done(
            self._rights.collected.request(
                asked.service,
                asked.found,
                asked.purpose,
                source=why,
                lookup=asked.lookup,
                peer=peer,
                once=once,
            )
        )

    def status(self, subject: object, purpose: object, *, peer: str = "") -> Told:
        """How it stands, as far as the service may know. Raises as `record`."""
        asked = self._named(subject, purpose)
        told = self._rights.telling.status(
            asked.service, asked.found, asked.purpose, lookup=asked.lookup, peer=peer
        )
        self._parts.checkpointer.tick()
        return told

    def receipt(self, subject: object, purpose: object, *, peer: str = "") -> Told:
        """The service's own copy of the newest receipt, as far as it may know. Raises as `record`."""
        asked = self._named(subject, purpose)
        told = self._rights.telling.receipt(
            asked.service, asked.found, asked.purpose, lookup=asked.lookup, peer=peer
        )
        self._parts.checkpointer.tick()
        return told

    def _once(
        self, key: object, subject: object, purpose: object, what: str, source: str | None
    ) -> Remembered | None:
        said = (what, self._ask.purpose(purpose), "" if source is None else f"source {source}")
        return self._parts.once.consent(self._ask.name, self._ask.once(key), self._ask.person(subject), said)

    def _named(self, subject: object, purpose: object) -> "_Named":
        who, why = self._ask.person(subject), self._ask.purpose(purpose)
        try:
            found = find_subject(self._parts, self._ask.name, who)
        except IntegrityError:
            found = None  # a service hears what it hears about nobody
        lookup = who.field if isinstance(who, By) else ""
        return _Named(self._parts.catalogue.services[self._ask.name], found, why, lookup)

    def _done(self, audit_id: str) -> str:
        self._parts.checkpointer.tick()
        return audit_id


class _Named(NamedTuple):
    service: Service
    found: SubjectId | None
    purpose: str
    lookup: str


def _source(source: Any) -> str | None:
    if source is None or (isinstance(source, str) and len(source) <= _SOURCE and is_text(source)):
        return source
    raise InvalidInput(f"the source of a consent is text of at most {_SOURCE} characters", field="source")
