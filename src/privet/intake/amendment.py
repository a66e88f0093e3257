"""One change to one subject: her row is loaded and opened, the change made, sealed and logged, in one write unit.

Rights and consents go through here. A lost compare-and-swap is tried again with what then stands, so they never fail
because a service wrote meanwhile, and a write can never undo them. What tightens (a withdrawal, an erasure) is in the
control journal before the commit, what loosens only after it: a crash between the two errs to the safe side.
REFUSES nobody (NotFound), and a row whose keys or facts do not open (IntegrityError).
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from privet.audit.scribe import Scribe
from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys
from privet.crypto.facts import open_facts, seal_facts
from privet.crypto.keyring import Keyring
from privet.decide.facts import encode_facts, parse_facts
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.domain.ports import Clock, ControlJournal, EntryRow, Randomness, Store, SubjectRow, WriteUnit
from privet.domain.subject import Facts
from privet.errors import Conflict, KeyDestroyed, NotFound, Unavailable

NOBODY_HERE = "there is nobody of that name here"
_TRIES = 40
_LOOSENING = frozenset({"unrestrict", "unobject"})

T = TypeVar("T")


class Standing(Conflict):
    """A conflict that does not pass by trying again: a legal hold, a notice that has changed."""


class Held(NamedTuple):
    """What a change sees: the row as it stands in this unit, opened as far as keys and facts."""

    unit: WriteUnit
    row: SubjectRow
    keys: SubjectKeys
    facts: Facts
    now: Millis


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment(Generic[T]):
    """What a change wants: None leaves a column as it is. Every act has its entry; there is no way without."""

    result: T
    entry: EntryRow
    facts: Facts | None = None
    fields: bytes | None = None
    journal: tuple[tuple[str, str], ...] = ()
    """(act, purpose or "") for the control journal."""


class Amendments:
    """Makes changes. Safe to share between threads as far as its store is."""

    def __init__(
        self,
        *,
        store: Store,
        keyring: Keyring,
        vault: VaultId,
        scribe: Scribe,
        journal: ControlJournal,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self.store = store
        self.keyring = keyring
        self.vault = vault
        self.scribe = scribe
        self.journal = journal
        self.clock = clock
        self.randomness = randomness

    def amend(self, subject: SubjectId, change: Callable[[Held], Amendment[T]]) -> T:
        """Runs `change` in a write unit and returns its result once that is durable. `change` may run several times.

        Raises NotFound when she is not there (any more), Unavailable when the store is, and what `change` raises.
        """
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))  # noqa: S311  spreads the tries out
            try:
                return self._once(subject, change)
            except Standing:
                raise
            except Conflict:
                continue
        raise Unavailable("this person's data is being written without a pause; try again")

    def _once(self, subject: SubjectId, change: Callable[[Held], Amendment[T]]) -> T:
        with self.store.write() as unit:
            row = unit.find_rows((subject,)).get(subject)
            if row is None:
                raise NotFound(NOBODY_HERE)
            keys = self.unwrap(row)
            facts = parse_facts(open_facts(keys, self.vault, subject, row.facts_rev, row.facts))
            made = change(Held(unit, row, keys, facts, self.clock()))
            if made.facts is not None:
                sealed = seal_facts(
                    keys,
                    self.randomness(12),
                    self.vault,
                    subject,
                    row.facts_rev + 1,
                    encode_facts(made.facts),
                )
                unit.swap_facts(subject, row.facts_rev, sealed)
            if made.fields is not None:
                unit.swap_fields(subject, row.fields_rev, made.fields)
            unit.append((made.entry,))
            for act, purpose in made.journal:
                if act not in _LOOSENING:
                    self.journal.append(act, subject, purpose=purpose, at=self.clock())
        for act, purpose in made.journal:
            if act in _LOOSENING:
                self.journal.append(act, subject, purpose=purpose, at=self.clock())
        return made.result

    def unwrap(self, row: SubjectRow) -> SubjectKeys:
        """A row's keys. Another process may have opened an epoch: the keyring is read again before giving up."""
        try:
            return unwrap_subject_keys(self.keyring, self.vault, row.subject, row.keys)
        except KeyDestroyed:
            self.keyring.reload()
            return unwrap_subject_keys(self.keyring, self.vault, row.subject, row.keys)
