"""What holds for the whole vault at once, as its row holds it: what officers have paused, and the services' API keys.

Sealed, loaded with every batch, never cached across a change: a pause or a revoked key binds from the next batch on,
in every process. Refuses to guess: controls that do not open, or have a form this version does not know, raise
IntegrityError, and nothing is released.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple

import orjson

from privet.crypto.aead import FieldCipher
from privet.crypto.framing import join, u32
from privet.crypto.keyring import Keyring
from privet.decide.question import NO_CONTROLS, Controls
from privet.domain.catalogue import Catalogue
from privet.domain.ids import Millis, VaultId
from privet.domain.ports import Randomness, VaultState
from privet.errors import IntegrityError

_SECTIONS = frozenset({"paused", "credentials"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """An API key that was made and not revoked. `digest` is the SHA-256 of the whole key, its id included."""

    id: str
    service: str
    digest: bytes = field(repr=False)
    created: Millis
    expires: Millis | None = None
    """From then on it is refused."""


class _Opened(NamedTuple):
    paused: frozenset[str]
    credentials: Mapping[str, Credential]
    """By id."""


_NOTHING = _Opened(frozenset(), {})


class ControlBox:
    """Seals and opens the vault's controls."""

    def __init__(self, *, catalogue: Catalogue, keyring: Keyring, vault: VaultId) -> None:
        self._catalogue = catalogue
        self._vault = vault
        self._cipher = FieldCipher(keyring.expand_root(join(b"controls", vault)))
        self._last: tuple[bytes, int, _Opened] = (b"", 0, _NOTHING)

    def paused(self, state: VaultState) -> frozenset[str]:
        """Names of paused purposes and services."""
        return self._opened(state).paused

    def credentials(self, state: VaultState) -> Mapping[str, Credential]:
        """The API keys that stand, expired ones included, by id."""
        return self._opened(state).credentials

    def bearing_on(self, state: VaultState, service: str, purpose: str) -> Controls:
        """The controls that one question may see: what is paused of its service, its purpose, and those above it."""
        if not state.controls and not state.controls_rev:
            return NO_CONTROLS
        paused = self.paused(state)
        if not paused:
            return NO_CONTROLS
        names = paused & (self._catalogue.ancestors.get(purpose, frozenset()) | {service})
        return Controls(paused=tuple(sorted(names))) if names else NO_CONTROLS

    def seal(
        self,
        names: frozenset[str],
        revision: int,
        randomness: Randomness,
        credentials: Iterable[Credential] = (),
    ) -> bytes:
        """The controls to store under `revision`: all of them, so what is not given here is gone."""
        content: dict[str, Any] = {"paused": sorted(names)}
        keys = [
            _plain(one) for one in sorted(credentials, key=lambda one: (one.service, one.created, one.id))
        ]
        if keys:
            content["credentials"] = keys
        return self._cipher.seal(randomness(12), orjson.dumps(content), self._context(revision))

    def reseal(
        self,
        state: VaultState,
        randomness: Randomness,
        *,
        paused: frozenset[str] | None = None,
        credentials: Iterable[Credential] | None = None,
    ) -> bytes:
        """The controls to store after those of `state`, changed in what is given and the same in all else."""
        now = self._opened(state)
        return self.seal(
            now.paused if paused is None else paused,
            state.controls_rev + 1,
            randomness,
            now.credentials.values() if credentials is None else credentials,
        )

    def _opened(self, state: VaultState) -> _Opened:
        sealed, rev, opened = self._last
        if sealed != state.controls or rev != state.controls_rev:
            opened = self._open(state)
            self._last = (state.controls, state.controls_rev, opened)
        return opened

    def _open(self, state: VaultState) -> _Opened:
        if not state.controls and not state.controls_rev:
            return _NOTHING  # nothing was ever paused, no key ever made
        content = orjson.loads(self._cipher.open(state.controls, self._context(state.controls_rev)))
        if not isinstance(content, dict) or not content.keys() <= _SECTIONS:
            raise _unknown()
        paused, keys = content.get("paused"), content.get("credentials", [])
        if not isinstance(paused, list) or not isinstance(keys, list):
            raise _unknown()
        credentials = [_parse(entry) for entry in keys]
        return _Opened(frozenset(paused), {one.id: one for one in credentials})

    def _context(self, revision: int) -> bytes:
        return join(b"controls", self._vault, u32(revision))


def _plain(one: Credential) -> dict[str, object]:
    # Short: the row that holds this is read with every batch.
    return {
        "id": one.id,
        "service": one.service,
        "digest": base64.b64encode(one.digest).decode("ascii"),
        "created": one.created,
        "expires": one.expires,
    }


def _parse(entry: Any) -> Credential:
    try:
        key_id, service, digest, created, expires = (
            entry[name] for name in ("id", "service", "digest", "created", "expires")
        )
        digest = base64.b64decode(digest, validate=True)
    except (TypeError, KeyError, ValueError):
        raise _unknown() from None
    texts = isinstance(key_id, str) and isinstance(service, str)
    if not texts or type(created) is not int or type(expires) not in (int, NoneType) or len(digest) != 32:
        raise _unknown()
    return Credential(
        id=key_id,
        service=service,
        digest=digest,
        created=Millis(created),
        expires=None if expires is None else Millis(expires),
    )


def _unknown() -> IntegrityError:
    return IntegrityError("the vault's controls have a form this version does not know")
