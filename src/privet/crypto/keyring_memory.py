"""A keyring in memory, for tests: the same behaviour as the file's, and nothing survives the process.

Refuses what the file keyring refuses; one contract suite (tests/contract/keyring) holds for both.
"""

import os

from privet.crypto.keyring_material import KeyMaterial, Random
from privet.crypto.secrecy import Secret
from privet.crypto.signing import Signer


class MemoryKeyring(Secret):
    """Fresh keys in epoch 1. Pass a seeded `random` for reproducible vectors."""

    __slots__ = ("_material", "_random")

    def __init__(self, random: Random = os.urandom) -> None:
        self._random = random
        self._material = KeyMaterial.generate(random)

    @property
    def current_epoch(self) -> int:
        return self._material.current_epoch

    def epochs(self) -> tuple[int, ...]:
        return self._material.epochs()

    def add_epoch(self) -> int:
        self._material = self._material.with_next_epoch(self._random)
        return self._material.current_epoch

    def destroy_epoch(self, epoch: int) -> None:
        self._material = self._material.without_epoch(epoch)

    def reload(self) -> None:
        """Nobody else can change it."""

    def expand_epoch(self, epoch: int, info: bytes) -> bytes:
        return self._material.expand_epoch(epoch, info)

    def expand_root(self, info: bytes, length: int = 32) -> bytes:
        return self._material.expand_root(info, length)

    def signer(self) -> Signer:
        return self._material.signer()
