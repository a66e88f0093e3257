"""Examples for the OpenAPI document: a request and the main answer of each operation, in the catalogue's own names.

They are what the vault takes and gives: tests validate each by its schema, and schemathesis sends the requests. The
person in them is made up, and so are the ids. Refuses to make up what the catalogue does not have: without a
collection, say, there is no example of one.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from privet.config.values import parse_json
from privet.consent.receipt import issue_receipt
from privet.consent.transitions import is_consentable
from privet.crypto.signing import SEED_SIZE, Signer
from privet.domain.catalogue import Catalogue, Collection, Field, Purpose, Service, ValueType, matches
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import Millis
from privet.errors import InvalidInput
from privet.rights.restriction import may_object

HER: Final = "pw1_Jx0sPqk4mV9n2LrT7yWcAe5hBd8uGf1oZi3vKj6tXwQ"
AUDIT_ID: Final = "019a5d3c8e7f4b21a60c9d8e7f5a4b3c"
_AT: Final = Millis(1_767_225_600_000)
_MOMENT: Final = "2026-01-01T00:00:00+00:00"
_REVISION: Final = "9f3c52d07ab1e684.4"
_POLICY: Final = "5b0d" * 16
_LOGGED: Final = {"audit_id": AUDIT_ID}
_TEXTS: Final[Mapping[str, Any]] = {
    "boolean": True,
    "date": "2024-05-01",
    "datetime": "2024-05-01T09:30:00Z",
    "moment": "2024-05-01",
    "email": "ann@example.org",
    "phone": "+351912345678",
    "country": "PT",
    "integer": 2,
    "number": "110.50",
}
_SHORT: Final[Mapping[str, Sequence[Any]]] = {"email": ("a@b.co",), "phone": ("+3519123456",)}


def add_examples(document: dict[str, Any], catalogue: Catalogue) -> None:
    """Puts them into the document."""
    made = {**_of_services(catalogue), **_of_customers(catalogue), **_of_officers(catalogue)}
    for path, (asked, told) in made.items():
        operations = document["paths"].get(path, {})
        for operation in operations.values():
            if asked is not None and "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"]["example"] = asked
            if told is not None:
                for content in operation["responses"]["200"]["content"].values():
                    content["example"] = told
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "audit_id":
                    parameter["example"] = AUDIT_ID


Examples = dict[str, tuple[Any, Any]]


def _of_services(catalogue: Catalogue) -> Examples:
    made: Examples = {}
    reading = _reading(catalogue)
    who = _lookup(catalogue)
    if reading is not None:
        purpose, fields = reading
        values = {field.path: value_of(field.type) for field in fields}
        answer = {
            "subject": HER,
            "values": values,
            "withheld": {},
            "audit_id": AUDIT_ID,
            "revision": _REVISION,
        }
        asked = {"subject": who or HER, "purpose": purpose, "fields": [field.path for field in fields]}
        many = {
            "subjects": [HER, *([who] if who else [])],
            **{k: v for k, v in asked.items() if k != "subject"},
        }
        refused = {"reason": "not_available", "message": "nothing may be told of her now"}
        refusal = {
            "reasons": [refused["reason"]],
            "withheld": {field.path: refused for field in fields},
            "message": refused["message"],
            "audit_id": AUDIT_ID,
        }
        made["/v1/fetch"] = (asked, answer)
        made["/v1/fetch-many"] = (many, {"answers": [answer, *([refusal] if who else [])]})
        if who is not None:
            made["/v1/find"] = ({"subject": who, "purpose": purpose}, {"subject": HER})
            written = {field.path: value_of(field.type) for field in fields if field.lookup is None}
            values = {**who, **written}
            made["/v1/put"] = ({"subject": who, "values": values, "purpose": purpose}, _LOGGED)
        for collection in list(catalogue.collections.values())[:1]:
            made.update(_of_collection(collection, who or HER, purpose))
    for name in _consentable(catalogue):
        about = {"subject": who or HER, "purpose": name}
        made["/v1/consent/record"] = ({**about, "given": True, "source": "a form at the desk"}, _LOGGED)
        made["/v1/consent/request"] = (about, _LOGGED)
        made["/v1/consent/status"] = (about, {"purpose": name, "status": "requested", **_LOGGED})
        made["/v1/consent/receipt"] = (about, {"receipt": _receipt(catalogue, name), **_LOGGED})
    return made


def _of_collection(collection: Collection, who: Any, purpose: str) -> Examples:
    values = {name: value_of(field.type) for name, field in sorted(collection.fields.items())}
    asked = {"subject": who, "collection": collection.name, "purpose": purpose}
    record = {
        "id": "pr1_" + "Jx0sPqk4mV9n2LrT7yWcAe5hBd8uGf1oZi3vKj6tXwQ" + "Mn5bRa8cYe2dHs7fUg4kLp1z",
        "time": values[collection.time],
        "values": values,
    }
    return {
        "/v1/history": (
            {**asked, "fields": sorted(values), "since": "2024-01-01", "limit": 10},
            {"records": [record], "withheld": {}, "audit_id": AUDIT_ID},
        ),
        "/v1/record": ({**asked, "values": values}, _LOGGED),
    }


def _of_customers(catalogue: Catalogue) -> Examples:
    own = [field for field in catalogue.fields.values() if field.path not in catalogue.unusable]
    plain = [field for field in own if field.lookup is None] or own
    made: Examples = {f"/v1/me/{act}": (None, _LOGGED) for act in ("restrict", "unrestrict", "erase")}
    shown = {field.path: value_of(field.type) for field in plain[:2]}
    profile = {"fields": shown, "collections": {}, "restricted": False, "objected": [], "pending": []}
    made["/v1/me/profile"] = (None, profile)
    purposes = [name for name, purpose in sorted(catalogue.purposes.items()) if not purpose.prohibited]
    access = {
        "audit_id": AUDIT_ID,
        "at": _MOMENT,
        "act": "read",
        "decision": "permit",
        "service": next(iter(sorted(catalogue.services)), ""),
        "purpose": purposes[0] if purposes else "",
        "fields": sorted(shown),
        "withheld": {},
    }
    made["/v1/me/accesses"] = (None, {"accesses": [access], "next": None})
    if plain:
        values = {plain[0].path: value_of(plain[0].type)}
        told = {"done": sorted(values), "pending": [], **_LOGGED}
        made["/v1/me/correct"] = ({"values": values}, told)
    for field in sorted(field.path for field in catalogue.fields.values() if field.lookup):
        made["/v1/me/confirm"] = ({"field": field, "code": "K7QF-2M9X"}, _LOGGED)
    for name in purposes:
        if may_object(catalogue, name):
            made["/v1/me/object"] = made["/v1/me/unobject"] = ({"purpose": name}, _LOGGED)
    for name in _consentable(catalogue):
        given = _receipt(catalogue, name)
        consent = {
            "purpose": name,
            "status": "given",
            "at": _MOMENT,
            "until": None,
            "notice_version": _version(catalogue, catalogue.purposes[name]),
        }
        made["/v1/me/consents"] = (None, {"consents": [consent]})
        made["/v1/me/receipts"] = (None, {"receipts": [given]})
        made["/v1/me/consent"] = made["/v1/me/withdraw"] = ({"purpose": name}, {"receipt": given})
    return made


def _of_officers(catalogue: Catalogue) -> Examples:
    service = next(iter(sorted(catalogue.services)), None)
    purpose = next((name for name, one in sorted(catalogue.purposes.items()) if not one.prohibited), None)
    field = next(iter(sorted(catalogue.fields)), "")
    entry = {
        "position": 1_204,
        "audit_id": AUDIT_ID,
        "at": _MOMENT,
        "act": "read",
        "decision": "partial",
        "service": service,
        "actor": None,
        "request": "7f3kq2m5xw",
        "credential": "key:3b9d0c6a41e7f258",
        "purpose": purpose,
        "basis": "contract",
        "policy": _POLICY,
        "classes": ["pd:Name"],
        "count": 1,
        "subject": "5f0c1d2e3b4a49788796a5b4c3d2e1f0",
        "fields": [field],
        "reasons": {field: "purpose_not_permitted"},
        "sealed": True,
        "detail": {},
    }
    decided = {field: {"effect": "deny", "reason": "purpose_not_permitted", "transform": None}}
    asked = {"service": service, "decision": "refuse", "since": "2026-01-01T00:00:00Z", "limit": 50}
    made: Examples = {
        "/v1/audit/query": (
            {name: value for name, value in asked.items() if value is not None},
            {"entries": [entry], "next": "00000000000004b4"},
        ),
        "/v1/audit/entries/{audit_id}": (None, entry),
        "/v1/audit/proofs/{audit_id}": (None, None),
        "/v1/audit/verify": (None, {"ok": True, "size": 1_205, "damage": None}),
        "/v1/audit/replay": (
            {"audit_id": AUDIT_ID},
            {"audit_id": AUDIT_ID, "same": True, "policy": _POLICY, "fields": decided},
        ),
        "/v1/controls": (None, {"paused": []}),
        "/healthz": (None, "ok\n"),
        "/readyz": (None, "ready\n"),
    }
    if purpose is not None:
        made["/v1/controls/pause"] = ({"name": purpose}, {"paused": [purpose]})
        made["/v1/controls/resume"] = ({"name": purpose}, {"paused": []})
    return made


def _reading(catalogue: Catalogue) -> tuple[str, list[Field]] | None:
    """A purpose that a service may claim, and two fields at most that it may have for it."""
    for service in sorted(catalogue.services.values(), key=lambda one: one.name):
        for purpose in sorted(service.purposes):
            fields = [
                field for field in catalogue.fields.values() if _may_use(catalogue, service, purpose, field)
            ]
            if fields:
                return purpose, sorted(fields, key=lambda field: (field.lookup is not None, field.path))[:2]
    return None


def _may_use(catalogue: Catalogue, service: Service, purpose: str, field: Field) -> bool:
    return purpose in catalogue.purposes_of(field) and any(
        matches(pattern, field.path) for pattern in service.fields
    )


def _lookup(catalogue: Catalogue) -> dict[str, Any] | None:
    known = [field for field in catalogue.fields.values() if field.lookup]
    known.sort(key=lambda field: (field.type.kind != "email", field.path))
    return {known[0].path: value_of(known[0].type)} if known else None


def _consentable(catalogue: Catalogue) -> list[str]:
    """One purpose that needs consent, or none."""
    asked = [name for name, one in sorted(catalogue.purposes.items()) if one.basis == "consent"]
    return [name for name in asked if is_consentable(catalogue, name)][:1]


def _receipt(catalogue: Catalogue, purpose: str) -> dict[str, Any]:
    """Of the true form, by a key that everybody has: no vault's key verifies it."""
    record = ConsentRecord(
        seq=1,
        purpose=purpose,
        status=ConsentStatus.GIVEN,
        at=_AT,
        until=None,
        notice=catalogue.purposes[purpose].notice,
        notice_version=_version(catalogue, catalogue.purposes[purpose]),
        actor="customer",
        audit_id=AUDIT_ID,
    )
    return issue_receipt(catalogue, record, pseudonym=bytes(16), signer=Signer(bytes(SEED_SIZE)))


def _version(catalogue: Catalogue, purpose: Purpose) -> str | None:
    return None if purpose.notice is None else catalogue.notices[purpose.notice].version


def value_of(kind: ValueType) -> Any:
    """A value that a field of this type takes, within its bounds, as JSON."""
    if kind.kind == "list":
        assert kind.of is not None
        return [] if kind.max_length == 0 else [value_of(kind.of)]
    if kind.kind == "enum":
        return kind.members[0]
    if kind.kind in ("string", "text"):
        return "Ann"[: kind.max_length]
    bounds = [bound for bound in (kind.minimum, kind.maximum) if bound is not None]
    if kind.kind in ("integer", "number") and bounds:
        return int(bounds[0]) if kind.kind == "integer" else float(bounds[0])
    tried = [_TEXTS[kind.kind], *bounds, *_SHORT.get(kind.kind, ())]
    for value in tried:
        with suppress(InvalidInput):
            parse_json(kind, value, where="example")
            return value
    return tried[0]
