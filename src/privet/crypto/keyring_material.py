"""The keys of an open keyring in memory, and what is derived from them. Shared by the adapters.

Refuses to hand out a raw key: only derivations and a signer leave.
"""

from collections.abc import Callable, Iterator, Mapping

from privet.crypto.kdf import PreparedKey, expand
from privet.crypto.secrecy import Secret
from privet.crypto.signing import Signer
from privet.errors import InvalidInput, KeyDestroyed

Random = Callable[[int], bytes]
"""`random(n)` gives n unpredictable bytes; os.urandom outside tests."""

MAX_EPOCH = 2**32 - 1


class KeyMaterial(Secret):
    """Root, seed and the KEK of each epoch. Immutable: a changed keyring is a new object."""

    __slots__ = ("_keks", "_prepared", "_root", "_seed", "_signer", "current_epoch")

    def __init__(self, *, root: bytes, seed: bytes, keks: Mapping[int, bytes]) -> None:
        if len(root) != 32 or len(seed) != 32 or not keks:
            raise InvalidInput("a keyring holds a root, a seed and at least one epoch")
        if any(not 1 <= epoch <= MAX_EPOCH or len(kek) != 32 for epoch, kek in keks.items()):
            raise InvalidInput("epochs count from 1 and their keys have 32 bytes")
        self._root = root
        self._seed = seed
        self._keks = dict(sorted(keks.items()))
        self._prepared = {epoch: PreparedKey(kek) for epoch, kek in keks.items()}
        self._signer = Signer(seed)
        self.current_epoch = max(self._keks)

    @classmethod
    def generate(cls, random: Random) -> "KeyMaterial":
        """Fresh keys, in epoch 1."""
        return cls(root=random(32), seed=random(32), keks={1: random(32)})

    def epochs(self) -> tuple[int, ...]:
        return tuple(self._keks)

    def signer(self) -> Signer:
        return self._signer

    def expand_root(self, info: bytes, length: int = 32) -> bytes:
        return expand(self._root, info, length)

    def expand_epoch(self, epoch: int, info: bytes) -> bytes:
        """HKDF-Expand(KEK, info), 32 bytes. On the way of every read."""
        prepared = self._prepared.get(epoch)
        if prepared is None:
            raise KeyDestroyed(f"the key of epoch {epoch} is not held: destroyed, or of another keyring")
        return prepared.expand(info)

    def with_next_epoch(self, random: Random) -> "KeyMaterial":
        """The same and a fresh KEK for current + 1. Numbers of destroyed epochs never return: the newest stays."""
        if self.current_epoch == MAX_EPOCH:
            raise InvalidInput("there is no epoch after this one")
        return KeyMaterial(
            root=self._root, seed=self._seed, keks={**self._keks, self.current_epoch + 1: random(32)}
        )

    def without_epoch(self, epoch: int) -> "KeyMaterial":
        """The same without one KEK. Raises InvalidInput for the current epoch, and for one that never was."""
        if epoch == self.current_epoch:
            raise InvalidInput("the current epoch cannot be destroyed: open the next one first")
        if not 1 <= epoch < self.current_epoch:
            raise InvalidInput(f"there was never an epoch {epoch}")
        keks = {number: kek for number, kek in self._keks.items() if number != epoch}
        return KeyMaterial(root=self._root, seed=self._seed, keks=keks)

    def sealed_by(self, wrap: Callable[[str, bytes], bytes]) -> Iterator[tuple[str, bytes]]:
        """(label, wrapped key) of every key, each through `wrap(label, key)`: for the keyring file only."""
        yield "root", wrap("root", self._root)
        yield "signing", wrap("signing", self._seed)
        for epoch, kek in self._keks.items():
            label = f"epoch:{epoch}"
            yield label, wrap(label, kek)
