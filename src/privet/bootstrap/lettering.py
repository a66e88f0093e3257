"""How many letters with a code go to one address, and for one person, over all workers and all ways to ask for them.

Refuses (RateLimited) what would let somebody flood a stranger's mailbox, or guess the codes that prove an address.
"""

from collections.abc import Mapping

from privet.bootstrap.parts import Parts
from privet.bootstrap.rates import DAY, Limit, Rates
from privet.bootstrap.subjects import wire_rights
from privet.crypto.framing import join
from privet.domain.catalogue import Field
from privet.domain.ids import SubjectId
from privet.errors import InvalidInput

PER_ADDRESS = 5
PER_SUBJECT = 10
"""Codes in a quarter of an hour."""
PER_ADDRESS_A_DAY = 30


class LetterLimits:
    """The limits of one vault. Threads and processes may share them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rates = Rates(parts)
        self._insist = wire_rights(parts).amendments.insist

    def of_address(self, field: Field, address: str) -> list[Limit]:
        """Those of one address. Raises InvalidInput for what is none."""
        inner = self._parts.lookups.inner(field, address)
        return [
            Limit(join(b"address", inner), PER_ADDRESS),
            Limit(join(b"address a day", inner), PER_ADDRESS_A_DAY, DAY),
        ]

    def allow(self, subject: SubjectId, values: Mapping[str, object]) -> None:
        """Counts a letter to each look-up value among those she corrects. Raises RateLimited.

        What is malformed is not counted: the correction will refuse it.
        """
        for path, value in values.items():
            field = self._parts.catalogue.fields.get(path)
            if field is None or field.lookup is None or not isinstance(value, str):
                continue
            try:
                limits = [*self.of_address(field, value), Limit(join(b"subject", subject), PER_SUBJECT)]
            except InvalidInput:
                continue
            self._count(limits)

    def _count(self, limits: list[Limit]) -> None:
        def count() -> None:
            with self._parts.store.write() as unit:
                self._rates.count(unit, limits)

        self._insist(count)
