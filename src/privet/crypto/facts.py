"""A subject's sealed facts: consent as folded, objections, restriction, expiries.

version 1 ‖ nonce 12 ‖ AES-256-GCM of the payload, padded to a multiple of 256 bytes so that a length does not tell a
yes from a no, under HKDF-Expand(K_audit, "facts"), bound to vault, subject and the facts' revision. Refuses facts of
another subject or revision: nobody turns a refusal into a consent by editing a row, and what does not open permits
nothing.
"""

from privet.crypto.envelope import SubjectKeys
from privet.crypto.framing import u32
from privet.crypto.padding import LENGTH_SIZE, pad, unpad
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput

VERSION = b"\x01"
STEP = 256


def seal_facts(
    keys: SubjectKeys, nonce: bytes, vault: VaultId, subject: SubjectId, revision: int, payload: bytes
) -> bytes:
    """The `facts` column. `nonce`: 12 fresh random bytes; `revision`: that of the column as it will be stored."""
    return VERSION + keys.facts_cipher.seal(nonce, _padded(payload), _context(vault, subject, revision))


def open_facts(keys: SubjectKeys, vault: VaultId, subject: SubjectId, revision: int, sealed: bytes) -> bytes:
    """The payload. Raises IntegrityError unless it was sealed for this vault, subject and revision."""
    if sealed[:1] != VERSION:
        raise IntegrityError("sealed facts have an unknown version")
    return unpad(keys.facts_cipher.open(sealed[1:], _context(vault, subject, revision)))


def _padded(payload: bytes) -> bytes:
    framed = LENGTH_SIZE + len(payload)
    return pad(payload, -(-framed // STEP) * STEP - LENGTH_SIZE)


def _context(vault: bytes, subject: bytes, revision: int) -> bytes:
    if len(vault) != 16 or len(subject) != 16 or not 0 <= revision < 2**32:
        raise InvalidInput("vault and subject ids have 16 bytes, revisions fit in 32 bits")
    return VERSION + vault + subject + u32(revision)
