"""A subject as a unit of work holds her: opened once, changed in memory, sealed and swapped once.

Refuses to change what does not open. Every swap is by the revision that was loaded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from privet.config.values import Value, encode_value, max_size
from privet.crypto.envelope import SubjectKeys, new_subject_keys, unwrap_subject_keys, wrap_subject_keys
from privet.crypto.facts import open_facts, seal_facts
from privet.crypto.fields import (
    INNER,
    VALUE,
    Entry,
    field_aad_prefix,
    open_value,
    pack,
    parse_packed,
    seal_value,
)
from privet.crypto.keyring import Keyring
from privet.decide.facts import encode_facts, parse_facts
from privet.domain.catalogue import Field
from privet.domain.ids import PROFILE_RECORD, Millis, RecordId, SubjectId, VaultId
from privet.domain.ports import Randomness, RecordRow, SubjectRow, WriteUnit
from privet.domain.subject import Facts


@dataclass(kw_only=True, slots=True)
class Working:
    """One subject under change. `row` is as loaded; None until a new one is inserted."""

    subject: SubjectId
    keys: SubjectKeys = field(repr=False)
    facts: Facts = field(repr=False)
    row: SubjectRow | None = field(repr=False)
    entries: dict[tuple[int, int], Entry] = field(repr=False)
    """Packed profile entries by (number, kind)."""
    facts_changed: bool = False
    fields_changed: bool = False

    def set_facts(self, facts: Facts) -> None:
        if facts != self.facts:
            self.facts = facts
            self.facts_changed = True


class Sealer:
    """Opens and stores subjects of one vault."""

    def __init__(self, *, keyring: Keyring, vault: VaultId, randomness: Randomness) -> None:
        self._keyring = keyring
        self._vault = vault
        self._randomness = randomness

    def load(self, row: SubjectRow) -> Working:
        """Raises IntegrityError (KeyDestroyed) when keys, facts or packed fields do not open."""
        keys = unwrap_subject_keys(self._keyring, self._vault, row.subject, row.keys)
        facts = parse_facts(open_facts(keys, self._vault, row.subject, row.facts_rev, row.facts))
        entries = {(entry[0], entry[1]): entry for entry in parse_packed(row.fields)}
        return Working(subject=row.subject, keys=keys, facts=facts, row=row, entries=entries)

    def new(self, subject: SubjectId) -> Working:
        """A subject that does not exist yet, with fresh keys."""
        return Working(
            subject=subject,
            keys=new_subject_keys(self._randomness),
            facts=Facts(),
            row=None,
            entries={},
            facts_changed=True,
            fields_changed=True,
        )

    def store(self, unit: WriteUnit, working: Working, epoch: int) -> None:
        """Inserts or swaps what changed. Raises Conflict when another writer was faster."""
        row = working.row
        if row is None:
            working.row = self._insert(unit, working, epoch)
        else:
            if working.facts_changed:
                rev = row.facts_rev + 1
                sealed = self._seal_facts(working, rev)
                unit.swap_facts(row.subject, row.facts_rev, sealed)
                row = row._replace(facts=sealed, facts_rev=rev)
            if working.fields_changed:
                packed = pack(working.entries.values())
                unit.swap_fields(row.subject, row.fields_rev, packed)
                row = row._replace(fields=packed, fields_rev=row.fields_rev + 1)
            working.row = row
        working.facts_changed = working.fields_changed = False

    def _insert(self, unit: WriteUnit, working: Working, epoch: int) -> SubjectRow:
        row = SubjectRow(
            working.subject,
            epoch,
            wrap_subject_keys(self._keyring, self._vault, working.subject, epoch, working.keys),
            1,
            self._seal_facts(working, 1),
            1,
            pack(working.entries.values()),
            1,
        )
        unit.insert_subject(row)
        return row

    def _seal_facts(self, working: Working, revision: int) -> bytes:
        return seal_facts(
            working.keys,
            self._randomness(12),
            self._vault,
            working.subject,
            revision,
            encode_facts(working.facts),
        )

    def set_value(self, working: Working, held: Field, value: Value | None) -> bytes:
        """Seals one profile value, or clears it. Returns what the write hash covers."""
        place = (held.number, VALUE)
        before = working.entries.get(place)
        working.fields_changed = True
        if value is None:
            working.entries.pop(place, None)
            return b""
        entry = self._seal(
            working, PROFILE_RECORD, 0, held, encode_value(held.type, value), before[3] + 1 if before else 1
        )
        working.entries[place] = entry
        return entry[4]

    def holds(self, working: Working, held: Field, value: Value | None) -> bool:
        """Whether the profile holds exactly this value already. Opens the one stored value to compare."""
        entry = working.entries.get((held.number, VALUE))
        if entry is None or value is None:
            return entry is None and value is None
        prefix = field_aad_prefix(self._vault, working.subject)
        return open_value(working.keys.data_cipher, prefix, entry) == encode_value(held.type, value)

    def holds_record(self, working: Working, row: RecordRow, values: Sequence[tuple[Field, Value]]) -> bool:
        """Whether a stored record says exactly this already."""
        prefix = field_aad_prefix(self._vault, working.subject, row.collection, row.record)
        stored = {
            entry[0]: open_value(working.keys.data_cipher, prefix, entry)
            for entry in parse_packed(row.fields)
        }
        return stored == {held.number: encode_value(held.type, value) for held, value in values}

    def set_inner(self, working: Working, held: Field, inner: bytes | None) -> None:
        """Seals, or clears, the permanent half of a look-up value's index beside the value."""
        place = (held.number, INNER)
        working.fields_changed = True
        before = working.entries.pop(place, None)
        if inner is not None:
            prefix = field_aad_prefix(self._vault, working.subject)
            working.entries[place] = seal_value(
                working.keys.data_cipher,
                self._randomness(12),
                prefix,
                held.number,
                inner,
                schema=held.schema,
                revision=before[3] + 1 if before else 1,
                kind=INNER,
            )

    def inner(self, working: Working, held: Field) -> bytes | None:
        """The sealed inner of a look-up field, opened; None when nothing is held."""
        entry = working.entries.get((held.number, INNER))
        if entry is None:
            return None
        return open_value(working.keys.data_cipher, field_aad_prefix(self._vault, working.subject), entry)

    def seal_record(
        self,
        working: Working,
        collection: int,
        record: RecordId,
        coarse: int,
        revision: int,
        values: Sequence[tuple[Field, Value]],
    ) -> RecordRow:
        """One record, each of its values sealed in its place."""
        entries = [
            self._seal(working, record, collection, held, encode_value(held.type, value), revision)
            for held, value in values
        ]
        return RecordRow(working.subject, collection, record, coarse, revision, pack(entries))

    def _seal(
        self, working: Working, record: RecordId, collection: int, held: Field, data: bytes, revision: int
    ) -> Entry:
        return seal_value(
            working.keys.data_cipher,
            self._randomness(12),
            field_aad_prefix(self._vault, working.subject, collection, record),
            held.number,
            data,
            schema=held.schema,
            revision=revision,
            to=max_size(held.type),
        )


def write_hash(sealed: list[bytes]) -> bytes:
    """The leaf's `wh`: SHA-256 over the length-prefixed sealed bytes of a write, in order."""
    digest = hashlib.sha256()
    for blob in sealed:
        digest.update(len(blob).to_bytes(4, "big") + blob)
    return digest.digest()


def with_expiry(facts: Facts, held: Field, value: Value | None, now: int) -> Facts:
    """Facts with the field's retention restarted, or forgotten when the value is cleared."""
    if held.retention_days is None and held.number not in facts.expires:
        return facts
    expires = dict(facts.expires)
    expires.pop(held.number, None)
    if value is not None and held.retention_days is not None:
        expires[held.number] = Millis(now + held.retention_days * 86_400_000)
    return replace(facts, expires=expires)
