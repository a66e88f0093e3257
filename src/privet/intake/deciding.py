"""May this be written? The same judge as for reads, asked about the operation `write`.

All or nothing: one field denied refuses the write, and so does a name that such a write cannot store. Policy is asked
nothing of the person. That nobody may be enrolled, and that what is held of somebody restricted may not be changed, is
said in the words a service hears about anyone it may not see.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.decide.controls import ControlBox
from privet.decide.question import Asked, Circumstances
from privet.decide.verdict import NO_ANSWERS, Answers, Judge, Question, Verdict
from privet.decide.wording import Wording
from privet.domain.catalogue import Catalogue, matches
from privet.domain.decision import Decision as PolicyDecision
from privet.domain.decision import Operation, Reason
from privet.domain.ids import NOBODY
from privet.domain.ports import EntryRow, VaultState
from privet.domain.request import By
from privet.errors import AccessDenied, InvalidInput
from privet.intake.request import WriteRequest
from privet.intake.working import Working

_STRANGER = Circumstances()


class Permission(NamedTuple):
    """Either `refusal`, or what the entry's private part will say of the decision."""

    private: dict[str, Any]
    refusal: tuple[AccessDenied, EntryRow] | None = None


class WriteDecider:
    """Decides writes of services; the steward needs only a purpose that is not prohibited."""

    def __init__(self, *, catalogue: Catalogue, judge: Judge, controls: ControlBox, scribe: Scribe) -> None:
        self._catalogue = catalogue
        self._judge = judge
        self._controls = controls
        self._scribe = scribe
        self._wording = Wording(catalogue)

    def decide(
        self,
        state: VaultState,
        request: WriteRequest,
        working: Working | None,
        answers: Answers = NO_ANSWERS,
        *,
        barred: Callable[[], bool] = lambda: False,
    ) -> Permission:
        """Raises InvalidInput for a steward's mistake; a service's refusal comes with its log entry.

        `barred`, asked once policy permits it: she has processing restricted, and this would change what is held.
        Raises Undecided where the engine must be asked first.
        """
        if request.service is None:
            self._check_steward(request)
            return Permission({"actor": "steward", "peer": request.peer})
        verdict = self._verdict(state, request, answers)
        told = {path: said.reason for path, said in verdict.decision.fields.items() if said.effect == "deny"}
        for path in (
            request.unknown
        ):  # of a collection, to a put: policy knows the name, the write has no place for it
            told.setdefault(path, Reason.UNKNOWN_FIELD.value)
        true = told
        if not told:
            restricted = barred()
            if restricted or (working is None and not self._may_enrol(request)):
                told = dict.fromkeys(verdict.decision.fields, Reason.NOT_AVAILABLE.value)
                true = dict.fromkeys(told, Reason.RESTRICTED.value) if restricted else told
        private = {
            "effects": "".join(
                verdict.decision.fields[path].effect[0] for path in sorted(verdict.decision.fields)
            ),
            "input": orjson.loads(verdict.question),
            "peer": request.peer,
            "reasons": true,
        }
        if not told:
            return Permission(private)
        return Permission(private, self._refuse(request, working, verdict, told, private))

    def ask(self, questions: Iterable[bytes]) -> dict[bytes, PolicyDecision]:
        """Puts questions that were Undecided to the engine. Waits for it: never within a unit of work."""
        return self._judge.ask(questions)

    def _verdict(self, state: VaultState, request: WriteRequest, answers: Answers) -> Verdict:
        assert request.service is not None
        service = self._catalogue.services[request.service]
        who = request.subject
        lookup = who.field if isinstance(who, By) else ""
        if service.enrols and any(matches(pattern, lookup) for pattern in service.fields):
            lookup = ""  # who may enrol people by a value may name them by it when it writes
        asked = Asked(
            service.name,
            Operation.WRITE.value,
            request.purpose,
            tuple(sorted({*self._decided(request), *request.unknown})),
            service.recipient,
            lookup,
        )
        controls = self._controls.bearing_on(state, service.name, request.purpose)
        return self._judge.judge([Question(asked, _STRANGER, controls)], answers)[0]

    def _decided(self, request: WriteRequest) -> list[str]:
        """The fields policy is asked about: a record's time and key come with any of its fields."""
        if request.collection is None:
            return list(request.values)
        collection = self._catalogue.collections[request.collection]
        implied = {collection.fields[name].path for name in (collection.time, collection.key) if name}
        return [path for path in request.values if path not in implied] or list(request.values)

    def _may_enrol(self, request: WriteRequest) -> bool:
        assert request.service is not None
        named = isinstance(request.subject, By)
        return named and request.collection is None and self._catalogue.services[request.service].enrols

    def _check_steward(self, request: WriteRequest) -> None:
        purpose = self._catalogue.purposes.get(request.purpose)
        if purpose is None:
            known = ", ".join(sorted(self._catalogue.purposes))
            raise InvalidInput(f"there is no such purpose; purposes here: {known}", field="purpose")
        if purpose.prohibited:
            raise InvalidInput("nothing may be written for a prohibited purpose", field="purpose")
        if request.unknown:
            raise InvalidInput(
                "the catalogue does not know every field named; see `privet policy check`", field="fields"
            )

    def _refuse(
        self,
        request: WriteRequest,
        working: Working | None,
        verdict: Verdict,
        told: dict[str, str],
        private: dict[str, Any],
    ) -> tuple[AccessDenied, EntryRow]:
        assert request.service is not None
        # The size depends on the request alone, so that refusals about somebody and nobody are of one length.
        size = 512 + 2 * len(verdict.question) + 64 * len(told) + len(request.peer.encode())
        entry = self._scribe.act(
            Act.PUT.value if request.collection is None else Act.RECORD.value,
            Decision.REFUSE,
            private,
            keys=None if working is None else working.keys,
            subject=NOBODY if working is None else working.subject,
            purpose=verdict.purpose,
            basis=verdict.basis,
            service=request.service,
            size=size,
        )
        withheld = self._wording.withheld(request.service, request.purpose, told)
        denied = AccessDenied(
            self._wording.refusal(withheld),
            reasons=sorted(set(told.values())),
            withheld=withheld,
            audit_id=entry.id.hex(),
        )
        return denied, entry
