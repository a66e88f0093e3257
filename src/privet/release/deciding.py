"""Stage 2: what is known of the subject now, and what policy says to that.

Refuses where the facts do not open, and where a look-up led to a row that does not hold the value looked for: such a
read gets the answer that nobody gets. The log says why for the first, and is about nobody for the second.
"""

from collections.abc import Iterable, Sequence

from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys
from privet.crypto.facts import open_facts
from privet.crypto.keyring import Keyring
from privet.decide.controls import ControlBox
from privet.decide.facts import facts_for
from privet.decide.question import NO_CONTROLS, Circumstances
from privet.decide.verdict import NO_ANSWERS, Answers, Judge, Question, Verdict
from privet.domain.catalogue import Catalogue, Collection
from privet.domain.coarse import coarse_day
from privet.domain.decision import Decision
from privet.domain.ids import NOBODY, VaultId
from privet.domain.ports import Clock, ReadUnit, RecordRow, Standing, SubjectRow, VaultState
from privet.domain.request import By, Window
from privet.domain.subject import NOTHING_STANDS, StandingWishes
from privet.errors import IntegrityError
from privet.identify.lookup import Lookups
from privet.release.stages import IdentifiedRead, PermittedRead

_NOTHING: frozenset[str] = frozenset()


class Deciding:
    """Informs and asks the judge for a batch."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        keyring: Keyring,
        vault: VaultId,
        judge: Judge,
        controls: ControlBox,
        lookups: Lookups,
        standing: Standing,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._lookups = lookups
        self._keyring = keyring
        self._vault = vault
        self._judge = judge
        self._controls = controls
        self._standing = standing
        self._clock = clock
        self._path_by_number = {field.number: path for path, field in catalogue.every_field.items()}

    def decide(
        self,
        unit: ReadUnit,
        state: VaultState,
        identified: Sequence[IdentifiedRead],
        answers: Answers = NO_ANSWERS,
    ) -> list[PermittedRead]:
        """One verdict a read. For a permitted history its records are loaded, still sealed.

        Raises Undecided where the engine must be asked first.
        """
        self._standing.refresh()
        now = self._clock()
        keys_of: dict[bytes, SubjectKeys | None] = {}
        questions = []
        asked, controls, above = None, NO_CONTROLS, _NOTHING
        reads = []
        for read in identified:
            if read.asked is not asked:
                asked = read.asked
                controls = self._controls.bearing_on(state, asked.service, asked.purpose)
                above = self._catalogue.ancestors.get(asked.purpose, _NOTHING)
            row = read.row
            person = None
            stands = NOTHING_STANDS
            if row is not None:
                stands = self._standing.find(row.subject) or NOTHING_STANDS
                if stands.erased:  # somebody put her row back
                    read, row = read._replace(subject=NOBODY, row=None), None
            if row is not None:
                if row.subject not in keys_of:
                    keys_of[row.subject] = self._unwrap(row)
                keys = keys_of[row.subject]
                who = read.request.subject
                # a pairwise id is authenticated itself; an index's word is not
                if keys is not None and isinstance(who, By) and not self._is_led_right(keys, row, who):
                    read = read._replace(subject=NOBODY, row=None)
                elif keys is not None:
                    person = self._facts(keys, row, asked.purpose, above, now, stands)
                    if person is None:
                        keys_of[row.subject] = None
            questions.append(Question(asked, person, controls))
            reads.append(read)
        verdicts = self._judge.judge(questions, answers)
        return [
            PermittedRead(
                read,
                verdict,
                keys_of.get(read.subject),
                self._records(unit, read, verdict) if read.request.window is not None else (),
            )
            for read, verdict in zip(reads, verdicts, strict=True)
        ]

    def ask(self, questions: Iterable[bytes]) -> dict[bytes, Decision]:
        """Puts questions that were Undecided to the engine. Waits for it: never within a unit of work."""
        return self._judge.ask(questions)

    def _unwrap(self, row: SubjectRow) -> SubjectKeys | None:
        try:
            return unwrap_subject_keys(self._keyring, self._vault, row.subject, row.keys)
        except IntegrityError:
            return None

    def _is_led_right(self, keys: SubjectKeys, row: SubjectRow, who: By) -> bool:
        try:
            self._lookups.verify_held(keys, row, who)
        except IntegrityError:
            return False
        return True

    def _facts(
        self,
        keys: SubjectKeys,
        row: SubjectRow,
        purpose: str,
        above: frozenset[str],
        now: int,
        stands: StandingWishes,
    ) -> Circumstances | None:
        try:
            payload = open_facts(keys, self._vault, row.subject, row.facts_rev, row.facts)
            return facts_for(
                payload,
                purpose=purpose,
                above=above,
                numbers=self._path_by_number,
                now=now,
                standing=stands,
            )
        except IntegrityError:
            return None

    def _records(self, unit: ReadUnit, read: IdentifiedRead, verdict: Verdict) -> tuple[RecordRow, ...]:
        window = read.request.window
        if window is None or read.row is None or not verdict.released:
            return ()
        collection = self._catalogue.collections[window.collection]
        return tuple(
            unit.records(
                read.row.subject,
                collection.number,
                since=_day(collection, window.since),
                until=_day(collection, window.until),
                limit=_cut(window),
            )
        )


def _day(collection: Collection, moment: int | None) -> int | None:
    return None if moment is None else coarse_day(collection.coarse_time, moment)


def _cut(window: Window) -> int | None:
    """The store may cut by coarse time only where no exact bound can drop what it kept."""
    return window.limit if window.until is None else None
