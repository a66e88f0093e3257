"""Restriction (GDPR Art. 18), objection (Art. 21), and the steward's legal hold: flags in the sealed facts.

Each is idempotent: asked for again, it changes nothing, is no error, and is logged all the same. Refuses an objection
to a purpose that rests on a legal obligation or a vital interest: the law, not the vault, says there is none.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from privet.audit.leaf import Act, Decision
from privet.domain.catalogue import Catalogue, LegalBasis, Purpose
from privet.domain.ids import SubjectId
from privet.domain.subject import Facts
from privet.errors import InvalidInput
from privet.intake.amendment import Amendment, Amendments, Held

CUSTOMER = "customer"
UNOBJECT = Act.UNOBJECT
_NO_OBJECTION = {
    LegalBasis.LEGAL_OBLIGATION: "the law obliges the organisation to it",
    LegalBasis.VITAL_INTEREST: "somebody's life may depend on it",
}


class Wishes(NamedTuple):
    """What of hers stands in the way of processing."""

    restricted: bool
    objected: frozenset[str]


def may_object(catalogue: Catalogue, purpose: str) -> bool:
    """Whether there is an objection to a purpose of the catalogue (GDPR Art. 21)."""
    return catalogue.purposes[purpose].basis not in _NO_OBJECTION


class Flags:
    """Sets and lifts what stands in the way of processing. Each returns the audit id."""

    def __init__(self, *, amendments: Amendments) -> None:
        self._amendments = amendments

    def standing(self, subject: SubjectId, *, actor: str = CUSTOMER) -> Wishes:
        """What she has restricted and objected to, as services meet it. Logged. Raises NotFound."""

        def look(held: Held) -> Amendment[Wishes]:
            entry = self._amendments.scribe.act(
                Act.ACCESS,
                Decision.DONE,
                {"actor": actor, "what": "restriction and objections"},
                keys=held.keys,
                subject=held.subject,
            )
            return Amendment(result=Wishes(held.restricted, held.objected), entry=entry)

        return self._amendments.amend(subject, look)

    def restrict(self, subject: SubjectId, *, actor: str = CUSTOMER) -> str:
        """Nothing of hers is released to any service until it is lifted; storing goes on."""
        return self._set(
            subject, Act.RESTRICT, actor, lambda facts: replace(facts, restricted=True), "restrict"
        )

    def unrestrict(self, subject: SubjectId, *, actor: str = CUSTOMER) -> str:
        return self._set(
            subject, Act.UNRESTRICT, actor, lambda facts: replace(facts, restricted=False), "unrestrict"
        )

    def object(self, subject: SubjectId, purpose: str, *, actor: str = CUSTOMER) -> str:
        """No release for this purpose or any below it. Raises InvalidInput, saying why, where no such right is."""
        found = self._get_purpose(purpose)
        why = None if found.basis is None else _NO_OBJECTION.get(found.basis)
        if why is not None:
            raise InvalidInput(
                f"{purpose}: there is no objection to this purpose: {why} (GDPR Art. 21)", field="purpose"
            )
        return self._set(
            subject,
            Act.OBJECT,
            actor,
            lambda facts: replace(facts, objected=facts.objected | {purpose}),
            "object",
            purpose,
        )

    def unobject(self, subject: SubjectId, purpose: str, *, actor: str = CUSTOMER) -> str:
        """Takes an objection back; consent and policy still decide. Raises InvalidInput for an unknown purpose."""
        self._get_purpose(purpose)
        return self._set(
            subject,
            UNOBJECT,
            actor,
            lambda facts: replace(facts, objected=facts.objected - {purpose}),
            "unobject",
            purpose,
        )

    def hold(self, subject: SubjectId, on: bool, *, reason: str, until: str | None = None, actor: str) -> str:
        """Sets or lifts a legal hold: while it stands, neither erasure nor retention takes anything away.

        `reason` and `until` (free text) are told to whoever asks for erasure meanwhile.
        """
        if on and not 0 < len(reason) <= 500:
            raise InvalidInput("a legal hold needs its reason, of at most 500 characters", field="reason")
        told: dict[str, Any] = {"on": on, "reason_told": reason, "until": until}
        return self._set(subject, Act.HOLD, actor, lambda facts: replace(facts, hold=on), None, None, told)

    def _get_purpose(self, name: str) -> Purpose:
        found = self._amendments.catalogue.purposes.get(name) if type(name) is str else None
        if found is None:
            raise InvalidInput("no purpose of that name is in the catalogue", field="purpose")
        return found

    def _set(
        self,
        subject: SubjectId,
        act: str,
        actor: str,
        change: Callable[[Facts], Facts],
        journal: str | None,
        purpose: str | None = None,
        told: dict[str, Any] | None = None,
    ) -> str:
        def amend(held: Held) -> Amendment[str]:
            before = held.facts
            held.working.set_facts(change(before))
            private: dict[str, Any] = {"actor": actor, "changed": held.facts != before, **(told or {})}
            if purpose is not None:
                private["purpose"] = purpose
            entry = self._amendments.scribe.act(
                act, Decision.DONE, private, keys=held.keys, subject=held.subject, purpose=purpose
            )
            lines = () if journal is None else ((journal, purpose or ""),)
            return Amendment(result=entry.id.hex(), entry=entry, journal=lines)

        return self._amendments.amend(subject, amend)
