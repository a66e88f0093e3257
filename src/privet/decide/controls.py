"""What officers have paused, as the vault row holds it: sealed, loaded with every batch, never cached across a change.

Refuses to guess: controls that do not open raise IntegrityError, and nothing is released.
"""

import orjson

from privet.crypto.aead import FieldCipher
from privet.crypto.framing import join, u32
from privet.crypto.keyring import Keyring
from privet.decide.question import NO_CONTROLS, Controls
from privet.domain.catalogue import Catalogue
from privet.domain.ids import VaultId
from privet.domain.ports import Randomness, VaultState
from privet.errors import IntegrityError


class ControlBox:
    """Seals and opens the vault's controls."""

    def __init__(self, *, catalogue: Catalogue, keyring: Keyring, vault: VaultId) -> None:
        self._catalogue = catalogue
        self._vault = vault
        self._cipher = FieldCipher(keyring.expand_root(join(b"controls", vault)))
        self._opened: tuple[bytes, int, frozenset[str]] = (b"", 0, frozenset())

    def paused(self, state: VaultState) -> frozenset[str]:
        """Names of paused purposes and services."""
        sealed, rev, names = self._opened
        if sealed != state.controls or rev != state.controls_rev:
            names = self._open(state)
            self._opened = (state.controls, state.controls_rev, names)
        return names

    def bearing_on(self, state: VaultState, service: str, purpose: str) -> Controls:
        """The controls that one question may see: what is paused of its service, its purpose, and those above it."""
        if not state.controls and not state.controls_rev:
            return NO_CONTROLS
        concerned = self._catalogue.ancestors.get(purpose, frozenset()) | {service}
        names = self.paused(state) & concerned
        return Controls(paused=tuple(sorted(names))) if names else NO_CONTROLS

    def seal(self, names: frozenset[str], revision: int, randomness: Randomness) -> bytes:
        """The controls to store under `revision`."""
        return self._cipher.seal(
            randomness(12), orjson.dumps({"paused": sorted(names)}), self._context(revision)
        )

    def _open(self, state: VaultState) -> frozenset[str]:
        if not state.controls and not state.controls_rev:
            return frozenset()  # nothing was ever paused
        opened = orjson.loads(self._cipher.open(state.controls, self._context(state.controls_rev)))
        if not isinstance(opened, dict) or not isinstance(opened.get("paused"), list):
            raise IntegrityError("the vault's controls have a form this version does not know")
        return frozenset(opened["paused"])

    def _context(self, revision: int) -> bytes:
        return join(b"controls", self._vault, u32(revision))
