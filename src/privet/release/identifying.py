"""Stage 1: who asks, and who is asked about. Refuses to serve under a catalogue that another process has replaced."""

from collections.abc import Sequence

from privet.crypto.keyring import Keyring
from privet.decide.question import Asked
from privet.domain.catalogue import Catalogue
from privet.domain.ids import NOBODY
from privet.domain.ports import ReadUnit, VaultState
from privet.domain.request import By, ReadRequest
from privet.identify.current import check_current
from privet.identify.resolver import Resolver
from privet.release.stages import IdentifiedRead


class Identifying:
    """Finds the subjects of a batch with two statements at most, whoever they are."""

    def __init__(self, *, catalogue: Catalogue, resolver: Resolver, keyring: Keyring) -> None:
        self._catalogue = catalogue
        self._resolver = resolver
        self._keyring = keyring

    def expect(self, unit: ReadUnit, requests: Sequence[ReadRequest]) -> None:
        """Tells the store beforehand whom this batch will look for."""
        unit.expect(lambda: self._resolver.expected([(r.service, r.subject) for r in requests]))

    def identify(
        self, unit: ReadUnit, state: VaultState, requests: Sequence[ReadRequest]
    ) -> list[IdentifiedRead]:
        """One IdentifiedRead a request. Raises Unavailable when the vault moved on under this process."""
        check_current(self._catalogue, self._keyring, state)
        subjects = self._resolver.subjects(unit, state.epochs, [(r.service, r.subject) for r in requests])
        # Nobody is looked for too, so that the statements are the same whoever is, or is not, here.
        rows = unit.find_rows(list({NOBODY if subject is None else subject for subject in subjects}))
        services = self._catalogue.services
        made = []
        said: tuple[object, ...] = ()
        asked: Asked | None = None
        for request, subject in zip(requests, subjects, strict=True):
            service, operation, purpose, who, fields, _, _ = request
            lookup = who.field if isinstance(who, By) else ""
            now_said = (service, operation, purpose, fields, lookup)
            if asked is None or now_said != said:
                # One Asked for neighbours that ask the same: what compares questions later sees that by identity.
                said = now_said
                asked = Asked(service, operation.value, purpose, fields, services[service].recipient, lookup)
            row = rows.get(subject) if subject is not None else None
            made.append(IdentifiedRead(request, asked, NOBODY if row is None else row.subject, row))
        return made
