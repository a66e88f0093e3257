"""The consent ledger: sealed entries, dense from 1, appended and never changed, and the fold that decisions see.

An entry is version 1 ‖ nonce 12 ‖ AES-256-GCM of padded canonical JSON under HKDF-Expand(K_audit, "ledger"), bound to
version ‖ vault ‖ subject ‖ seq. The sealed facts carry the number of the last entry and the last state of each
purpose. Refuses (IntegrityError) an entry that was edited, moved, left out, or says something else than the facts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from privet.audit.canonical import canonical, parse_canonical
from privet.crypto.envelope import SubjectKeys
from privet.crypto.framing import u32
from privet.crypto.padding import pad, unpad
from privet.domain.consent import ConsentRecord, ConsentStatus, FoldedConsent
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.domain.ports import LedgerRow, Randomness, ReadUnit, WriteUnit
from privet.domain.subject import Facts
from privet.errors import Conflict, IntegrityError, InvalidInput

VERSION = b"\x01"
_KEYS = frozenset({"v", "seq", "p", "s", "t", "u", "n", "nv", "by", "src", "id", "r"})

_PLAIN_STEP = 512
_RECEIPT_STEP = 4096
"""Padded to multiples of these, coarser than Padmé: a length must not tell a yes from a no."""

Receipt = dict[str, Any]


class LedgerEntry(NamedTuple):
    """One entry, and the receipt that was issued for it; None where none was (imports)."""

    record: ConsentRecord
    receipt: Receipt | None


def seal_entry(
    keys: SubjectKeys, nonce: bytes, vault: VaultId, subject: SubjectId, entry: LedgerEntry
) -> LedgerRow:
    """The row to append. `nonce`: 12 fresh random bytes."""
    record = entry.record
    payload = canonical(
        {
            "v": 1,
            "seq": record.seq,
            "p": record.purpose,
            "s": record.status.value,
            "t": record.at,
            "u": record.until,
            "n": record.notice,
            "nv": record.notice_version,
            "by": record.actor,
            "src": record.source,
            "id": record.audit_id,
            "r": entry.receipt,
        }
    )
    context = _context(vault, subject, record.seq)
    step = _PLAIN_STEP if entry.receipt is None else _RECEIPT_STEP
    padded = pad(payload, -(-len(payload) // step) * step)
    return LedgerRow(subject, record.seq, VERSION + keys.ledger_cipher.seal(nonce, padded, context))


def open_ledger(
    keys: SubjectKeys, vault: VaultId, subject: SubjectId, rows: Sequence[LedgerRow]
) -> tuple[LedgerEntry, ...]:
    """All entries in order. Raises IntegrityError unless they are exactly entries 1 to n of this subject."""
    return tuple(
        _open(keys, vault, subject, seq, row)
        for seq, row in enumerate(sorted(rows, key=lambda row: row.seq), 1)
    )


def fold(entries: Sequence[LedgerEntry]) -> Mapping[str, FoldedConsent]:
    """The last state of each purpose: what the facts must say."""
    return {entry.record.purpose: folded(entry.record) for entry in entries}


def folded(record: ConsentRecord) -> FoldedConsent:
    return FoldedConsent(
        status=record.status, at=record.at, until=record.until, notice_version=record.notice_version
    )


class LedgerBook:
    """Reads and appends entries within a unit. The caller seals and swaps the facts in the same unit."""

    def __init__(self, *, vault: VaultId, randomness: Randomness) -> None:
        self._vault = vault
        self._randomness = randomness

    def record(
        self,
        unit: WriteUnit,
        subject: SubjectId,
        keys: SubjectKeys,
        facts: Facts,
        record: ConsentRecord,
        receipt: Receipt | None = None,
    ) -> Facts:
        """Appends one entry and returns the facts with it folded in. `record.seq` is `facts.ledger` + 1.

        Raises Conflict when another has appended meanwhile.
        """
        if record.seq != facts.ledger + 1:
            raise InvalidInput("the next ledger entry has the number after the last")
        entry = LedgerEntry(record, receipt)
        unit.append_ledger(seal_entry(keys, self._randomness(12), self._vault, subject, entry))
        return facts.with_consent(record.purpose, folded(record))

    def entries(
        self, unit: ReadUnit, subject: SubjectId, keys: SubjectKeys, facts: Facts, facts_rev: int
    ) -> tuple[LedgerEntry, ...]:
        """The whole ledger, held against the facts as loaded at `facts_rev`.

        Raises IntegrityError when ledger and facts tell different stories, Conflict when her facts moved meanwhile.
        """
        rows = unit.ledger(subject)
        if len(rows) != facts.ledger:
            now = unit.find_rows((subject,)).get(subject)
            if now is None or now.facts_rev != facts_rev:
                raise Conflict("the stored state changed meanwhile")
            raise IntegrityError("the consent ledger does not have the entries that the sealed facts count")
        entries = open_ledger(keys, self._vault, subject, rows)
        if fold(entries) != dict(facts.consents):
            raise IntegrityError("the consent ledger says something else than the sealed facts")
        return entries


def _open(keys: SubjectKeys, vault: VaultId, subject: SubjectId, seq: int, row: LedgerRow) -> LedgerEntry:
    if row.sealed[:1] != VERSION:
        raise IntegrityError("a consent ledger entry has an unknown version")
    value = parse_canonical(
        unpad(keys.ledger_cipher.open(row.sealed[1:], _context(vault, subject, seq))), limit=1 << 16
    )
    if type(value) is not dict or value.keys() != _KEYS or value["v"] != 1 or value["seq"] != seq:
        raise IntegrityError("a consent ledger entry has a form this version does not know")
    try:
        record = ConsentRecord(
            seq=seq,
            purpose=value["p"],
            status=ConsentStatus(value["s"]),
            at=Millis(value["t"]),
            until=None if value["u"] is None else Millis(value["u"]),
            notice=value["n"],
            notice_version=value["nv"],
            actor=value["by"],
            source=value["src"],
            audit_id=value["id"],
        )
    except ValueError as error:
        raise IntegrityError("a consent ledger entry has a form this version does not know") from error
    return LedgerEntry(record, value["r"])


def _context(vault: bytes, subject: bytes, seq: int) -> bytes:
    if len(vault) != 16 or len(subject) != 16 or not 0 < seq < 2**32:
        raise InvalidInput("vault and subject ids have 16 bytes, ledger entries count from 1")
    return b"".join((VERSION, vault, subject, u32(seq)))
