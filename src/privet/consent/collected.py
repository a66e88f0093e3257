"""What services record of a customer's choices, for the purposes that the catalogue says they collect.

A yes is only *requested* where the service itself would profit from it, the purpose opens special data, or she had said
no before: then she confirms. A no counts at once. Refuses (AccessDenied, logged) what the catalogue alone refuses, in
the same words about anybody. What is recorded of nobody is taken and has no effect, so that recording a consent asks no
one whether a person exists: the answer, the leaf and its length are the same.
"""

from typing import Any, NoReturn

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.consent.choices import Choices
from privet.consent.transitions import Wish, get_consentable, get_known, profits
from privet.domain.catalogue import Catalogue, Service, matches
from privet.domain.decision import Reason
from privet.domain.ids import SubjectId
from privet.domain.ports import EntryRow
from privet.errors import AccessDenied, IntegrityError, InvalidInput, NotFound
from privet.identify.current import check_current
from privet.intake.amendment import Amendment, Amendments, Held
from privet.intake.once import DoneBefore, Remembered

ROOM = 512
"""Bytes of an entry's private part beyond what the request brings to it."""
_SOURCE = 500


class Collected:
    """Records for services."""

    def __init__(self, *, amendments: Amendments, choices: Choices) -> None:
        self._amendments = amendments
        self._choices = choices

    @property
    def _catalogue(self) -> Catalogue:
        return self._amendments.catalogue

    @property
    def _scribe(self) -> Scribe:
        return self._amendments.scribe

    def record(
        self,
        service: Service,
        subject: SubjectId | None,
        purpose: str,
        *,
        given: bool = True,
        source: str | None = None,
        lookup: str = "",
        peer: str = "",
        once: Remembered | None = None,
    ) -> str:
        """Records what she told `service`. Returns the audit id, and nothing about her.

        `subject` None: nobody was found. `lookup`: the field she was named by, "" for a pairwise id. `peer`: what the
        edge knows of the caller. Raises AccessDenied when the service may not name people by it or does not collect
        the purpose, and for a purpose that is unknown or prohibited; InvalidInput for too long a source.
        """
        wish = Wish.DECLINE
        if given:
            asks = purpose in self._catalogue.purposes and profits(self._catalogue, service, purpose)
            wish = Wish.REQUEST if asks else Wish.GIVE
        return self._take(wish, service, subject, purpose, source, lookup, peer, once)

    def request(
        self,
        service: Service,
        subject: SubjectId | None,
        purpose: str,
        *,
        source: str | None = None,
        lookup: str = "",
        peer: str = "",
        once: Remembered | None = None,
    ) -> str:
        """Asks her for a consent: *requested* until she answers; never weakens one that stands. As `record` else."""
        return self._take(Wish.REQUEST, service, subject, purpose, source, lookup, peer, once)

    def _take(
        self,
        wish: Wish,
        service: Service,
        subject: SubjectId | None,
        purpose: str,
        source: str | None,
        lookup: str,
        peer: str,
        once: Remembered | None,
    ) -> str:
        if source is not None and len(source) > _SOURCE:
            raise InvalidInput(f"the source of a consent has at most {_SOURCE} characters", field="source")
        declines = wish is Wish.DECLINE
        self.check(service, subject, purpose, given=not declines, lookup=lookup, peer=peer)
        size = (
            ROOM
            + 2 * len(purpose)
            + len(service.name)
            + len(peer.encode())
            + 6 * len((source or "").encode("utf-8", "replace"))
        )
        if subject is not None:
            try:
                return self._choices.record(
                    subject,
                    self._catalogue.purposes[purpose],
                    wish,
                    actor=f"service:{service.name}",
                    by_subject=declines,
                    source=source,
                    service=service.name,
                    size=size,
                    peer=peer,
                    once=once,
                ).audit_id
            except DoneBefore as done:
                return done.entry.hex()
            except (NotFound, IntegrityError):
                pass  # nothing is released of a row that does not open; the service hears what it hears of nobody
        private = {"actor": f"service:{service.name}", "purpose": purpose, "nobody": True}
        return self._append(
            self._scribe.act(
                Act.WITHDRAW if declines else Act.CONSENT,
                Decision.DONE,
                {**private, "peer": peer} if peer else private,
                purpose=purpose,
                service=service.name,
                size=size,
            ),
            once,
        )

    def check(
        self,
        service: Service,
        subject: SubjectId | None,
        purpose: str,
        *,
        given: bool = False,
        lookup: str = "",
        peer: str = "",
        act: str = Act.CONSENT,
    ) -> None:
        """Raises AccessDenied, logged as `act`, for what the catalogue alone refuses, whoever she is."""
        reason = self._refusal(service, purpose, given, lookup)
        if reason is not None:
            self._refuse(service, subject, purpose, reason, peer, act)

    def _refusal(self, service: Service, purpose: str, given: bool, lookup: str) -> Reason | None:
        """Why the catalogue alone refuses this, whoever she is; None when it does not."""
        if not purpose:
            return Reason.PURPOSE_MISSING
        try:
            get_known(self._catalogue, purpose)
        except InvalidInput:
            return Reason.UNKNOWN_PURPOSE
        if purpose not in service.collects:
            return Reason.SERVICE_NOT_PERMITTED
        if lookup and not _may_name(service, lookup):
            return Reason.LOOKUP_NOT_PERMITTED
        try:
            if given:
                get_consentable(self._catalogue, purpose)
        except InvalidInput:
            return Reason.PURPOSE_PROHIBITED
        return None

    def _refuse(
        self, service: Service, subject: SubjectId | None, purpose: str, reason: Reason, peer: str, act: str
    ) -> NoReturn:
        """Logs the refusal, in her log if somebody was found, and raises it."""
        private = {"actor": f"service:{service.name}", "purpose": purpose, "reason": reason.value}
        if peer:
            private["peer"] = peer
        shown: dict[str, Any] = {
            "purpose": purpose if purpose in self._catalogue.purposes else None,
            "service": service.name,
            "size": ROOM + 6 * len(purpose.encode("utf-8", "replace")) + len(peer.encode()),
        }

        def note(held: Held) -> Amendment[str]:
            entry = self._scribe.act(
                act, Decision.REFUSE, private, keys=held.keys, subject=held.subject, **shown
            )
            return Amendment(result=entry.id.hex(), entry=entry)

        audit_id = ""
        if subject is not None:
            try:
                audit_id = self._amendments.amend(subject, note)
            except (NotFound, IntegrityError):
                audit_id = ""
        if not audit_id:
            audit_id = self._append(self._scribe.act(act, Decision.REFUSE, private, **shown))
        collected = ", ".join(sorted(service.collects)) or "none"
        raise AccessDenied(
            f"{service.name} may not record or ask about this consent ({reason.value}); "
            f"consents it collects: {collected}",
            reasons=(reason.value,),
            audit_id=audit_id,
        )

    def _append(self, entry: EntryRow, once: Remembered | None = None) -> str:
        def append() -> str:
            amendments = self._amendments
            with amendments.store.write() as unit:
                check_current(amendments.catalogue, amendments.keyring, unit.state())
                if once is not None:
                    if (done := once.find(unit)) is not None:
                        return done.hex()
                    once.keep(unit, entry.id)
                unit.append((entry,))
            return entry.id.hex()

        return self._amendments.insist(append)


def _may_name(service: Service, lookup: str) -> bool:
    """As in a write: by its look-ups, and, if it enrols, by a look-up field that it may write."""
    return lookup in service.find or (
        service.enrols and any(matches(pattern, lookup) for pattern in service.fields)
    )
