"""From what was asked and what is known to a verdict: what may be opened, what may be told, what the log will say.

A verdict depends on (revision, question) only, so equal questions share one; nothing in it is about one person. Each
read is also decided for the phantom: where the phantom gets nothing, a wholly refused read tells the phantom's
reasons; where it would get something, the wholly refused and the unknown are told the same `not_available`.
Refuses to grant what the engine denied, and what it granted of a field that has no catalogue number.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from privet.crypto.padding import padme
from privet.decide.answer import deny_question, is_failure
from privet.decide.question import Asked, Circumstances, Controls, canonical_input, phantom_input
from privet.decide.wording import Wording
from privet.domain.answer import Withheld
from privet.domain.catalogue import Catalogue
from privet.domain.decision import Decision, Grant, GrantedField, PolicyEngine, Reason

_KEPT = 16_384
_LONGEST_KEPT = 16_384
"""Callers choose names: a very long question is prepared anew each time, rather than held."""
_KEPT_FIELDS = 262_144
"""Of all verdicts kept, together: callers choose how many fields a question has."""
_ROOM_A_FIELD = 64
_ROOM = 512


class Verdict(NamedTuple):
    """One decision, prepared for every later stage."""

    question: bytes
    decision: Decision
    phantom: Decision
    released: bool
    grant: Grant
    withheld: Mapping[str, Withheld]
    """As the caller may hear it."""
    message: str
    reasons: tuple[str, ...]
    word: str
    """The leaf's decision: permit, partial or refuse."""
    basis: str | None
    purpose: str | None
    """As the leaf may name it: None when the catalogue does not know it (a caller could have put anything there)."""
    classes: list[str]
    private_head: bytes
    private_mid: bytes
    private_tail: bytes
    """The private part's JSON around what differs from read to read."""
    size: int | None
    """Padded size of a refusal's private part, from the request alone."""


class Question(NamedTuple):
    """What is put to the judge for one read. `person` None: nobody was found."""

    asked: Asked
    person: Circumstances | None
    controls: Controls


class Answers(dict[bytes, Decision]):
    """What the engine said to questions put to it before the unit of work, failures included."""

    last = False
    """Nothing more will be asked: what is still not known is refused."""


NO_ANSWERS = Answers()


class Undecided(Exception):
    """Not a failure: some of the questions must be put to an engine elsewhere first, with no unit of work held."""

    def __init__(self, places: frozenset[int], questions: tuple[bytes, ...]) -> None:
        super().__init__(f"{len(places)} to be asked")
        self.places = places
        """Which of the questions given to `judge`."""
        self.questions = questions

    def among(self, places: Sequence[int]) -> "Undecided":
        """The same of a longer list, of which `places` were the questions given."""
        return Undecided(frozenset(places[at] for at in self.places), self.questions)


class Judge:
    """Puts questions to the engine, a batch at a time, and keeps the verdicts of those it has seen."""

    def __init__(self, *, catalogue: Catalogue, engine: PolicyEngine) -> None:
        self._catalogue = catalogue
        self._engine = engine
        self._wording = Wording(catalogue)
        self._kept: dict[Question, Verdict] = {}
        self._kept_fields = 0

    @property
    def revision(self) -> str:
        return self._engine.revision

    def ask(self, questions: Iterable[bytes]) -> dict[bytes, Decision]:
        """What the engine says to questions that were Undecided. Waits for it: never within a unit of work."""
        distinct = list(dict.fromkeys(questions))
        return dict(zip(distinct, self._engine.decide(distinct), strict=True))

    def judge(self, questions: Sequence[Question], answers: Answers = NO_ANSWERS) -> list[Verdict]:
        """One verdict a question, in order. The engine is asked each time; what it answers is prepared once.

        Raises Undecided where an engine elsewhere must be asked, and `answers` do not have it.
        """
        distinct: list[Question] = []
        places = []
        for question in questions:
            # Neighbours mostly ask the same of people in the same circumstances: no need to hash each question.
            if not distinct or question != distinct[-1]:
                distinct.append(question)
            places.append(len(distinct) - 1)
        inputs = [
            phantom_input(asked, controls) if person is None else canonical_input(asked, person, controls)
            for asked, person, controls in distinct
        ]
        decisions = self._engine.recall(inputs)
        if None in decisions:
            decisions = [self._known(text, answers) for text in inputs]
        kept = self._kept
        verdicts: list[Verdict] = []
        for question, text, decision in zip(distinct, inputs, decisions, strict=True):
            verdict = kept.get(question)
            if decision is None or verdict is None or verdict.decision is not decision:
                phantom = self._known(phantom_input(question.asked, question.controls), answers)
                if decision is None or phantom is None:
                    raise self._undecided(distinct, inputs, places, answers)
                verdict = self._prepare(question, text, decision, phantom)
                if len(text) > _LONGEST_KEPT or is_failure(decision) or is_failure(phantom):
                    verdicts.append(verdict)
                    continue
                self._kept_fields += len(question.asked.fields)
                if len(kept) >= _KEPT or self._kept_fields > _KEPT_FIELDS:
                    kept.clear()
                    self._kept_fields = len(question.asked.fields)
                kept[question] = verdict
            verdicts.append(verdict)
        return [verdicts[place] for place in places]

    def unreadable(self, asked: Asked, controls: Controls) -> Verdict:
        """The verdict on a row whose keys or facts do not open: the answer is that about nobody."""
        return self.judge([Question(asked, None, controls)])[0]

    def _known(self, text: bytes, answers: Answers) -> Decision | None:
        said = self._engine.recall([text])[0] or answers.get(text)
        if said is None and answers.last:
            return deny_question(text, Reason.ENGINE_TIMEOUT, self.revision)
        return said

    def _undecided(
        self, distinct: Sequence[Question], inputs: Sequence[bytes], places: Sequence[int], answers: Answers
    ) -> Undecided:
        """All that must be asked for this batch, at once."""
        wanted: dict[bytes, None] = {}
        waiting = set()
        for at, ((asked, _, controls), text) in enumerate(zip(distinct, inputs, strict=True)):
            for needed in (text, phantom_input(asked, controls)):
                if self._known(needed, answers) is None:
                    wanted[needed] = None
                    waiting.add(at)
        return Undecided(frozenset(at for at, place in enumerate(places) if place in waiting), tuple(wanted))

    def _prepare(self, question: Question, text: bytes, decision: Decision, phantom: Decision) -> Verdict:
        asked, person, _ = question
        fields = self._catalogue.every_field
        nobody = person is None
        released = decision.released and not nobody
        told = _told(decision, phantom, released=released)
        withheld = self._wording.withheld(asked.service, asked.purpose, told)
        granted = tuple(
            GrantedField(path, fields[path].number, said.transform)
            for path in asked.fields
            if (said := decision.fields[path]).effect != "deny" and path in fields and fields[path].number
        )
        if not released:
            granted = ()
        purpose = self._catalogue.purposes.get(asked.purpose)
        effects = "".join(decision.fields[path].effect[0] for path in sorted(decision.fields))
        true_reasons = {
            path: said.reason for path, said in sorted(decision.fields.items()) if said.effect == "deny"
        }
        refused = not released
        return Verdict(
            question=text,
            decision=decision,
            phantom=phantom,
            released=released,
            grant=Grant(fields=granted, numbers=frozenset(field.number for field in granted)),
            withheld=withheld,
            message=self._wording.refusal(withheld) if refused else "",
            reasons=tuple(sorted({kept.reason for kept in withheld.values()})),
            word="refuse" if refused else ("partial" if withheld else "permit"),
            basis=str(purpose.basis) if purpose and purpose.basis else None,
            purpose=purpose.name if purpose else None,
            classes=sorted({fields[field.path].category for field in granted}),
            private_head=b'{"effects":"%s","facts":' % effects.encode(),
            private_mid=b',"input":%s,"nobody":%s,"peer":' % (text, b"true" if nobody else b"false"),
            private_tail=b',"reasons":%s,"subject":"' % orjson.dumps(true_reasons),
            size=_refusal_size(asked, self._catalogue.ancestors.get(asked.purpose, frozenset()))
            if refused
            else None,
        )


def _told(decision: Decision, phantom: Decision, *, released: bool) -> Mapping[str, str]:
    """Reason by withheld field, as the caller may hear it (design: the phantom)."""
    if released:
        return {path: said.reason for path, said in decision.fields.items() if said.effect == "deny"}
    return {
        path: said.reason if said.effect == "deny" else Reason.NOT_AVAILABLE.value
        for path, said in phantom.fields.items()
    }


def _refusal_size(asked: Asked, above: frozenset[str]) -> int:
    """Room for any true reason and any circumstances, computed from the request alone, so that lengths tell nothing."""
    names = sum(len(orjson.dumps(path)) for path in asked.fields)  # as JSON: an escape takes six bytes
    static = (
        len(asked.service) + len(asked.recipient) + len(asked.lookup) + 8 * len(orjson.dumps(asked.purpose))
    )
    static += sum(2 * len(name.encode()) + 6 for name in above)
    return padme(_ROOM + static + 3 * names + _ROOM_A_FIELD * len(asked.fields))
