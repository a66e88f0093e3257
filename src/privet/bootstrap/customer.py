"""A customer's own session: what she may see of herself and ask for. The caller vouches that it is she.

Every method is logged, and may be called again without harm. Refuses nobody: once she is erased, all but `erase` raise
NotFound.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from privet.bootstrap.parts import Parts
from privet.bootstrap.subjects import get_subject, wire_rights
from privet.domain.answer import Access, Consent, Profile
from privet.domain.ids import SubjectId
from privet.domain.request import By
from privet.errors import InvalidInput
from privet.rights.correction import Corrected
from privet.rights.restriction import Wishes

T = TypeVar("T")


class Customer:
    """One customer, found at `Vault.customer`. Threads may share it."""

    def __init__(self, parts: Parts, who: By | SubjectId) -> None:
        if not isinstance(who, By | bytes):
            raise InvalidInput("name a customer by(field=value)", field="by")
        self._parts = parts
        self._rights = wire_rights(parts)
        self._subject = get_subject(parts, who) if isinstance(who, By) else who

    @classmethod
    def of(cls, parts: Parts, subject: SubjectId) -> "Customer":
        """The session of a subject who is known already: she has signed in. Erased since, she is NotFound later."""
        return cls(parts, subject)

    def profile(self) -> Profile:
        """All that is held: a mapping of field to value, with her collections."""
        return self._do(lambda: self._rights.own.profile(self._subject))

    def accesses(self, *, limit: int | None = None, thorough: bool = False) -> tuple[Access, ...]:
        """Who saw or changed her data, when, why, and what was refused and for which true reason; newest first.

        `thorough` looks through the whole log rather than its index: slower, and nothing can be hidden from it.
        """
        return self._do(lambda: self._rights.accesses.accesses(self._subject, limit=limit, thorough=thorough))

    def accesses_after(self, audit_id: str | None = None) -> Iterator[Access]:
        """Those older than this entry of hers, or all: newest first, each opened as the caller comes to it."""
        return self._do(lambda: self._rights.accesses.since(self._subject, audit_id))

    def standing(self) -> Wishes:
        """What she has restricted and objected to, without her data."""
        return self._do(lambda: self._rights.flags.standing(self._subject))

    def consents(self) -> tuple[Consent, ...]:
        """Every purpose that needs consent, or that she has spoken on, as it stands now."""
        return self._do(lambda: self._rights.choices.state(self._subject))

    def receipts(self) -> tuple[dict[str, Any], ...]:
        """The signed receipts issued so far, oldest first."""
        ledger = self._do(lambda: self._rights.choices.ledger(self._subject))
        return tuple(entry.receipt for entry in ledger if entry.receipt is not None)

    def consent(self, purpose: str, *, notice_version: str | None = None) -> dict[str, Any]:
        """Says yes; in force when this returns. Returns the signed receipt.

        `notice_version`: of the text she saw; Conflict when it is not the current one any more. Raises InvalidInput for
        an unknown or prohibited purpose.
        """
        return self._do(
            lambda: self._rights.choices.give(self._subject, purpose, notice_version=notice_version)
        ).receipt

    def withdraw(self, purpose: str) -> dict[str, Any]:
        """Says no, before or after a yes; in force when this returns. Returns the signed receipt."""
        return self._do(lambda: self._rights.choices.decline(self._subject, purpose)).receipt

    def object(self, purpose: str) -> str:
        """Objects to a purpose and all below it. Returns the audit id. InvalidInput where there is no such right."""
        return self._do(lambda: self._rights.flags.object(self._subject, purpose))

    def unobject(self, purpose: str) -> str:
        """Takes an objection back. Returns the audit id."""
        return self._do(lambda: self._rights.flags.unobject(self._subject, purpose))

    def restrict(self) -> str:
        """Nothing more is released to any service until `unrestrict`. Returns the audit id."""
        return self._do(lambda: self._rights.flags.restrict(self._subject))

    def unrestrict(self) -> str:
        """Lifts the restriction. Returns the audit id."""
        return self._do(lambda: self._rights.flags.unrestrict(self._subject))

    def correct(self, values: Mapping[str, Any]) -> Corrected:
        """Corrects fields; None clears. `.done` names those changed, `.pending` has a code for each look-up field.

        Send a code to the *new* address; the old value stands until `confirm`. Raises InvalidInput naming the field.
        """
        if not isinstance(values, Mapping):
            raise InvalidInput("values must be a mapping of field name to value", field="values")
        return self._do(lambda: self._rights.correction.correct(self._subject, values))

    def confirm(self, field: str, code: str) -> str:
        """Completes a pending correction. Returns the audit id. InvalidInput for a wrong code; five end it."""
        return self._do(lambda: self._rights.correction.confirm(self._subject, field, code))

    def export(self, path: str | Path) -> str:
        """Writes everything into a plain ZIP, mode 0600. Returns the audit id. Her earlier export is replaced."""
        return self._do(lambda: self._rights.portability.export(self._subject, path))

    def export_bytes(self) -> bytes:
        """The same archive, made in memory: nothing of it stands on a disk of ours."""
        return self._do(lambda: self._rights.portability.pack(self._subject))[1]

    def erase(self) -> str:
        """Erases her for good. Returns the audit id, again the same. Conflict, saying why, under a legal hold."""
        return self._do(lambda: self._rights.erasure.erase(self._subject))

    def _do(self, act: Callable[[], T]) -> T:
        made = act()
        self._parts.checkpointer.tick()
        return made

    def __repr__(self) -> str:
        return "Customer()"
