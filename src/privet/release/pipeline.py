"""The way of a read, start here: identify, decide, decrypt, transform, audit, and only then release.

The unit of work is a batch; one read is a batch of one. All of it happens in one write unit of the store, so the
consent decided on is the consent in force when the leaf becomes durable, and no value leaves before that.
Nobody waits for a policy engine elsewhere in a unit of work: reads that must are left out, policy is asked, and they
run as another batch, on what is then in force.
Refuses to release what was not logged, what policy did not grant, what `admit` refuses on the vault as loaded, and a
batch whose commit took so long that the decision may be stale: that one is decided again.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from time import monotonic

from privet.decide.verdict import NO_ANSWERS, Answers, Undecided
from privet.domain.decision import Reason
from privet.domain.ports import Store, VaultState, WriteUnit
from privet.domain.request import ReadRequest
from privet.errors import Conflict, IntegrityError, PrivetError, StoreGone, Unauthenticated, Unavailable
from privet.release.deciding import Deciding
from privet.release.disclosing import Disclosing
from privet.release.identifying import Identifying
from privet.release.logging import Logging
from privet.release.stages import MinimisedRead, ReleasedRead

STALE_SECONDS = 2.0
"""A decision is acted on within this long of the load it was made on."""
_TRIES = 3
_TURNS = 3
"""How often policy is asked for one read, whose facts may change meanwhile; what is then not known is refused."""

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
        found: list[ReleasedRead | None] = [None] * len(requests)
        places: Sequence[int] = range(len(requests))
        answers = NO_ANSWERS
        for turn in range(_TURNS + 1):
            wanted = self._settle(requests, places, admit, answers, found)
            if not wanted:
                break
            answers = Answers({**answers, **self._decide.ask(wanted)})
            answers.last = turn == _TURNS - 1
            places = [at for at in places if found[at] is None]
        return [read for read in found if read is not None]

    def read_known(
        self, requests: Sequence[ReadRequest], admit: Admit | None = None
    ) -> list[ReleasedRead | None]:
        """As `read`, but waits for no policy engine: None for each read that would. `read` those apart."""
        found: list[ReleasedRead | None] = [None] * len(requests)
        self._settle(requests, range(len(requests)), admit, NO_ANSWERS, found)
        return found

    def _settle(
        self,
        requests: Sequence[ReadRequest],
        places: Sequence[int],
        admit: Admit | None,
        answers: Answers,
        found: list[ReleasedRead | None],
    ) -> list[bytes]:
        """Puts into `found` the answers to all of `places` that can be decided now; what must be asked for the rest."""
        wanted: list[bytes] = []
        while places:
            whole = len(places) == len(requests)
            batch = requests if whole else [requests[at] for at in places]
            try:
                released = self._read_batch(batch, admit if whole else _of(admit, places), answers)
            except Undecided as undecided:
                wanted += undecided.questions
                places = [at for i, at in enumerate(places) if i not in undecided.places]
                continue
            except (IntegrityError, Unavailable) as error:
                if len(requests) == 1 or (whole and isinstance(error, NoUnit)):
                    raise
                return wanted + self._read_singly(requests, places, admit, answers, found)
            for at, read in zip(places, released, strict=True):
                found[at] = read
            break
        return wanted

    def load(
        self,
        requests: Sequence[ReadRequest],
        admit: Admit | None = None,
        *,
        wait: bool = True,
        answers: Answers = NO_ANSWERS,
    ) -> "LoadedBatch":
        """All of a batch but its commit, for a caller that commits elsewhere: it must `commit` or `abandon` it.

        With `wait` False, Unavailable at once where another has the store's pen. Nothing can be had of a LoadedBatch
        before its leaves are durable. Raises Undecided, by place, where a policy engine must be asked first: `read`
        those apart, and load the rest again.
        """
        ending = ExitStack()
        with ending:
            try:
                unit = ending.enter_context(self._store.write(wait=wait))
            except Unavailable as error:
                raise NoUnit(error.message) from None
            loaded = monotonic()
            self._identify.expect(unit, requests)
            state = unit.state()
            refused = admit(state) if admit is not None else ()
            admitted = [r for at, r in enumerate(requests) if at not in refused] if refused else requests
            try:
                minimised = self._minimise(unit, state, admitted, answers) if admitted else []
            except Undecided as undecided:
                raise undecided.among([at for at in range(len(requests)) if at not in refused]) from None
            logged = self._log.append(unit, minimised)
            return LoadedBatch(self._disclose, requests, refused, minimised, logged, loaded, ending.pop_all())
        raise AssertionError("unreachable")

    def _read_batch(
        self, requests: Sequence[ReadRequest], admit: Admit | None, answers: Answers
    ) -> list[ReleasedRead]:
        for turn in range(_TRIES):
            try:
                released = self.load(requests, admit, answers=answers).commit()
            except Conflict:  # another transaction was in the way (40001, 40P01)
                continue
            except StoreGone as gone:  # in mid-unit: once more, on another connection
                if turn or not gone.undone:
                    raise
                continue
            if released is not None:
                return released
        raise Unavailable("the disk took too long to make the log durable; nothing was released, try again")

    def _minimise(
        self, unit: WriteUnit, state: VaultState, requests: Sequence[ReadRequest], answers: Answers
    ) -> list[MinimisedRead]:
        """The five types in their order; mypy refuses any other."""
        identified = self._identify.identify(unit, state, requests)
        permitted = self._decide.decide(unit, state, identified, answers)
        opened = self._disclose.open(permitted)
        return self._disclose.minimise(opened)

    def _read_singly(
        self,
        requests: Sequence[ReadRequest],
        places: Sequence[int],
        admit: Admit | None,
        answers: Answers,
        found: list[ReleasedRead | None],
    ) -> list[bytes]:
        """Each of `places` by itself, after their batch failed. What must be asked for those that are left."""
        wanted: list[bytes] = []
        gone: NoUnit | None = None
        for at in places:
            error: PrivetError | None = gone  # one after the other, each would wait as long for the store
            if error is None:
                try:
                    found[at] = self._read_batch([requests[at]], _of(admit, [at]), answers)[0]
                    continue
                except Undecided as undecided:
                    wanted += undecided.questions
                    continue
                except NoUnit as none:
                    error = gone = none
                except PrivetError as failure:
                    error = failure
            found[at] = self._disclose.failed(requests[at], Reason.BATCH_FAILED, error)
        return wanted


def _of(admit: Admit | None, places: Sequence[int]) -> Admit | None:
    """`admit` for a batch of some of its requests."""
    if admit is None:
        return None

    def of_some(state: VaultState) -> Collection[int]:
        refused = admit(state)
        return {i for i, at in enumerate(places) if at in refused}

    return of_some


class NoUnit(Unavailable):
    """The store gave no unit of work, whatever was to be read in it."""


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
