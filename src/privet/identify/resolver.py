"""References to subjects: look-ups and pairwise ids, a batch at a time, with one statement for all look-ups.

A forged or foreign id, like an unknown or ambiguous look-up, is nobody: None, and no error that could tell them apart.
"""

from collections.abc import Iterable, Mapping, Sequence

from privet.crypto.pairwise import PairwiseIds
from privet.domain.ids import NOBODY, SubjectId
from privet.domain.ports import ReadUnit
from privet.domain.request import By, SubjectRef
from privet.errors import InvalidInput, PrivetError
from privet.identify.lookup import Lookups, only_one


class Resolver:
    """Finds who is meant."""

    def __init__(self, *, lookups: Lookups, pairwise: PairwiseIds) -> None:
        self.lookups = lookups
        self._pairwise = pairwise
        self._epochs: Sequence[int] = ()

    def expected(
        self, named: Sequence[tuple[str | None, SubjectRef]]
    ) -> tuple[Sequence[SubjectId], Sequence[bytes]]:
        """Whom a unit of work will look for, as far as can be known before it has loaded anything.

        Whose rows, where all are named by pairwise ids; else which indexes, by the epochs there were last.
        """
        by = [who for _, who in named if isinstance(who, By)]
        if by:
            try:
                return (), [probe for who in by for probe in self.lookups.probes(who, self._epochs)]
            except PrivetError:  # an epoch that has ended, or no such look-up: told where it is looked for
                return (), ()
        return list({self._parse(service, who) or NOBODY for service, who in named}), ()

    def learn(self, epochs: Sequence[int]) -> None:
        """Which epochs live, for what is expected next."""
        self._epochs = epochs

    def subjects(
        self, unit: ReadUnit, epochs: Sequence[int], named: Iterable[tuple[str | None, SubjectRef]]
    ) -> list[SubjectId | None]:
        """The subject each (service, reference) names; None for nobody. `service` None takes look-ups only."""
        named = list(named)
        self._epochs = epochs
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
