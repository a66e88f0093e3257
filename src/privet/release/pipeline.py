"""The way of a read, start here: identify, decide, decrypt, transform, audit, and only then release.

The unit of work is a batch; one read is a batch of one. All of it happens in one write unit of the store, so the
consent decided on is the consent in force when the leaf becomes durable, and no value leaves `read` before that.
Refuses to release what was not logged, what policy did not grant, and a batch whose commit took so long that the
decision may be stale: that one is decided again.
"""

from collections.abc import Sequence
from time import monotonic

from privet.domain.decision import Reason
from privet.domain.ports import Store, WriteUnit
from privet.domain.request import ReadRequest
from privet.errors import IntegrityError, PrivetError, Unavailable
from privet.release.deciding import Deciding
from privet.release.disclosing import Disclosing
from privet.release.identifying import Identifying
from privet.release.logging import Logging
from privet.release.stages import MinimisedRead, ReleasedRead

STALE_SECONDS = 2.0
"""A decision is acted on within this long of the load it was made on."""
_TRIES = 3


class Pipeline:
    """The PEP: joins the stages. One a vault; the store's write lock orders its batches."""

    def __init__(
        self,
        *,
        store: Store,
        identifying: Identifying,
        deciding: Deciding,
        disclosing: Disclosing,
        logging: Logging,
    ) -> None:
        self._store = store
        self._identify = identifying
        self._decide = deciding
        self._disclose = disclosing
        self._log = logging

    def read(self, requests: Sequence[ReadRequest]) -> list[ReleasedRead]:
        """One answer a request, in order, each logged before this returns.

        Raises Unavailable when the store or its disk cannot make the log durable: then nothing is released. Where a
        batch fails as a whole, its reads are tried one by one, and those that fail alone are refused.
        """
        if not requests:
            return []
        try:
            return self._read_batch(requests)
        except (IntegrityError, Unavailable):
            if len(requests) == 1:
                raise
        return [self._read_alone(request) for request in requests]

    def _read_batch(self, requests: Sequence[ReadRequest]) -> list[ReleasedRead]:
        for _ in range(_TRIES):
            with self._store.write() as unit:
                loaded = monotonic()
                minimised = self._minimise(unit, requests)
                logged = self._log.append(unit, minimised)
            if monotonic() - loaded <= STALE_SECONDS:
                return self._disclose.release(minimised, logged)
        raise Unavailable("the disk took too long to make the log durable; nothing was released, try again")

    def _minimise(self, unit: WriteUnit, requests: Sequence[ReadRequest]) -> list[MinimisedRead]:
        """The five types in their order; mypy refuses any other."""
        state = unit.state()
        identified = self._identify.identify(unit, state, requests)
        permitted = self._decide.decide(unit, state, identified)
        opened = self._disclose.open(permitted)
        return self._disclose.minimise(opened)

    def _read_alone(self, request: ReadRequest) -> ReleasedRead:
        try:
            return self._read_batch([request])[0]
        except PrivetError as error:
            return self._disclose.failed(request, Reason.BATCH_FAILED, error)
