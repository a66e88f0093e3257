"""A corrected look-up value that waits for its proof: sealed beside the digest of a code, inside the sealed facts.

Text form: `1.expires.tries.digest.value`: milliseconds, how often a code was tried, SHA-256 of the code bound to the
field (hex), and the value under HKDF-Expand(K_data, "pending"), bound to vault, subject and field (hex). It dies after
five wrong codes, or when it runs out. Refuses (IntegrityError) any other text.
"""

import hmac
from hashlib import sha256
from typing import NamedTuple

from privet.crypto.envelope import SubjectKeys
from privet.crypto.framing import join, u16
from privet.crypto.padding import pad, unpad
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.domain.ports import Randomness
from privet.errors import IntegrityError

TRIES = 5
LASTS_MS = 48 * 3_600_000
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE = 8


class Pending(NamedTuple):
    expires: Millis
    tries: int
    digest: bytes
    sealed: bytes


def new_code(randomness: Randomness) -> str:
    """Eight characters of Crockford's base 32, 40 bits, shown as XXXX-XXXX."""
    letters = "".join(_ALPHABET[byte & 31] for byte in randomness(_CODE))
    return f"{letters[:4]}-{letters[4:]}"


def seal_pending(
    keys: SubjectKeys,
    nonce: bytes,
    vault: VaultId,
    subject: SubjectId,
    number: int,
    value: bytes,
    code: str,
    now: int,
) -> str:
    """The text to keep. `nonce`: 12 fresh random bytes."""
    sealed = keys.pending_cipher.seal(nonce, pad(value), _context(vault, subject, number))
    return encode(Pending(Millis(now + LASTS_MS), 0, _digest(vault, subject, number, code), sealed))


def encode(pending: Pending) -> str:
    return f"1.{pending.expires}.{pending.tries}.{pending.digest.hex()}.{pending.sealed.hex()}"


def parse_pending(text: str) -> Pending:
    """Raises IntegrityError for anything that `encode` did not make."""
    try:
        version, expires, tries, digest, sealed = text.split(".")
        pending = Pending(Millis(int(expires)), int(tries), bytes.fromhex(digest), bytes.fromhex(sealed))
    except ValueError:
        raise IntegrityError("a pending correction has a form this version does not know") from None
    if version != "1":
        raise IntegrityError("a pending correction has a form this version does not know")
    return pending


def open_pending(
    keys: SubjectKeys, vault: VaultId, subject: SubjectId, number: int, pending: Pending
) -> bytes:
    """The encoded value. Raises IntegrityError when it was sealed for another place."""
    return unpad(keys.pending_cipher.open(pending.sealed, _context(vault, subject, number)))


def proves(pending: Pending, vault: VaultId, subject: SubjectId, number: int, code: str) -> bool:
    """Whether this is the code, in constant time. Case, spaces and dashes do not matter; O is 0, I and L are 1."""
    return hmac.compare_digest(pending.digest, _digest(vault, subject, number, code))


def _digest(vault: bytes, subject: bytes, number: int, code: str) -> bytes:
    plain = code.upper().translate(str.maketrans("OIL", "011", " -")).encode("utf-8", "replace")
    return sha256(join(b"privet/code/v1", vault, subject, u16(number), plain)).digest()


def _context(vault: bytes, subject: bytes, number: int) -> bytes:
    return join(b"pending/1", vault, subject, u16(number))
