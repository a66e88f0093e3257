"""Requests that reach the steward on paper or by phone: the rights of one person, logged as the steward's acts.

Refuses to guess who is meant (NotFound). What is shown of a person's holdings are names and revisions, never values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from privet.audit.leaf import Act, Decision
from privet.bootstrap.parts import Parts
from privet.bootstrap.subjects import get_subject, wire_rights
from privet.crypto.fields import VALUE
from privet.domain.answer import Access, Consent, Profile
from privet.domain.ids import from_millis
from privet.domain.request import By
from privet.intake.amendment import Amendment, Held
from privet.rights.correction import Corrected

STEWARD = "steward"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldField:
    """A field that holds a value: its name, how often it was written, and when its retention runs out."""

    path: str
    category: str
    revision: int
    expires: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """What is held of a person, by name. `subject` is the vault's own id of her, as the log shows it."""

    subject: str
    epoch: int
    fields: tuple[HeldField, ...]
    records: Mapping[str, int]
    """How many records by collection."""
    consents: Mapping[str, str]
    restricted: bool
    legal_hold: bool
    objected: tuple[str, ...]
    pending: tuple[str, ...]


class PaperRequests:
    """What the steward does for one person."""

    def __init__(self, parts: Parts, who: By) -> None:
        self._parts = parts
        self._rights = wire_rights(parts)
        self._subject = get_subject(parts, who)

    def holdings(self) -> Holdings:
        """Names of what is held. Opens no field."""

        def look(held: Held) -> Amendment[Holdings]:
            found = self._holdings(held)
            entry = self._parts.scribe.act(
                Act.ACCESS,
                Decision.DONE,
                {"actor": STEWARD, "what": "holdings"},
                keys=held.keys,
                subject=held.subject,
            )
            return Amendment(result=found, entry=entry)

        return self._do(lambda: self._rights.amendments.amend(self._subject, look))

    def _holdings(self, held: Held) -> Holdings:
        catalogue = self._parts.catalogue
        names = catalogue.field_by_number
        row = held.working.row
        assert row is not None
        fields = []
        for (number, kind), entry in sorted(held.working.entries.items()):
            if kind != VALUE:
                continue
            known = names.get(number)
            until = held.facts.expires.get(number)
            fields.append(
                HeldField(
                    path=known.path if known is not None else f"(field {number}, no longer in the catalogue)",
                    category=known.category if known is not None else "",
                    revision=entry[3],
                    expires=None if until is None else from_millis(until),
                )
            )
        counts = {
            name: len(held.unit.records(held.subject, collection.number))
            for name, collection in sorted(catalogue.collections.items())
        }
        return Holdings(
            subject=held.subject.hex(),
            epoch=row.epoch,
            fields=tuple(fields),
            records={name: count for name, count in counts.items() if count},
            consents={name: held.status(name).value for name in sorted(held.facts.consents)},
            restricted=held.restricted,
            legal_hold=held.facts.hold,
            objected=tuple(sorted(held.objected)),
            pending=tuple(sorted(names[n].path for n in held.facts.pending if n in names)),
        )

    def profile(self) -> Profile:
        return self._do(lambda: self._rights.own.profile(self._subject, actor=STEWARD))

    def accesses(self, *, limit: int | None = None) -> tuple[Access, ...]:
        return self._do(lambda: self._rights.accesses.accesses(self._subject, limit=limit, actor=STEWARD))

    def consents(self) -> tuple[Consent, ...]:
        return self._do(lambda: self._rights.choices.state(self._subject, actor=STEWARD))

    def consent(
        self, purpose: str, *, source: str | None = None, notice_version: str | None = None
    ) -> dict[str, Any]:
        """Records her yes. Returns the signed receipt."""
        return self._do(
            lambda: self._rights.choices.give(
                self._subject, purpose, actor=STEWARD, source=source, notice_version=notice_version
            )
        ).receipt

    def withdraw(self, purpose: str, *, source: str | None = None) -> dict[str, Any]:
        """Records her no. Returns the signed receipt."""
        return self._do(
            lambda: self._rights.choices.decline(self._subject, purpose, actor=STEWARD, source=source)
        ).receipt

    def object(self, purpose: str) -> str:
        return self._do(lambda: self._rights.flags.object(self._subject, purpose, actor=STEWARD))

    def unobject(self, purpose: str) -> str:
        return self._do(lambda: self._rights.flags.unobject(self._subject, purpose, actor=STEWARD))

    def restrict(self) -> str:
        return self._do(lambda: self._rights.flags.restrict(self._subject, actor=STEWARD))

    def unrestrict(self) -> str:
        return self._do(lambda: self._rights.flags.unrestrict(self._subject, actor=STEWARD))

    def hold(self, on: bool, *, reason: str = "", until: str | None = None) -> str:
        """Sets or lifts a legal hold, with the reason she is told."""
        return self._do(
            lambda: self._rights.flags.hold(self._subject, on, reason=reason, until=until, actor=STEWARD)
        )

    def correct(self, values: Mapping[str, Any]) -> Corrected:
        return self._do(lambda: self._rights.correction.correct(self._subject, values, actor=STEWARD))

    def confirm(self, field: str, code: str) -> str:
        return self._do(lambda: self._rights.correction.confirm(self._subject, field, code, actor=STEWARD))

    def export(self, path: str | Path) -> str:
        return self._do(lambda: self._rights.portability.export(self._subject, path, actor=STEWARD))

    def erase(self) -> str:
        return self._do(lambda: self._rights.erasure.erase(self._subject, actor=STEWARD))

    def _do(self, act: Callable[[], T]) -> T:
        made = act()
        self._parts.checkpointer.tick()
        return made

    def __repr__(self) -> str:
        return "PaperRequests()"
