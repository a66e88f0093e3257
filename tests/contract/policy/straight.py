"""The design's section on the decision, read straight into Python: no closures, no bundle, no Rego.

Written from the text alone, as slowly as it reads, so that it can disagree with the policy.
"""

from collections.abc import Mapping
from typing import Any

from privet.domain.catalogue import Catalogue, Field, LegalBasis, matches

STATUS = {
    "given": None,
    "renewed": None,
    "unknown": "consent_required",
    "requested": "consent_required",
    "refused": "consent_refused",
    "withdrawn": "consent_withdrawn",
    "expired": "consent_expired",
    "invalidated": "consent_invalid",
    "revoked": "consent_invalid",
}
ADVERTISING = {
    "dpv:DirectMarketing",
    "dpv:Advertising",
    "dpv:PersonalisedAdvertising",
    "dpv:TargetedAdvertising",
}
TOP = {"service", "operation", "purpose", "recipient", "lookup", "fields", "consent", "subject", "controls"}


def above(catalogue: Catalogue, purpose: str) -> set[str]:
    """The purpose and every purpose it descends from, by walking up."""
    seen: set[str] = set()
    to_see = [purpose]
    while to_see:
        name = to_see.pop()
        if name not in seen:
            seen.add(name)
            to_see.extend(catalogue.purposes[name].parents)
    return seen


def below(catalogue: Catalogue, purpose: str) -> set[str]:
    """The purpose and every purpose that descends from it."""
    return {name for name in catalogue.purposes if purpose in above(catalogue, name)}


def well_formed(question: Mapping[str, Any]) -> bool:
    def texts(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    subject, controls = question.get("subject"), question.get("controls")
    return (
        all(isinstance(question.get(key), str) for key in ("service", "purpose", "recipient", "lookup"))
        and question.get("operation") in ("read", "find", "history", "write")
        and texts(question.get("fields"))
        and question["fields"] != []
        and isinstance(question.get("consent"), dict)
        and isinstance(subject, dict)
        and isinstance(subject.get("restricted"), bool)
        and isinstance(subject.get("minor"), bool)
        and all(texts(subject.get(key)) for key in ("objected", "relationship", "expired"))
        and isinstance(controls, dict)
        and texts(controls.get("paused"))
        and isinstance(controls.get("budget_spent"), bool)
        and isinstance(controls.get("break_glass"), bool)
    )


def request_refusal(catalogue: Catalogue, question: Mapping[str, Any]) -> str | None:
    """Why nothing may be done, whatever the field and the person."""
    service = catalogue.services.get(question["service"])
    name = question["purpose"]
    if service is None:
        return "unknown_service"
    if name == "":
        return "purpose_missing"
    if name not in catalogue.purposes:
        return "unknown_purpose"
    family = above(catalogue, name) | below(catalogue, name)
    if any(catalogue.purposes[other].prohibited for other in family):
        return "purpose_prohibited"
    if catalogue.purposes[name].basis is None:
        return "no_legal_basis"
    if name not in service.purposes:
        return "service_not_permitted"
    if question["lookup"] and question["lookup"] not in service.find:
        return "lookup_not_permitted"
    return None


def permitted_for(catalogue: Catalogue, field: Field, purpose: str) -> tuple[bool, bool, bool]:
    """Byun and Li: (prohibited, allowed in clear, allowed masked) for this field and purpose."""
    up, down = above(catalogue, purpose), below(catalogue, purpose)
    return bool(field.prohibit & (up | down)), bool(field.allow & up), bool(field.allow_masked & up)


def ever_used(catalogue: Catalogue, field: Field) -> bool:
    for name in catalogue.purposes:
        family = above(catalogue, name) | below(catalogue, name)
        prohibited, clear, masked = permitted_for(catalogue, field, name)
        if (
            not any(catalogue.purposes[other].prohibited for other in family)
            and not prohibited
            and (clear or masked)
        ):
            return True
    return False


def field_answer(catalogue: Catalogue, question: Mapping[str, Any], path: str) -> str:
    """ "allow", "transform", or the reason of a denial."""
    refused = request_refusal(catalogue, question)
    if refused:
        return refused
    operation, name = question["operation"], question["purpose"]
    purpose, service = catalogue.purposes[name], catalogue.services[question["service"]]
    profile, collected = catalogue.fields.get(path), None
    for collection in catalogue.collections.values():
        for field in collection.fields.values():
            if field.path == path:
                collected = field
    field_asked = {"read": profile, "find": profile, "history": collected, "write": profile or collected}[
        operation
    ]
    if field_asked is None:
        return "unknown_field"
    writing = operation == "write"
    prohibited, clear, masked = permitted_for(catalogue, field_asked, name)
    if prohibited and not writing:
        return "purpose_prohibited"
    if not any(matches(pattern, path) for pattern in service.fields):
        return "purpose_not_permitted"
    if writing and not field_asked.lookup and not ever_used(catalogue, field_asked):
        return "purpose_not_permitted"
    if not writing and not clear and not masked:
        return "purpose_not_permitted"
    controls, subject = question["controls"], question["subject"]
    if set(controls["paused"]) & ({question["service"]} | above(catalogue, name)):
        return "paused"
    if writing:
        return "allow"
    if controls["budget_spent"]:
        return "budget_spent"
    vital = purpose.basis == LegalBasis.VITAL_INTEREST
    if subject["restricted"] and not (vital and controls["break_glass"]):
        return "restricted"
    duty = vital or purpose.basis == LegalBasis.LEGAL_OBLIGATION
    if set(subject["objected"]) & above(catalogue, name) and not duty:
        return "objected"
    if subject["minor"] and any(catalogue.purposes[a].dpv in ADVERTISING for a in above(catalogue, name)):
        return "minor"
    if purpose.basis == LegalBasis.CONSENT or field_asked.special:
        status = question["consent"].get(name)
        reason = STATUS.get(status, "consent_required") if isinstance(status, str) else "consent_required"
        if reason:
            return reason
    if path in subject["expired"]:
        return "expired"
    return "allow" if clear else "transform"


def straight(catalogue: Catalogue, question: Mapping[str, Any]) -> dict[str, str]:
    """The answer to each field asked for."""
    fields = question.get("fields")
    asked = [path for path in fields if isinstance(path, str)] if isinstance(fields, list) else []
    if not well_formed(question):
        return dict.fromkeys(asked, "invalid_request")
    return {path: field_answer(catalogue, question, path) for path in asked}
