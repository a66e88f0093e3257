"""Keys of the vault itself: for log entries without a living subject, the control journal, and ETags.

K_vault(worker, hour) = HKDF-Expand(root, join("vault", vault, worker 16, hour u32)): a key a worker start
and hour, so that no key seals more than an hour of one process and random nonces stay far from their bound.
Refuses ids of a wrong length.
"""

from privet.crypto.aead import FieldCipher
from privet.crypto.framing import join, u32
from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.domain.ids import Millis, VaultId, WorkerId
from privet.errors import InvalidInput

MILLIS_AN_HOUR = 3_600_000
_KEPT = 256


def hour_of(t_ms: Millis) -> int:
    """Whole hours since 1970, UTC: the `hour` of an entry's time. Raises InvalidInput before 1970 and past u32."""
    hour = t_ms // MILLIS_AN_HOUR
    if not 0 <= hour < 2**32:
        raise InvalidInput("the time of an entry is out of range")
    return hour


class VaultKeys(Secret):
    """The ciphers of K_vault, at most 256 kept. Share one between threads: at worst a key is derived twice."""

    __slots__ = ("_ciphers", "_keyring", "_vault")

    def __init__(self, keyring: Keyring, vault: VaultId) -> None:
        if len(vault) != 16:
            raise InvalidInput("vault ids have 16 bytes")
        self._keyring = keyring
        self._vault = vault
        self._ciphers: dict[tuple[bytes, int], FieldCipher] = {}

    def cipher(self, worker: WorkerId, t_ms: Millis) -> FieldCipher:
        """The cipher for entries that `worker` (16 bytes) made in the hour of `t_ms`."""
        hour = hour_of(t_ms)
        cipher = self._ciphers.get((worker, hour))
        if cipher is None:
            if len(worker) != 16:
                raise InvalidInput("worker ids have 16 bytes")
            info = join(b"vault", self._vault, worker, u32(hour))
            if len(self._ciphers) >= _KEPT:
                self._ciphers = {}
            cipher = self._ciphers[worker, hour] = FieldCipher(self._keyring.expand_root(info))
        return cipher


def journal_cipher(keyring: Keyring) -> FieldCipher:
    """For the control journal: HKDF-Expand(root, "journal"). The journal binds position and kind as context."""
    return FieldCipher(keyring.expand_root(join(b"journal")))


def etag_key(keyring: Keyring, service: str) -> bytes:
    """32 bytes: a service's key for ETags over the revisions of what it was given. Not a key for data."""
    return keyring.expand_root(join(b"etag", service.encode()))
