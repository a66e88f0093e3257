"""A vault with people and a lane to it, in process."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from privet import Vault, by
from privet.bootstrap.asking import ServiceRequests
from privet.domain.ports import VaultState
from privet.domain.request import ReadRequest
from privet.http.lane import Lane, Mode
from privet.http.observing import Deaf

WAYS = [
    ("sqlite", "loop"),
    ("sqlite", "threads"),
    pytest.param(("postgresql", "threads"), marks=pytest.mark.postgres),
]
PURPOSE, FIELDS = "service-personalisation", ["given_name", "size"]


class Noted(Deaf):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.outcomes: dict[tuple[str, str], int] = {}

    def batch(self, size: int, seconds: float) -> None:
        assert seconds >= 0
        self.batches.append(size)

    def reads(self, purpose: str, outcome: str, n: int) -> None:
        self.outcomes[purpose, outcome] = self.outcomes.get((purpose, outcome), 0) + n


class Shop:
    """A vault with people, and a lane to it."""

    def __init__(self, vault: Vault, mode: Mode) -> None:
        self.vault, self.mode = vault, mode
        register, desk = vault.service("register"), vault.service("desk")
        self.ids: list[str] = []
        for number in range(8):
            register.put(
                by(email=f"p{number}@example.org"),
                {"crm_id": f"C{number}", "given_name": f"Person {number}", "size": number},
                purpose="enrolment",
            )
            found = desk.find(email=f"p{number}@example.org", purpose=PURPOSE)
            assert found is not None
            self.ids.append(found)
        self.requests = ServiceRequests(vault.parts, "desk")
        self.noted = Noted()

    def ask(self, number: int) -> ReadRequest:
        return self.requests.fetch(self.ids[number % len(self.ids)], purpose=PURPOSE, fields=FIELDS)

    def lane(self, still_valid: Callable[[Any, VaultState], bool] | None = None, **more: Any) -> Lane:
        return Lane(
            self.vault.parts,
            still_valid=still_valid or (lambda _caller, _state: True),
            observer=self.noted,
            mode=self.mode,
            **more,
        )

    def leaves(self) -> int:
        self.vault.parts.store.sequence()
        return self.vault.parts.store.log.size()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))
