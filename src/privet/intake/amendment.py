"""One change to one subject: her row is loaded and opened, the change made, sealed and logged, in one write unit.

Rights and consents go through here. The row is locked before it is loaded, and a lost compare-and-swap is tried again
with what then stands, so they never fail because a service wrote meanwhile, and a write can never undo them. What
tightens (a withdrawal, an objection) is in the control journal before the commit, what loosens only after it: a crash
between the two errs to the safe side.
REFUSES nobody (NotFound), and a row whose keys or facts do not open (IntegrityError).
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from privet.audit.scribe import Scribe
from privet.crypto.envelope import SubjectKeys
from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentStatus
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.domain.ports import Clock, ControlJournal, EntryRow, Randomness, Store, VaultState, WriteUnit
from privet.domain.ports import Standing as StandingPort
from privet.domain.subject import NOTHING_STANDS, Facts, StandingWishes, standing_status
from privet.errors import Conflict, NotFound, StoreGone, Unavailable
from privet.identify.current import check_current
from privet.intake.working import Sealer, Working

NOBODY_HERE = "there is nobody of that name here"
_TRIES = 40
_LOOSENING = frozenset({"unrestrict", "unobject"})

T = TypeVar("T")


class Standing(Conflict):
    """A conflict that does not pass by trying again: a legal hold, a notice that has changed."""


class Held(NamedTuple):
    """What a change sees: the subject as she stands in this unit. Change `working`; it is stored afterwards."""

    unit: WriteUnit
    state: VaultState
    working: Working
    now: Millis
    stands: StandingWishes = NOTHING_STANDS
    """What the control journal says of her, which a row put back, or a crash amid a refusal, leaves standing."""

    @property
    def subject(self) -> SubjectId:
        return self.working.subject

    @property
    def keys(self) -> SubjectKeys:
        return self.working.keys

    @property
    def facts(self) -> Facts:
        return self.working.facts

    @property
    def restricted(self) -> bool:
        """As services meet it: by her row or by the journal."""
        return self.facts.restricted or self.stands.restricted

    @property
    def objected(self) -> frozenset[str]:
        return self.facts.objected | self.stands.objected

    def status(self, purpose: str) -> ConsentStatus:
        return standing_status(self.facts.consents.get(purpose), self.stands, purpose, self.now)

    @property
    def facts_rev(self) -> int:
        """The revision of the facts as loaded."""
        row = self.working.row
        return 0 if row is None else row.facts_rev


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment(Generic[T]):
    """What came of a change. Every act has its entry; there is no way without."""

    result: T
    entry: EntryRow
    journal: tuple[tuple[str, str], ...] = ()
    """(act, purpose or "") for the control journal."""
    at: Millis | None = None
    """When, for her facts and the journal alike, where that is not when her row was loaded."""


class Amendments:
    """Makes changes to the subjects of one vault."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        keyring: Keyring,
        vault: VaultId,
        sealer: Sealer,
        scribe: Scribe,
        journal: ControlJournal,
        standing: StandingPort,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.keyring = keyring
        self.vault = vault
        self.sealer = sealer
        self.scribe = scribe
        self.journal = journal
        self.standing = standing
        self.clock = clock
        self.randomness = randomness

    def amend(self, subject: SubjectId, change: Callable[[Held], Amendment[T]]) -> T:
        """Runs `change` in a write unit and returns its result once that is durable. `change` may run several times.

        Raises NotFound when she is not there (any more), Unavailable when the store is, and what `change` raises.
        """
        return self.insist(lambda: self._once(subject, change))

    def insist(self, act: Callable[[], T]) -> T:
        """Tries an act again while others are faster. Raises what it raises, but no passing Conflict."""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))  # noqa: S311  spreads the tries out
            try:
                return act()
            except Standing:
                raise
            except Conflict:
                continue
            except StoreGone as gone:
                if attempt or not gone.undone:
                    raise
        raise Unavailable("this person's data is being written without a pause; try again")

    def _once(self, subject: SubjectId, change: Callable[[Held], Amendment[T]]) -> T:
        with self.store.write() as unit:
            state = unit.state()
            check_current(self.catalogue, self.keyring, state)
            unit.lock_subject(subject)
            row = unit.find_rows((subject,)).get(subject)
            if row is None:
                raise NotFound(NOBODY_HERE)
            working = self.sealer.load(row)
            now = self.clock()
            self.standing.refresh()
            stands = self.standing.find(subject) or NOTHING_STANDS
            made = change(Held(unit, state, working, now, stands))
            self.sealer.store(unit, working, state.epoch)
            unit.append((made.entry,))
            for act, purpose in made.journal:
                if act not in _LOOSENING:
                    # of the very moment that the facts have: a yes after it is never taken for one before it
                    self.journal.append(act, subject, purpose=purpose, at=now if made.at is None else made.at)
        self._keep_loosened(subject, [line for line in made.journal if line[0] in _LOOSENING])
        return made.result

    def _keep_loosened(self, subject: SubjectId, lines: list[tuple[str, str]]) -> None:
        """Under the lock, and only while it is still so: the journal's last word is then the row's."""
        if not lines:
            return
        with self.store.write() as unit:
            unit.lock_subject(subject)
            row = unit.find_rows((subject,)).get(subject)
            facts = None if row is None else self.sealer.load(row).facts
            for act, purpose in lines:
                if facts is None or (facts.restricted if act == "unrestrict" else purpose in facts.objected):
                    continue
                self.journal.append(act, subject, purpose=purpose, at=self.clock())
