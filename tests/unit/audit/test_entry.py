"""Entries: what is sealed opens only where it belongs, and says only what its leaf commits to."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.canonical import canonical
from privet.audit.entry import (
    Private,
    encode_private,
    open_entry,
    parse_private,
    read_entry,
    seal_entry,
    verify_opening,
    verify_sealed,
    worker_of,
)
from privet.audit.leaf import parse_leaf
from privet.crypto.aead import FieldCipher
from privet.crypto.padding import pad
from privet.domain.ids import EntryId
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import CIPHER, WORKER, draw, entry_id, make_entry

PRIVATE: Private = {
    "subject": "ab" * 16,
    "fields": ["given_name"],
    "reasons": {"email": "purpose_not_permitted"},
}
ENTRY = make_entry(3)
LEAF = parse_leaf(ENTRY.leaf)
R, OPENED = open_entry(CIPHER, ENTRY.sealed, LEAF.id)


def seal(private: Private, size: int | None = None) -> tuple[bytes, bytes, bytes]:
    return seal_entry(CIPHER, WORKER, bytes(12), bytes(32), encode_private(private, size), entry_id(0))


def test_layout_and_commitments_are_those_of_the_format() -> None:
    """sealed, pc and ph are built as docs/formats/log.md says, checked with nothing but hashlib."""
    private = encode_private(PRIVATE)
    sealed, pc, ph = seal(PRIVATE)
    assert sealed[:1] == b"\x01"
    assert sealed[1:17] == WORKER == worker_of(sealed)
    assert sealed[17:29] == bytes(12)
    assert len(sealed) == 1 + 16 + 12 + 32 + len(private) + 16
    assert pc == sha256(b"privet/entry/v1" + bytes(32) + private).digest()
    assert ph == sha256(sealed).digest()


def test_what_is_sealed_comes_back() -> None:
    """Opening, verifying and parsing give what was said."""
    sealed, pc, ph = seal(PRIVATE)
    leaf = replace(LEAF, id=EntryId(entry_id(0)), pc=pc, ph=ph)
    assert read_entry(CIPHER, leaf, sealed) == PRIVATE
    verify_opening(LEAF, ENTRY.sealed, R, OPENED)
    verify_sealed(LEAF, ENTRY.sealed)


@given(
    st.dictionaries(st.sampled_from(["subject", "reasons", "note"]), st.text("ab\u00e9\u2028", max_size=30))
)
def test_a_given_size_makes_all_entries_equal_in_length(private: dict[str, str]) -> None:
    """With a size, what an entry says cannot be told from its length; without, Padmé grows with it."""
    assert len(seal(private, 400)[0]) == len(seal({}, 400)[0])
    assert parse_private(encode_private(private, 400)) == private == parse_private(encode_private(private))


def test_more_than_the_size_is_refused() -> None:
    """A private part longer than the size computed from the request is InvalidInput, not a longer entry."""
    with pytest.raises(InvalidInput):
        encode_private(PRIVATE, 10)


@given(st.integers(0, len(ENTRY.sealed) * 8 - 1))
def test_any_single_bit_spoils_a_sealed_part(bit: int) -> None:
    """Flip one bit: the leaf's digest no longer fits, and all but the worker id spoils the opening too."""
    spoiled = bytearray(ENTRY.sealed)
    spoiled[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        verify_sealed(LEAF, bytes(spoiled))
    with pytest.raises(IntegrityError):
        read_entry(CIPHER, LEAF, bytes(spoiled))
    if not 8 <= bit < 17 * 8:
        with pytest.raises(IntegrityError):
            open_entry(CIPHER, bytes(spoiled), LEAF.id)


@given(st.binary(max_size=120))
def test_other_bytes_do_not_open(data: bytes) -> None:
    """Hostile bytes raise IntegrityError and nothing else."""
    for sealed in (data, b"\x01" + data):
        with pytest.raises(IntegrityError):
            open_entry(CIPHER, sealed, LEAF.id)


def test_another_entry_s_sealed_part_does_not_open() -> None:
    """A sealed part moved to another entry, or opened under another key, is refused."""
    with pytest.raises(IntegrityError):
        open_entry(CIPHER, ENTRY.sealed, entry_id(4))
    with pytest.raises(IntegrityError):
        open_entry(FieldCipher(b"k" * 32), ENTRY.sealed, LEAF.id)
    with pytest.raises(IntegrityError):
        verify_sealed(LEAF, make_entry(4).sealed)


def test_an_opening_other_than_the_committed_one_is_refused() -> None:
    """Another r, another private part, or bytes moved between the two, do not fit the commitment."""
    for r, private in (
        (bytes(32), OPENED),
        (R, encode_private(PRIVATE)),
        (R + OPENED[:1], OPENED[1:]),
        (R[:31], R[31:] + OPENED),
    ):
        with pytest.raises(IntegrityError, match="commits"):
            verify_opening(LEAF, ENTRY.sealed, r, private)


@pytest.mark.parametrize(
    "private", [b"", b"\0\0\0\5abc", pad(b"[1]"), pad(b"{} "), pad(canonical({"a": 1}))[:-1] + b"\1"]
)
def test_private_bytes_of_another_form(private: bytes) -> None:
    """Bad padding, other JSON and what is not an object are refused."""
    with pytest.raises(IntegrityError):
        parse_private(private)


@pytest.mark.parametrize("part", ["worker", "r", "entry_id", "nonce"])
def test_parts_of_the_wrong_length_are_refused(part: str) -> None:
    """Worker and id of 16 bytes, r of 32, nonce of 12: no other."""
    parts = {
        "worker": WORKER,
        "nonce": bytes(12),
        "r": bytes(32),
        "private": encode_private({}),
        "entry_id": draw("i", 0, 16),
    }
    parts[part] += b"\0"
    with pytest.raises(InvalidInput):
        seal_entry(CIPHER, **parts)


@pytest.mark.parametrize("name", ["été", "\x9b31m", "漢字", "🦔", "\U0010ffff"])
def test_what_a_service_asked_for_may_be_any_text(name: str) -> None:
    """A purpose or field that nobody knows stands as a key in the private part, and the entry stays readable."""
    private: Private = {"input": {"consent": {name: "unknown"}}, "reasons": {name: "unknown_field", "a": "x"}}
    assert parse_private(encode_private(private)) == private
