"""A stranger at the door, what answers have in common, and what her log says."""

import re
from typing import Any

import httpx

from privet.bootstrap.customer import Customer
from privet.domain.request import by
from tests.contract.portal.house import ADA, House

NOBODY = "nobody@example.org"


def told(response: httpx.Response) -> tuple[Any, ...]:
    """All of an answer but its random parts."""
    random = r"[0-9a-f]{64}|(?<=privet-visit=)[\w-]{43}"
    headers = sorted((k, re.sub(random, "·", v)) for k, v in response.headers.items())
    return response.status_code, headers, re.sub(random, "·", response.text)


def acts(house: House, email: str = ADA) -> list[tuple[str, str]]:
    return [(a.act, a.decision) for a in Customer(house.vault.parts, by(email=email)).accesses()]
