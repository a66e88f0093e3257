"""Tickets: how short-lived secrets (sign-in codes, sessions, idempotency keys) are named and sealed in the store.

A ticket's id is HMAC-SHA256(Expand(root, join("ticket id", vault, kind)), token): who reads the database can neither
present it nor guess a short code behind it. Its payload is sealed under Expand(root, join("ticket", vault, kind)) and
bound to the id. Refuses a payload of another ticket, kind or vault: IntegrityError.
"""

from privet.crypto.aead import FieldCipher
from privet.crypto.framing import join
from privet.crypto.kdf import mac
from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.domain.ids import VaultId
from privet.domain.ports import Randomness


class TicketBox(Secret):
    """Names and seals the tickets of one kind. Threads may share it."""

    __slots__ = ("_cipher", "_key")

    def __init__(self, keyring: Keyring, vault: VaultId, kind: str) -> None:
        self._key = keyring.expand_root(join(b"ticket id", vault, kind.encode()))
        self._cipher = FieldCipher(keyring.expand_root(join(b"ticket", vault, kind.encode())))

    def id(self, token: bytes) -> bytes:
        """32 bytes: the row's id for what its holder presents. Join parts by `framing.join` first."""
        return mac(self._key, token)

    def seal(self, ticket: bytes, payload: bytes, randomness: Randomness) -> bytes:
        """The payload, bound to the ticket's id."""
        return self._cipher.seal(randomness(12), payload, ticket)

    def open(self, ticket: bytes, sealed: bytes) -> bytes:
        """The payload. Raises IntegrityError."""
        return self._cipher.open(sealed, ticket)
