"""For each rule of the policy: the fact that made it speak, the line of the catalogue it read, what would change it.

Facts name fields, purposes and what the vault knows of the person; never a value.
"""

from collections.abc import Callable, Mapping
from typing import Any

from privet.domain.catalogue import Catalogue


class Case:
    """One field of one question, with the words the findings need."""

    def __init__(self, catalogue: Catalogue, asked: Mapping[str, Any], field: str) -> None:
        self.catalogue, self.asked, self.field = catalogue, asked, field
        self.service = str(asked.get("service"))
        self.purpose = str(asked.get("purpose"))
        self.above = catalogue.ancestors.get(self.purpose, frozenset())
        self.related = self.above | catalogue.descendants.get(self.purpose, frozenset())

    def line(self, *keys: str) -> str | None:
        """Where the first of these keys stands that the catalogue has."""
        return next((self.catalogue.where[key] for key in keys if key in self.catalogue.where), None)

    def service_line(self, key: str) -> str | None:
        return self.line(f"services.{self.service}.{key}", f"services.{self.service}")

    def field_line(self, key: str) -> str | None:
        return self.line(f"fields.{self.field}.{key}", f"fields.{self.field}")

    def purpose_line(self, key: str, *names: str) -> str | None:
        wanted = names or (self.purpose,)
        return self.line(
            *(f"purposes.{name}.{key}" for name in wanted), *(f"purposes.{name}" for name in wanted)
        )

    def hit(self, names: object) -> str:
        """Those of some names that are the purpose or above it, for a fact."""
        found = sorted(set(names) & (self.above | {self.service})) if isinstance(names, list) else []
        return ", ".join(found)

    @property
    def prohibited(self) -> tuple[str, ...]:
        purposes = self.catalogue.purposes
        return tuple(sorted(name for name in self.related if purposes[name].prohibited))

    @property
    def status(self) -> str:
        return str(self.asked["consent"].get(self.purpose, "unknown"))

    @property
    def consent_why(self) -> str:
        held = self.catalogue.every_field.get(self.field)
        return f"{self.field} is special" if held and held.special else f"{self.purpose} rests on consent"


Ground = tuple[Callable[[Case], str], Callable[[Case], str | None], str]
"""The fact, the catalogue's line, what would change it."""


def _no_line(case: Case) -> str | None:
    del case
    return None


def _consent(change: str) -> Ground:
    return (
        lambda c: f'her consent to {c.purpose} is "{c.status}", and {c.consent_why}',
        lambda c: c.field_line("special") if "special" in c.consent_why else c.purpose_line("basis"),
        change,
    )


GROUNDS: Mapping[str, Ground] = {
    "invalid_request": (
        lambda _: "a key of the question is missing or of the wrong type, or no field was asked for",
        _no_line,
        "whoever built the question must mend it",
    ),
    "unknown_service": (
        lambda c: f'the service is "{c.service}"',
        _no_line,
        "a steward adds the service to the catalogue, or the caller uses its right name",
    ),
    "purpose_missing": (
        lambda _: "the purpose is empty",
        _no_line,
        "the caller names the purpose it reads for",
    ),
    "unknown_purpose": (
        lambda c: f'the purpose is "{c.purpose}"',
        _no_line,
        "the caller names one of the catalogue's purposes, or a steward adds this one",
    ),
    "prohibited_purpose": (
        lambda c: f"prohibited: {', '.join(c.prohibited)}",
        lambda c: c.purpose_line("prohibited", *c.prohibited),
        "nothing: no service and no consent can lift a prohibition; only a new release of the catalogue",
    ),
    "no_legal_basis": (
        lambda c: f"{c.purpose} names no legal basis",
        lambda c: c.purpose_line("basis"),
        "a steward gives the purpose its legal basis in the catalogue",
    ),
    "service_not_permitted": (
        lambda c: f"{c.service} does not have {c.purpose} among its purposes",
        lambda c: c.service_line("purposes"),
        "a steward adds the purpose to the service's purposes in the catalogue",
    ),
    "lookup_not_permitted": (
        lambda c: f"{c.service} named the person by {c.asked.get('lookup')}",
        lambda c: c.service_line("find"),
        "the caller uses its pairwise id or a look-up it has, or a steward adds this one to the service's find",
    ),
    "unknown_field": (
        lambda c: f"a {c.asked.get('operation')} of {c.field}",
        _no_line,
        "the caller asks for a field of the catalogue: a profile's in a read, a collection's in a history",
    ),
    "prohibited_field": (
        lambda c: (
            f"{c.field} prohibits " + ", ".join(sorted(c.catalogue.every_field[c.field].prohibit & c.related))
        ),
        lambda c: c.field_line("prohibit"),
        "nothing: a prohibition wins over every allow; only a new release of the catalogue",
    ),
    "outside_service": (
        lambda c: f"no pattern of {c.service} covers {c.field}",
        lambda c: c.service_line("fields"),
        "a steward adds the field to the service's fields in the catalogue",
    ),
    "purpose_not_allowed": (
        lambda c: f"{c.field} allows neither {c.purpose} nor a purpose above it",
        lambda c: c.field_line("allow"),
        "a steward adds the purpose to the field's allow or allow_masked, with a ground for it",
    ),
    "never_used": (
        lambda c: f"no purpose may ever use {c.field}",
        lambda c: c.field_line("allow"),
        "a steward allows the field for a purpose, or takes it out of the catalogue",
    ),
    "paused": (
        lambda c: f"paused: {c.hit(c.asked['controls']['paused'])}",
        _no_line,
        "an officer resumes what she paused",
    ),
    "budget_spent": (
        lambda c: f"{c.service} has spent its budget",
        _no_line,
        "time: the window moves on; or a steward raises the service's budget",
    ),
    "restricted": (
        lambda _: "she had processing restricted",
        _no_line,
        "only she lifts the restriction; a vital interest passes under break-glass",
    ),
    "objected": (
        lambda c: f"she objected to {c.hit(c.asked['subject']['objected'])}",
        _no_line,
        "only she takes the objection back",
    ),
    "minor": (
        lambda c: f"she is a minor, and {c.purpose} is advertising",
        lambda c: c.purpose_line("dpv"),
        "time: she comes of age; no consent lifts it",
    ),
    "consent_required": _consent("only she gives consent, having seen the notice"),
    "consent_refused": _consent("only she changes her mind"),
    "consent_withdrawn": _consent("only she gives consent anew"),
    "consent_expired": _consent("only she renews it"),
    "consent_invalid": _consent("only she gives consent anew, under a notice that holds"),
    "expired": (
        lambda c: f"{c.field} is past its retention",
        lambda c: c.field_line("retention"),
        "a new value, written for a purpose; the old one is about to be swept",
    ),
    "clear": (
        lambda c: f"{c.service} may claim {c.purpose}, and {c.field} is allowed for it",
        lambda c: c.field_line("allow"),
        "a steward takes the purpose out of the field's allow",
    ),
    "masked": (
        lambda c: f"{c.service} may claim {c.purpose}, and {c.field} is allowed for it in reduced form",
        lambda c: c.field_line("allow_masked"),
        "a steward moves the purpose to the field's allow, and it is released in clear",
    ),
}
