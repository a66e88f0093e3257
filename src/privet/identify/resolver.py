"""References to subjects: look-ups and pairwise ids, a batch at a time, with one statement for all look-ups.

A forged or foreign id, like an unknown or ambiguous look-up, is nobody: None, and no error that could tell them apart.
"""

from collections.abc import Iterable, Mapping, Sequence

from privet.crypto.pairwise import PairwiseIds
from privet.domain.ids import SubjectId
from privet.domain.ports import ReadUnit
from privet.domain.request import By, SubjectRef
from privet.errors import InvalidInput
from privet.identify.lookup import Lookups, only_one


class Resolver:
    """Finds who is meant."""

    def __init__(self, *, lookups: Lookups, pairwise: PairwiseIds) -> None:
        self.lookups = lookups
        self._pairwise = pairwise

    def subjects(
        self, unit: ReadUnit, epochs: Sequence[int], named: Iterable[tuple[str | None, SubjectRef]]
    ) -> list[SubjectId | None]:
        """The subject each (service, reference) names; None for nobody. `service` None takes look-ups only."""
        named = list(named)
        probes = [self.lookups.probes(who, epochs) if isinstance(who, By) else None for _, who in named]
        wanted = [probe for some in probes if some for probe in some]
        found: Mapping[bytes, tuple[SubjectId, ...]] = unit.find_subjects(wanted) if wanted else {}
        return [
            self._parse(service, who) if some is None else only_one(some, found)
            for (service, who), some in zip(named, probes, strict=True)
        ]

    def _parse(self, service: str | None, who: SubjectRef) -> SubjectId | None:
        if isinstance(who, By) or service is None:
            return None
        try:
            return self._pairwise.parse(service, who)
        except InvalidInput:
            return None
