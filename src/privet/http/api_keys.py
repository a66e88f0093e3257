"""API keys as one process knows them: those of the vault's state it saw last.

What stands here is a hint and never the last word: a batch holds its callers against the state that it loaded itself
(`still_stands`), so a revocation binds from the first batch that starts after it. Refuses keys of services that the
catalogue does not have.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from privet.bootstrap.credentials import find_credential, is_live
from privet.bootstrap.parts import Parts
from privet.decide.controls import Credential
from privet.domain.ports import VaultState


class _Seen(NamedTuple):
    revision: int
    standing: Mapping[str, Credential]


class ApiKeys:
    """The keys that stood when this process looked last."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen = _Seen(-1, {})
        self._next: asyncio.Task[None] | None = None

    def known(self, key: bytes) -> tuple[Credential, int] | None:
        """The key's credential and the revision of the controls it stood in; None for every other."""
        revision, standing = self._seen
        return self._usable(find_credential(standing, key), revision)

    async def current(self, key: bytes) -> tuple[Credential, int] | None:
        """As `known`, by the vault's state as it is now: one statement, shared by all who wait for it."""
        await self._look()
        return self.known(key)

    def still_stands(self, key_id: str, digest: bytes, state: VaultState) -> bool:
        """Whether a key stands in this very state. For threads too."""
        standing = self._parts.controls.credentials(state)
        if state.controls_rev > self._seen.revision:
            self._seen = _Seen(state.controls_rev, standing)
        found = standing.get(key_id)
        return found is not None and found.digest == digest and is_live(found, self._parts.clock())

    def _usable(self, found: Credential | None, revision: int) -> tuple[Credential, int] | None:
        if found is None or found.service not in self._parts.catalogue.services:
            return None
        return (found, revision) if is_live(found, self._parts.clock()) else None

    async def _look(self) -> None:
        # A look that began before this request may have missed what was done just before it: wait for the next one.
        waiting = self._next
        if waiting is None:
            waiting = self._next = asyncio.create_task(self._look_next())
        await asyncio.shield(waiting)

    async def _look_next(self) -> None:
        await _turn()
        self._next = None
        state = await asyncio.to_thread(self._load)
        standing = self._parts.controls.credentials(state)
        if state.controls_rev >= self._seen.revision:
            self._seen = _Seen(state.controls_rev, standing)

    def _load(self) -> VaultState:
        with self._parts.store.read() as unit:
            return unit.state()


async def _turn() -> None:
    """Lets those who ask in the same turn of the loop join."""
    await asyncio.sleep(0)
