"""The port to where key-encryption keys live. Adapters: keyring_file (a passphrase), keyring_memory (tests).

A keyring gives keys derived for a named use, never the key itself: root, KEKs and the signing seed have no
accessor. Refuses an epoch that it does not hold.
"""

from typing import Protocol

from privet.crypto.keyring_file import FileKeyring
from privet.crypto.keyring_format import ScryptCost
from privet.crypto.keyring_memory import MemoryKeyring
from privet.crypto.signing import Signer

__all__ = ["FileKeyring", "Keyring", "MemoryKeyring", "ScryptCost"]


class Keyring(Protocol):
    """Root, signing key, and one key-encryption key an epoch. Epochs count from 1 and are never used again."""

    @property
    def current_epoch(self) -> int:
        """The newest epoch: what is created now is wrapped under it."""
        ...

    def epochs(self) -> tuple[int, ...]:
        """The epochs whose key is held, ascending."""
        ...

    def add_epoch(self) -> int:
        """Open the next epoch with a fresh random key, durably, and return its number."""
        ...

    def destroy_epoch(self, epoch: int) -> None:
        """Destroy an epoch's key, durably; again is no error. Raises InvalidInput for the current one."""
        ...

    def reload(self) -> None:
        """See what other processes did to the keyring. Raises Unavailable if its passphrase was changed."""
        ...

    def expand_epoch(self, epoch: int, info: bytes) -> bytes:
        """HKDF-Expand(KEK of the epoch, info), 32 bytes. Raises KeyDestroyed for an epoch that is not held."""
        ...

    def expand_root(self, info: bytes, length: int = 32) -> bytes:
        """HKDF-Expand(root, info)."""
        ...

    def signer(self) -> Signer:
        """The vault's Ed25519 key, for checkpoints and receipts."""
        ...
