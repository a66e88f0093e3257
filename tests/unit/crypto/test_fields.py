"""Sealed and packed fields: bound to their place, opened one by one, deaf to hostile bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.aead import FieldCipher
from privet.crypto.fields import (
    INNER,
    PROFILE,
    VALUE,
    Entry,
    field_aad_prefix,
    open_value,
    open_values,
    pack,
    parse_packed,
    seal_value,
)
from privet.domain.ids import PROFILE_RECORD, RecordId, SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput

CIPHER = FieldCipher(b"k" * 32)
VAULT = VaultId(b"V" * 16)
SUBJECT = SubjectId(b"S" * 16)
PREFIX = field_aad_prefix(VAULT, SUBJECT)


def sealed(
    number: int, value: bytes = b"value", *, kind: int = VALUE, schema: int = 1, revision: int = 1
) -> Entry:
    nonce = struct.pack(">IIHBx", revision, schema, number, kind)
    return seal_value(CIPHER, nonce, PREFIX, number, value, kind=kind, schema=schema, revision=revision)


ROW = pack(
    [sealed(3, b"three"), sealed(1, b"one"), sealed(1, b"inner of one", kind=INNER), sealed(2, b"two")]
)
ENTRIES = st.dictionaries(
    st.tuples(st.integers(0, 0xFFFF), st.sampled_from([VALUE, INNER])),
    st.tuples(st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.binary(max_size=60)),
    max_size=12,
)


@given(ENTRIES)
def test_round_trip(wanted: dict[tuple[int, int], tuple[int, int, bytes]]) -> None:
    """Any row packs, parses and opens to what went in, in canonical order, whichever way it is opened."""
    entries = [
        sealed(number, value, kind=kind, schema=schema, revision=revision)
        for (number, kind), (schema, revision, value) in wanted.items()
    ]
    blob = pack(entries)
    parsed = parse_packed(blob)
    assert parsed == sorted(entries)
    assert {entry[:2]: open_value(CIPHER, PREFIX, entry) for entry in parsed} == {
        place: value for place, (_, _, value) in wanted.items()
    }
    values, _ = open_values(CIPHER, PREFIX, blob, range(2**16))
    assert values == {number: value for (number, kind), (_, _, value) in wanted.items() if kind == VALUE}


def test_layout() -> None:
    """The documented bytes: version, count, entries; the context is the prefix and the entry's first nine bytes."""
    number, kind, schema, revision, body = sealed(7, b"v", schema=2, revision=9)
    assert pack([(number, kind, schema, revision, body)]) == (
        b"\1\0\1" + bytes.fromhex("0007 00 0002 00000009") + len(body).to_bytes(4, "big") + body
    )
    context = b"\1" + VAULT + SUBJECT + b"\0\0" + bytes(16) + bytes.fromhex("0007 00 0002 00000009")
    assert len(context) == 60
    assert CIPHER.open(body, context) == b"\0\0\0\1v" + bytes(27)


def test_empty_row() -> None:
    """A row without fields is three bytes."""
    assert pack([]) == b"\1\0\0"
    assert parse_packed(b"\1\0\0") == []
    assert open_values(CIPHER, PREFIX, b"\1\0\0", [1]) == ({}, b"")


def test_only_what_is_asked_for_is_opened() -> None:
    """A damaged neighbour does not matter until it is asked for itself."""
    bad = bytearray(ROW)
    bad[ROW.index(sealed(2, b"two")[4])] ^= 1
    row = bytes(bad)
    assert open_values(CIPHER, PREFIX, row, [1, 3, 99])[0] == {1: b"one", 3: b"three"}
    with pytest.raises(IntegrityError):
        open_values(CIPHER, PREFIX, row, [1, 2, 3])


def test_contexts_say_which_revisions_were_opened() -> None:
    """What an ETag is made over: number, kind, schema and revision of each value opened, and of no other."""
    row = pack([sealed(4, schema=3, revision=8), sealed(5, revision=9), sealed(6)])
    _, contexts = open_values(CIPHER, PREFIX, row, [5, 4, 99])
    assert contexts == bytes.fromhex("0004 00 0003 00000008 0005 00 0001 00000009")


def open_all(row: bytes) -> list[bytes]:
    return [open_value(CIPHER, PREFIX, entry) for entry in parse_packed(row)]


def test_every_bit_of_a_row_counts() -> None:
    """A flip anywhere fails to parse or to open. By the index a field may be missing, never another value."""
    whole = {1: b"one", 2: b"two", 3: b"three"}
    for bit in range(len(ROW) * 8):
        flipped = bytearray(ROW)
        flipped[bit // 8] ^= 1 << bit % 8
        row = bytes(flipped)
        with pytest.raises(IntegrityError):
            open_all(row)
        try:
            values, _ = open_values(CIPHER, PREFIX, row, whole)
        except IntegrityError:
            continue
        assert values.items() <= whole.items()


def test_every_truncation_of_a_row() -> None:
    """Cut at any length, or longer: an IntegrityError from both parsers."""
    for bad in [ROW[:size] for size in range(len(ROW))] + [ROW + b"\0"]:
        with pytest.raises(IntegrityError):
            parse_packed(bad)
        with pytest.raises(IntegrityError):
            open_values(CIPHER, PREFIX, bad, [1])


@given(st.binary(max_size=120))
def test_hostile_bytes(blob: bytes) -> None:
    """Any bytes at all give entries or an IntegrityError, and what parses packs to the same bytes."""
    for hostile in (blob, b"\1\0\2" + blob):
        try:
            entries = parse_packed(hostile)
        except IntegrityError:
            with pytest.raises(IntegrityError):
                open_values(CIPHER, PREFIX, hostile, [])
            continue
        assert pack(entries) == hostile
        assert open_values(CIPHER, PREFIX, hostile, []) == ({}, b"")


@pytest.mark.parametrize(
    "entries",
    [
        [(2, 0, 1, 1), (1, 0, 1, 1)],
        [(1, 0, 1, 1), (1, 0, 1, 2)],
        [(1, 1, 1, 1), (1, 0, 1, 1)],
        [(1, 2, 1, 1)],
        [(1, 255, 1, 1)],
    ],
    ids=["descending", "twice", "inner first", "kind 2", "kind 255"],
)
def test_rows_that_pack_cannot_have_made(entries: list[tuple[int, int, int, int]]) -> None:
    """Order, uniqueness and kinds are checked, so that each row has one form."""
    blob = struct.pack(">BH", 1, len(entries))
    for entry in entries:
        blob += struct.pack(">HBHII", *entry, 28) + bytes(28)
    with pytest.raises(IntegrityError):
        parse_packed(blob)
    with pytest.raises(IntegrityError):
        open_values(CIPHER, PREFIX, blob, [])


@pytest.mark.parametrize("length", [0, 27, 29, 2**31, 2**32 - 1])
def test_lengths_that_lie(length: int) -> None:
    """Too short for a ciphertext, or past the end: refused before a byte is taken."""
    lying = struct.pack(">BHHBHII", 1, 1, 1, 0, 1, 1, length) + bytes(28)
    with pytest.raises(IntegrityError):
        parse_packed(lying)
    with pytest.raises(IntegrityError):
        open_values(CIPHER, PREFIX, lying, [])


@pytest.mark.parametrize("version", [0, 2, 255])
def test_unknown_versions(version: int) -> None:
    """Another version is not guessed at."""
    with pytest.raises(IntegrityError):
        parse_packed(bytes((version,)) + ROW[1:])
    with pytest.raises(IntegrityError):
        open_values(CIPHER, PREFIX, bytes((version,)) + ROW[1:], [])


PLACES = {
    "vault": field_aad_prefix(VaultId(b"W" * 16), SUBJECT),
    "subject": field_aad_prefix(VAULT, SubjectId(b"T" * 16)),
    "collection": field_aad_prefix(VAULT, SUBJECT, 1, PROFILE_RECORD),
    "record": field_aad_prefix(VAULT, SUBJECT, PROFILE, RecordId(b"R" * 16)),
}


@pytest.mark.parametrize("place", PLACES)
def test_moved_to_another_row(place: str) -> None:
    """A column copied to another vault, subject, collection or record opens nowhere."""
    with pytest.raises(IntegrityError):
        open_values(CIPHER, PLACES[place], ROW, [1])
    with pytest.raises(IntegrityError):
        open_value(CIPHER, PLACES[place], parse_packed(ROW)[0])


@pytest.mark.parametrize(
    "changed",
    [(2, 0, 1, 1), (1, 1, 1, 1), (1, 0, 2, 1), (1, 0, 1, 2), (1, 0, 1, 0)],
    ids=["field", "kind", "schema", "later revision", "earlier revision"],
)
def test_moved_within_a_row(changed: tuple[int, int, int, int]) -> None:
    """A ciphertext under another field, kind, schema or revision does not open: no swap, no replay."""
    body = sealed(1)[4]
    with pytest.raises(IntegrityError):
        open_value(CIPHER, PREFIX, (*changed, body))
    if changed[1] == VALUE:
        blob = pack([(*changed, body)])
        with pytest.raises(IntegrityError):
            open_values(CIPHER, PREFIX, blob, [changed[0]])


@pytest.mark.parametrize("plaintext", [b"", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\1ab", b"\xff" * 8])
def test_bad_padding_under_a_good_tag(plaintext: bytes) -> None:
    """Even authentic bytes must be padded as ours are."""
    context = PREFIX + bytes.fromhex("0001 00 0001 00000001")
    entry = (1, VALUE, 1, 1, CIPHER.seal(bytes(12), plaintext, context))
    blob = pack([entry])
    with pytest.raises(IntegrityError):
        open_value(CIPHER, PREFIX, entry)
    with pytest.raises(IntegrityError):
        open_values(CIPHER, PREFIX, blob, [1])


@pytest.mark.parametrize(
    "entry",
    [(1, 2, 1, 1, bytes(28)), (1, 0, 1, 1, bytes(27)), (2**16, 0, 1, 1, bytes(28)), (1, 0, 1, -1, bytes(28))],
    ids=["kind", "too short", "number", "revision"],
)
def test_entries_that_cannot_be_packed(entry: Entry) -> None:
    """Numbers out of range and impossible entries are the caller's mistake."""
    with pytest.raises(InvalidInput):
        pack([entry])


def test_twice_or_too_many() -> None:
    """One entry a field and kind, and no more than the count can say."""
    with pytest.raises(InvalidInput):
        pack([sealed(1), sealed(1, revision=2)])
    body = bytes(28)
    with pytest.raises(InvalidInput):
        pack([(number, kind, 1, 1, body) for number in range(0x8000) for kind in (0, 1)])


@pytest.mark.parametrize("number", [-1, 2**16])
def test_numbers_out_of_range(number: int) -> None:
    """A field number is a u16."""
    with pytest.raises(InvalidInput):
        seal_value(CIPHER, bytes(12), PREFIX, number, b"", schema=1, revision=1)


def test_a_bounded_field_has_one_length() -> None:
    """With a maximum, every value takes the same room on disk."""
    sizes = {
        len(seal_value(CIPHER, bytes(12), PREFIX, 1, value, schema=1, revision=1, to=5)[4])
        for value in (b"", b"true", b"false")
    }
    assert sizes == {28 + 4 + 5}


def test_ids_of_a_wrong_length() -> None:
    """A prefix is built of 16-byte ids only."""
    for ids in [(b"", SUBJECT, PROFILE_RECORD), (VAULT, b"", PROFILE_RECORD), (VAULT, SUBJECT, b"")]:
        with pytest.raises(InvalidInput):
            field_aad_prefix(VaultId(ids[0]), SubjectId(ids[1]), PROFILE, RecordId(ids[2]))
