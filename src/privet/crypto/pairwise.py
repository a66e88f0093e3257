"""Ids as one service knows them: AES-SIV (RFC 5297) of the true id, bound to the vault and the service.

The vault inverts them, two services cannot join theirs, the same subject gives the same id to the same
service, and a forged, foreign or mistyped one is refused here, before any database. Text: `pw1_` and 43
characters for a subject (16 bytes sealed to 32), `pr1_` and 67 for a record (subject 16 ‖ collection u16 ‖
record 16, sealed to 50): base64url, no padding. Refuses any text but the one that `issue` gives.
"""

import binascii

from privet.crypto.framing import join, u16
from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.crypto.siv import Siv
from privet.domain.ids import RecordId, SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput

_TO_URL = bytes.maketrans(b"+/", b"-_")

SUBJECT_PREFIX = "pw1_"
RECORD_PREFIX = "pr1_"
_KEPT = 32_768


class PairwiseIds(Secret):
    """Issues and parses the ids of one vault. Make it once: it keeps its cipher."""

    __slots__ = ("_known", "_siv", "_vault")

    def __init__(self, keyring: Keyring, vault: VaultId) -> None:
        self._siv = Siv(keyring.expand_root(join(b"pairwise", vault), 64))
        self._vault = vault
        self._known: dict[tuple[str, str], SubjectId] = {}

    def issue(self, service: str, subject: SubjectId) -> str:
        """The subject's id for this service, 47 characters, always the same."""
        if len(subject) != 16:
            raise InvalidInput("subject ids have 16 bytes")
        return SUBJECT_PREFIX + _encode(self._siv.seal(subject, [self._vault, _name(service)]))

    def parse(self, service: str, text: str) -> SubjectId:
        """The subject again. Raises InvalidInput for anything this vault did not issue to this service.

        Ids that were parsed are remembered, 32,768 at most: a pure function of the text, worth 4 µs a read. What is
        kept is an id and an id; neither says who she is, and no id that fails is kept.
        """
        known = self._known.get((service, text))
        if known is not None:
            return known
        subject = SubjectId(self._open(service, SUBJECT_PREFIX, 32, text, [self._vault, _name(service)]))
        if len(self._known) >= _KEPT:
            self._known = {}
        self._known[service, text] = subject
        return subject

    def issue_record(self, service: str, subject: SubjectId, collection: int, record: RecordId) -> str:
        """A record's id for this service, 71 characters."""
        if len(subject) != 16 or len(record) != 16:
            raise InvalidInput("subject and record ids have 16 bytes")
        place = subject + u16(collection) + record
        return RECORD_PREFIX + _encode(self._siv.seal(place, [self._vault, _name(service), b"record"]))

    def parse_record(self, service: str, text: str) -> tuple[SubjectId, int, RecordId]:
        """(subject, collection number, record) again. Raises InvalidInput as `parse` does."""
        place = self._open(service, RECORD_PREFIX, 50, text, [self._vault, _name(service), b"record"])
        return SubjectId(place[:16]), int.from_bytes(place[16:18], "big"), RecordId(place[18:])

    def _open(self, service: str, prefix: str, size: int, text: str, context: list[bytes]) -> bytes:
        sealed = _decode(text.removeprefix(prefix)) if text.startswith(prefix) else b""
        # Base64 has spare bits in its last character: only the text that `issue` gives may stand for the id.
        if len(sealed) == size and prefix + _encode(sealed) == text:
            try:
                return self._siv.open(sealed, context)
            except IntegrityError:
                pass
        raise InvalidInput(f"not an id that was issued to the service {service!r}")


def _name(service: str) -> bytes:
    if not service:
        raise InvalidInput("a service has a name")
    return service.encode()


def _encode(sealed: bytes) -> str:
    return binascii.b2a_base64(sealed, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    # binascii itself, since base64.b64decode runs a regular expression over the text: 4 µs less a read. What is not
    # of the alphabet is dropped here and caught where the caller encodes again.
    try:
        return binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
    except ValueError:
        return b""
