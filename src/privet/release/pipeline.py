"""The way of a read, start here: identify, decide, decrypt, transform, audit, and only then release.

The unit of work is a batch; one read is a batch of one. All of it happens in one write unit of the store, so the
consent decided on is the consent in force when the leaf becomes durable, and no value leaves before that.
Refuses to release what was not logged, what policy did not grant, what `admit` refuses on the vault as loaded, and a
batch whose commit took so long that the decision may be stale: that one is decided again.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from time import monotonic

from privet.domain.decision import Reason
from privet.domain.ports import Store, VaultState, WriteUnit
from privet.domain.request import ReadRequest
from privet.errors import IntegrityError, PrivetError, Unauthenticated, Unavailable
from privet.release.deciding import Deciding
from privet.release.disclosing import Disclosing
from privet.release.identifying import Identifying
from privet.release.logging import Logging
from privet.release.stages import MinimisedRead, ReleasedRead

STALE_SECONDS = 2.0
"""A decision is acted on within this long of the load it was made on."""
_TRIES = 3

Admit = Callable[[VaultState], Collection[int]]
"""Asked once a batch of the vault as loaded, before anything is read: which requests (by place) may not be answered,
since their callers' credentials no longer hold."""


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

    def read(self, requests: Sequence[ReadRequest], admit: Admit | None = None) -> list[ReleasedRead]:
        """One answer a request, in order, each logged before this returns. One whose caller is not admitted has
        Unauthenticated for its failure, and no leaf.

        Raises Unavailable when the store or its disk cannot make the log durable: then nothing is released. Where a
        batch fails as a whole, its reads are tried one by one, and those that fail alone are refused.
        """
        if not requests:
            return []
        try:
            return self._read_batch(requests, admit)
        except (IntegrityError, Unavailable):
            if len(requests) == 1:
                raise
        return [self._read_alone(request, at, admit) for at, request in enumerate(requests)]

    def load(
        self, requests: Sequence[ReadRequest], admit: Admit | None = None, *, wait: bool = True
    ) -> "LoadedBatch":
        """All of a batch but its commit, for a caller that commits elsewhere: it must `commit` or `abandon` it.

        With `wait` False, Unavailable at once where another has the store's pen. Nothing can be had of a LoadedBatch
        before its leaves are durable.
        """
        ending = ExitStack()
        with ending:
            unit = ending.enter_context(self._store.write(wait=wait))
            loaded = monotonic()
            state = unit.state()
            refused = admit(state) if admit is not None else ()
            admitted = [r for at, r in enumerate(requests) if at not in refused] if refused else requests
            minimised = self._minimise(unit, state, admitted) if admitted else []
            logged = self._log.append(unit, minimised)
            return LoadedBatch(self._disclose, requests, refused, minimised, logged, loaded, ending.pop_all())
        raise AssertionError("unreachable")

    def _read_batch(self, requests: Sequence[ReadRequest], admit: Admit | None) -> list[ReleasedRead]:
        for _ in range(_TRIES):
            released = self.load(requests, admit).commit()
            if released is not None:
                return released
        raise Unavailable("the disk took too long to make the log durable; nothing was released, try again")

    def _minimise(
        self, unit: WriteUnit, state: VaultState, requests: Sequence[ReadRequest]
    ) -> list[MinimisedRead]:
        """The five types in their order; mypy refuses any other."""
        identified = self._identify.identify(unit, state, requests)
        permitted = self._decide.decide(unit, state, identified)
        opened = self._disclose.open(permitted)
        return self._disclose.minimise(opened)

    def _read_alone(self, request: ReadRequest, at: int, admit: Admit | None) -> ReleasedRead:
        def alone(state: VaultState) -> Collection[int]:
            return (0,) if admit is not None and at in admit(state) else ()

        try:
            return self._read_batch([request], alone)[0]
        except PrivetError as error:
            return self._disclose.failed(request, Reason.BATCH_FAILED, error)


class LoadedBatch:
    """A batch that is decided, opened and logged in an open unit of work: committed, it may be released."""

    __slots__ = ("_disclose", "_ending", "_loaded", "_logged", "_minimised", "_refused", "_requests")

    def __init__(
        self,
        disclose: Disclosing,
        requests: Sequence[ReadRequest],
        refused: Collection[int],
        minimised: Sequence[MinimisedRead],
        logged: Sequence[bytes],
        loaded: float,
        ending: ExitStack,
    ) -> None:
        self._disclose = disclose
        self._requests = requests
        self._refused = refused
        self._minimised = minimised
        self._logged = logged
        self._loaded = loaded
        self._ending = ending

    def __repr__(self) -> str:
        return "LoadedBatch(hidden)"

    def commit(self) -> list[ReleasedRead] | None:
        """Makes the leaves durable and releases; None when that took so long that it must all be read again.

        Raises as `Pipeline.read` does: then nothing of this batch is released.
        """
        self._ending.close()
        if monotonic() - self._loaded > STALE_SECONDS:
            return None
        released = self._disclose.release(self._minimised, self._logged)
        if not self._refused:
            return released
        answers = iter(released)
        return [
            self._unknown(request) if at in self._refused else next(answers)
            for at, request in enumerate(self._requests)
        ]

    def abandon(self) -> None:
        """Undoes everything: nothing was logged, and nothing is released."""
        self._ending.__exit__(Unavailable, Unavailable("abandoned"), None)

    def _unknown(self, request: ReadRequest) -> ReleasedRead:
        error = Unauthenticated("the credential was revoked or replaced")
        return self._disclose.failed(request, Reason.BATCH_FAILED, error)
