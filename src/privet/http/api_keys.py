"""API keys as one process knows them: those of the vault's state it saw last.

What stands here is a hint and never the last word: a batch holds its callers against the state that it loaded itself
(`still_stands`), so a revocation binds from the first batch that starts after it. Refuses keys of services that the
catalogue does not have, and keys that the control journal says were revoked: a copy of the database brings none back.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from privet.bootstrap.credentials import digest_of, find_credential, is_live, is_well_formed
from privet.bootstrap.parts import Parts
from privet.decide.controls import Credential
from privet.domain.ports import VaultState
from privet.http.caller import Caller


class _Seen(NamedTuple):
    """The keys of one revision. `callers`, by digest, fills as they come: one object a key, so that a batch knows its
    own, and nothing is parsed twice."""

    revision: int
    standing: Mapping[str, Credential]
    callers: dict[bytes, Caller]


class ApiKeys:
    """The keys that stood when this process looked last."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen = _Seen(-1, {}, {})
        self._next: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()

    def known(self, key: bytes) -> Caller | None:
        """Whose key it is, as far as was seen; None for every other."""
        seen = self._seen
        digest = digest_of(key)
        # Keyed by a hash that nobody can steer: how long the look-up takes tells nothing of the key.
        caller = seen.callers.get(digest)
        if caller is None:
            found = find_credential(seen.standing, key)
            if found is None or found.service not in self._parts.catalogue.services:
                return None
            caller = seen.callers[digest] = _caller(found, seen.revision)
        if caller.until is not None and caller.until <= self._parts.clock():
            return None
        return None if self._parts.standing.is_revoked(digest) else caller

    async def current(self, key: bytes) -> Caller | None:
        """As `known`, by the vault's state as it is now: one statement, shared by all who wait for it."""
        if not is_well_formed(key):
            return None
        await self._look()
        return self.known(key)

    def still_stands(self, key_id: str, digest: bytes, state: VaultState) -> bool:
        """Whether a key stands in this very state. For threads too."""
        standing = self._parts.controls.credentials(state)
        if state.controls_rev > self._seen.revision:
            self._seen = _Seen(state.controls_rev, standing, {})
        found = standing.get(key_id)
        if found is None or found.digest != digest or self._parts.standing.is_revoked(digest):
            return False
        return is_live(found, self._parts.clock())

    async def _look(self) -> None:
        # A look that began before this request may have missed what was done just before it: wait for the next one.
        waiting = self._next
        if waiting is None:
            waiting = self._next = asyncio.create_task(self._look_next())
        await asyncio.shield(waiting)

    async def _look_next(self) -> None:
        async with self._looking:  # one at a time: whoever comes meanwhile joins the next
            self._next = None
            state = await asyncio.to_thread(self._load)
        if state.controls_rev > self._seen.revision:
            self._seen = _Seen(state.controls_rev, self._parts.controls.credentials(state), {})

    def _load(self) -> VaultState:
        self._parts.standing.refresh()  # what was revoked stays so, whatever copy of the database this is
        with self._parts.store.read() as unit:
            return unit.state()


def _caller(found: Credential, revision: int) -> Caller:
    return Caller(
        kind="service",
        name=found.service,
        credential=f"key:{found.id}",
        until=found.expires,
        controls_rev=revision,
        digest=found.digest,
    )
