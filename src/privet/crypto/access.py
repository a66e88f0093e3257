"""Who saw my data: the reference in the access table from a log entry to its subject.

ref = AES-SIV(HKDF-Expand(root, "access"), subject id, associated data [entry id]): 32 bytes, different for
each entry, so that the table joins nothing to anyone without the keyring. The rows of one subject are found
by SubjectKeys.tag. Refuses a reference moved to another entry.
"""

from privet.crypto.framing import join
from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.crypto.siv import Siv
from privet.domain.ids import EntryId, SubjectId
from privet.errors import IntegrityError, InvalidInput

REF_SIZE = 32


class AccessRefs(Secret):
    """Seals and opens references. Make it once: it keeps its cipher."""

    __slots__ = ("_siv",)

    def __init__(self, keyring: Keyring) -> None:
        self._siv = Siv(keyring.expand_root(join(b"access"), 64))

    def seal(self, entry: EntryId, subject: SubjectId) -> bytes:
        """32 bytes for the `ref` column."""
        if len(subject) != 16 or len(entry) != 16:
            raise InvalidInput("subject and entry ids have 16 bytes")
        return self._siv.seal(subject, [entry])

    def open(self, entry: EntryId, ref: bytes) -> SubjectId:
        """The subject. Raises IntegrityError unless `ref` was sealed for this entry."""
        if len(ref) != REF_SIZE:
            raise IntegrityError("an access reference has 32 bytes")
        return SubjectId(self._siv.open(ref, [entry]))
