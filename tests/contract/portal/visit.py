"""What a visit can lead to: every page, every form, values that mean harm, and whom was written to."""

from typing import Any

from privet.domain.request import by
from tests.contract.portal.house import ADA, House

PAGES = (
    "/my", "/my/held", "/my/held/stays", "/my/used", "/my/choices", "/my/download", "/my/stop", "/my/erase",
    "/my/correct/given_name", "/my/correct/room.bed", "/my/correct/email", "/my/correct/allergies", "/my/confirm/email",
)  # fmt: skip
FORMS = (
    "/my/choices", "/my/download", "/my/stop", "/my/erase", "/my/correct/given_name", "/my/confirm/email",
    "/my/sign-out",
)  # fmt: skip
HOSTILE: dict[str, Any] = {
    "given_name": "<script>alert(1)</script>",
    "family_name": "\"'><img src=x onerror=alert(1)> {{7*7}} {% raw %}",
    "allergies": ["\u202egnp.exe", "w" * 200, "👩‍👩‍👧‍👦 &amp; <b>", "javascript:alert(1)"],
}


def mails(house: House) -> Any:
    return house.vault.service("marketing").fetch(by(email=ADA), purpose="marketing.email", fields=["email"])
