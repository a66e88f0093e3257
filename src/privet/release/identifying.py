"""Stage 1: who asks, and who is asked about. A forged or foreign id, like an unknown address, is nobody."""

from collections.abc import Mapping, Sequence

from privet.crypto.keyring import Keyring
from privet.crypto.pairwise import PairwiseIds
from privet.decide.question import Asked
from privet.domain.catalogue import Catalogue
from privet.domain.ids import NOBODY, SubjectId
from privet.domain.ports import ReadUnit, VaultState
from privet.domain.request import By, ReadRequest, SubjectRef
from privet.errors import InvalidInput, Unavailable
from privet.identify.lookup import Lookups, only_one
from privet.release.stages import IdentifiedRead


class Identifying:
    """Finds the subjects of a batch with two statements at most, whoever they are."""

    def __init__(
        self, *, catalogue: Catalogue, lookups: Lookups, pairwise: PairwiseIds, keyring: Keyring
    ) -> None:
        self._catalogue = catalogue
        self._lookups = lookups
        self._pairwise = pairwise
        self._keyring = keyring

    def identify(
        self, unit: ReadUnit, state: VaultState, requests: Sequence[ReadRequest]
    ) -> list[IdentifiedRead]:
        """One IdentifiedRead a request. Raises Unavailable when the vault moved on under this process."""
        self.check_current(state)
        subjects = self.subjects(unit, state, [(r.service, r.subject) for r in requests])
        rows = unit.find_rows(list({subject for subject in subjects if subject is not None}))
        services = self._catalogue.services
        made = []
        for request, subject in zip(requests, subjects, strict=True):
            service = services[request.service]
            who = request.subject
            asked = Asked(
                request.service,
                request.operation.value,
                request.purpose,
                request.fields,
                service.recipient,
                who.field if isinstance(who, By) else "",
            )
            row = rows.get(subject) if subject is not None else None
            made.append(IdentifiedRead(request, asked, NOBODY if row is None else row.subject, row))
        return made

    def subjects(
        self, unit: ReadUnit, state: VaultState, named: Sequence[tuple[str, SubjectRef]]
    ) -> list[SubjectId | None]:
        """The subject each (service, reference) names; None for nobody. One statement for all look-ups."""
        probes = [
            self._lookups.probes(who, state.epochs) if isinstance(who, By) else None for _, who in named
        ]
        wanted = [probe for some in probes if some for probe in some]
        found: Mapping[bytes, tuple[SubjectId, ...]] = unit.find_subjects(wanted) if wanted else {}
        return [
            self._parse(service, who) if some is None else only_one(some, found)
            for (service, who), some in zip(named, probes, strict=True)
        ]

    def check_current(self, state: VaultState) -> None:
        """Refuses to serve under a catalogue that another process has replaced; follows a rotation."""
        if state.catalogue_digest != self._catalogue.digest:
            raise Unavailable("the catalogue was changed by another process; open the vault again")
        if not set(state.epochs) <= set(self._keyring.epochs()):
            self._keyring.reload()

    def _parse(self, service: str, who: SubjectRef) -> SubjectId | None:
        if isinstance(who, By):
            return None
        try:
            return self._pairwise.parse(service, who)
        except InvalidInput:
            return None
