"""Writes policies/privet_policies/known_answers.json; with --check says whether the file is what this would write.

The questions and the answers are written by hand, after the design's section on the decision; no engine had a part
in them. The catalogue is `catalogues.inn`, turned into the policy's data.
"""

import sys
from pathlib import Path

import orjson

from privet.decide.bundle import catalogue_data
from privet.decide.question import Asked, Circumstances, Controls, canonical_input
from tests.contract.policy.catalogues import inn

FILE = Path(__file__).parents[3] / "policies" / "privet_policies" / "known_answers.json"

DESK = Asked(service="front-desk", operation="read", purpose="service", fields=("given_name",))
MAIL = Asked(service="mailer", operation="read", purpose="marketing.email", fields=("email",))
MEAL = Asked(service="kitchen", operation="read", purpose="meals", fields=("allergies",))
GIVEN = Circumstances(consent="given")
NOBODY = Circumstances()
CALM = Controls()

CASES: list[tuple[str, Asked, Circumstances, Controls, dict[str, str]]] = [
    ("clear", DESK, NOBODY, CALM, {"given_name": "allow"}),
    (
        "each field has its own answer",
        DESK._replace(fields=("given_name", "email", "room.bed", "motto", "crm_id", "nonsense")),
        NOBODY,
        CALM,
        {
            "given_name": "allow",
            "email": "transform",
            "room.bed": "purpose_not_permitted",
            "motto": "allow",
            "crm_id": "purpose_not_permitted",
            "nonsense": "unknown_field",
        },
    ),
    ("a purpose below", DESK._replace(purpose="service.stay", fields=("given_name", "room.bed")), NOBODY, CALM,
     {"given_name": "allow", "room.bed": "allow"}),
    ("find", DESK._replace(operation="find", lookup="email"), NOBODY, CALM, {"given_name": "allow"}),
    ("no field", DESK._replace(fields=()), NOBODY, CALM, {}),
    ("no such operation", DESK._replace(operation="steal"), NOBODY, CALM, {"given_name": "invalid_request"}),
    ("no such service", DESK._replace(service="backdoor"), GIVEN, CALM, {"given_name": "unknown_service"}),
    ("no purpose", DESK._replace(purpose=""), GIVEN, CALM, {"given_name": "purpose_missing"}),
    ("no such purpose", DESK._replace(purpose="fun"), GIVEN, CALM, {"given_name": "unknown_purpose"}),
    ("prohibited", Asked(service="broker", operation="read", purpose="resale", fields=("given_name",)), GIVEN, CALM,
     {"given_name": "purpose_prohibited"}),
    ("below a prohibited one",
     Asked(service="broker", operation="read", purpose="resale.insights", fields=("email",)), GIVEN, CALM,
     {"email": "purpose_prohibited"}),
    ("without a basis", Asked(service="broker", operation="read", purpose="baseless", fields=("email",)), GIVEN, CALM,
     {"email": "no_legal_basis"}),
    ("another's purpose", DESK._replace(purpose="marketing"), GIVEN, CALM, {"given_name": "service_not_permitted"}),
    ("another's look-up", DESK._replace(lookup="crm_id"), GIVEN, CALM, {"given_name": "lookup_not_permitted"}),
    ("profile in a history", DESK._replace(operation="history"), NOBODY, CALM, {"given_name": "unknown_field"}),
    ("history", DESK._replace(operation="history", fields=("stays.arrived", "stays.room")), NOBODY, CALM,
     {"stays.arrived": "allow", "stays.room": "allow"}),
    ("collection in a read", DESK._replace(fields=("stays.room",)), NOBODY, CALM, {"stays.room": "unknown_field"}),
    ("field prohibits above", MAIL._replace(fields=("allergies", "email")), GIVEN, CALM,
     {"allergies": "purpose_prohibited", "email": "allow"}),
    ("field prohibits below", MAIL._replace(purpose="marketing", fields=("motto",)), GIVEN, CALM,
     {"motto": "purpose_prohibited"}),
    ("purpose paused", DESK._replace(purpose="service.stay"), NOBODY, Controls(paused=("service",)),
     {"given_name": "paused"}),
    ("service paused", DESK, NOBODY, Controls(paused=("front-desk",)), {"given_name": "paused"}),
    ("budget spent", DESK, NOBODY, Controls(budget_spent=True), {"given_name": "budget_spent"}),
    ("restricted", DESK, Circumstances(consent="given", restricted=True), CALM, {"given_name": "restricted"}),
    ("rescue under break-glass", DESK._replace(purpose="rescue", fields=("given_name", "allergies")),
     Circumstances(restricted=True), Controls(break_glass=True),
     {"given_name": "allow", "allergies": "consent_required"}),
    ("rescue without break-glass", DESK._replace(purpose="rescue"), Circumstances(restricted=True), CALM,
     {"given_name": "restricted"}),
    ("objected above", DESK._replace(purpose="service.stay"), Circumstances(objected=("service",)), CALM,
     {"given_name": "objected"}),
    ("objection to what the law demands", DESK._replace(purpose="law"), Circumstances(objected=("law",)), CALM,
     {"given_name": "allow"}),
    ("minor", MAIL, Circumstances(consent="given", minor=True), CALM, {"email": "minor"}),
    ("minor, no advertising", DESK, Circumstances(minor=True), CALM, {"given_name": "allow"}),
    *(
        (f"consent {status}", MAIL, Circumstances(consent=status), CALM, {"email": reason})
        for status, reason in {
            "unknown": "consent_required",
            "requested": "consent_required",
            "given": "allow",
            "renewed": "allow",
            "refused": "consent_refused",
            "withdrawn": "consent_withdrawn",
            "expired": "consent_expired",
            "invalidated": "consent_invalid",
            "revoked": "consent_invalid",
            "granted": "consent_required",
        }.items()
    ),
    ("special, no consent", MEAL, NOBODY, CALM, {"allergies": "consent_required"}),
    ("special, consent", MEAL, GIVEN, CALM, {"allergies": "allow"}),
    ("expired", DESK, Circumstances(expired=("given_name",)), CALM, {"given_name": "expired"}),
    ("write", DESK._replace(operation="write", fields=("crm_id", "given_name", "orphan", "room.bed", "stays.room")),
     Circumstances(restricted=True, objected=("service",)), Controls(budget_spent=True),
     {"crm_id": "purpose_not_permitted", "given_name": "allow", "orphan": "purpose_not_permitted",
      "room.bed": "allow", "stays.room": "allow"}),
    ("write, all patterns",
     Asked(service="mailer", operation="write", purpose="marketing", fields=("crm_id", "orphan", "nonsense")),
     NOBODY, CALM, {"crm_id": "allow", "orphan": "purpose_not_permitted", "nonsense": "unknown_field"}),
]  # fmt: skip


def said(answer: str) -> dict[str, str | None]:
    if answer == "allow":
        return {"effect": "allow", "reason": "permitted", "transform": None}
    if answer == "transform":
        return {"effect": "transform", "reason": "permitted", "transform": "mask"}
    return {"effect": "deny", "reason": answer, "transform": None}


def written() -> bytes:
    answers = [
        {
            "name": name,
            "input": orjson.loads(canonical_input(asked, person, controls)),
            "fields": {path: said(answer) for path, answer in expected.items()},
        }
        for name, asked, person, controls, expected in CASES
    ]
    file = {
        "about": "Questions with known decisions, asked of an engine before it may serve. Made by "
        "tests/contract/policy/known_answers.py; the answers are written by hand.",
        "catalogue": catalogue_data(inn()),
        "answers": answers,
    }
    return orjson.dumps(file, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        return 0 if FILE.read_bytes() == written() else 1
    FILE.write_bytes(written())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
