"""Signed notes: other people's notes verify, ours are theirs to the byte, hostile ones are refused."""

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.note import (
    MAX_BYTES,
    NoteKey,
    Signature,
    add_signature,
    parse_note,
    parse_vkey,
    sign_note,
    verify_note,
)
from privet.crypto.signing import Signer
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import KEY, ORIGIN, SIGNER, public_vectors

PUBLIC = public_vectors()
NOTES: list[dict[str, Any]] = PUBLIC["notes"]
GOOD = sign_note("some text\n\nand more\n", ORIGIN, SIGNER)


@pytest.mark.parametrize("vector", NOTES, ids=lambda vector: vector["name"])
def test_published_notes_verify(vector: dict[str, Any]) -> None:
    """Notes of the Go sumdb and of C2SP verify under their published keys, whose text form we write alike."""
    key = parse_vkey(vector["vkey"])
    assert str(key) == vector["vkey"]
    note = verify_note(vector["note"].encode(), key)
    assert [signature.name for signature in note.signatures] == [key.name]
    assert vector["note"].startswith(note.text + "\n")


def test_go_s_signature_to_the_byte() -> None:
    """With the published seed we write the published note."""
    vector = NOTES[0]
    signer = Signer(base64.b64decode(vector["seed"])[1:])
    text = vector["note"].partition("\n\n")[0] + "\n"
    assert sign_note(text, "PeterNeumann", signer) == vector["note"].encode()


def test_both_signers_are_told() -> None:
    """A note signed by two known keys tells both; the key not known is passed over."""
    keys = [parse_vkey(vector["vkey"]) for vector in NOTES[:2]]
    data = NOTES[1]["note"].encode()
    assert len(verify_note(data, keys).signatures) == 2
    assert [s.name for s in verify_note(data, keys[:1]).signatures] == ["PeterNeumann"]


@pytest.mark.parametrize(
    "vkey", [*PUBLIC["bad_vkeys"], "", "a", "a+b", "a+b+c", "a+c74f20a3+AQ==", "+".join("abc")]
)
def test_published_bad_keys_are_refused(vkey: str) -> None:
    """A key of another length or algorithm, or with another id, is InvalidInput."""
    with pytest.raises(InvalidInput):
        parse_vkey(vkey)


def test_every_mangling_of_a_key_is_refused() -> None:
    """Any part of a verifier key, and any one character changed, is refused (the Go test, in Python)."""
    vkey = NOTES[0]["vkey"]
    for start in range(len(vkey)):
        for bad in (
            vkey[start + 1 :],
            vkey[:start],
            vkey[:start] + chr(ord(vkey[start]) + 1) + vkey[start + 1 :],
        ):
            with pytest.raises(InvalidInput):
                parse_vkey(bad)


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    """Hostile key text raises InvalidInput and nothing else."""
    with contextlib.suppress(InvalidInput):
        assert str(parse_vkey(text)) == text


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x01", "\ud800", "a\u00a0"])
def test_names_that_no_note_can_carry(name: str) -> None:
    """Empty names, Unicode spaces, plus signs, controls and lone surrogates are refused."""
    with pytest.raises(InvalidInput):
        NoteKey(name=name, public=SIGNER.public)
    with pytest.raises(InvalidInput):
        sign_note("text\n", name, SIGNER)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "return\r\n", "\ud800\n", "nul\x00\n"])
def test_texts_that_no_note_can_carry(text: str) -> None:
    """Text without a final newline, with controls or lone surrogates is refused."""
    with pytest.raises(InvalidInput):
        sign_note(text, ORIGIN, SIGNER)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    """A public key has 32 bytes."""
    with pytest.raises(InvalidInput):
        NoteKey(name="a", public=b"short")


def test_text_may_hold_blank_lines() -> None:
    """The last blank line divides text from signatures."""
    assert verify_note(GOOD, KEY).text == "some text\n\nand more\n"
    assert parse_note(GOOD).signatures[0].key_id == KEY.key_id


def flipped(data: bytes, bit: int) -> bytes:
    spoiled = bytearray(data)
    spoiled[bit // 8] ^= 1 << bit % 8
    return bytes(spoiled)


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_any_single_bit_spoils_a_note(bit: int) -> None:
    """Flip one bit anywhere in a note: refused."""
    with pytest.raises(IntegrityError):
        verify_note(flipped(GOOD, bit), KEY)


def test_a_signature_has_one_spelling() -> None:
    """The spare bits of the last base64 digit must be zero, or one note would have several forms."""
    assert GOOD.endswith(b"=\n")
    for digit in range(1, 4):
        respelled = GOOD[:-3] + bytes([GOOD[-3] + digit]) + GOOD[-2:]
        with pytest.raises(IntegrityError, match="malformed"):
            verify_note(respelled, KEY)


LINE = GOOD.decode().rpartition("\n\n")[2]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"\n\n", b"text\n", b"text\n\n", GOOD[:-1], GOOD + b"\n", GOOD.replace(b"\n\n", b"\n"),
        b"\xff" + GOOD,
        GOOD.replace("\u2014".encode(), b"-"), GOOD.replace(b"vault.example/log ", b" "),
        GOOD.replace(b"vault.example/log ", b"vault.example/log  "), GOOD.replace(b"some", b"so\tme"),
        f"t\n\n\u2014 a+b {LINE.split()[-1]}\n".encode(), "t\n\n\u2014 a AAAA\n".encode(),
        "t\n\n\u2014 a AAAAAB==\n".encode(),
        "t\n\n\u2014 a !!!!\n".encode(), "t\n\n\u2014 a é\n".encode(), ("t\n\n" + LINE * 101).encode(),
        b"x" * (MAX_BYTES + 1),
    ],
)  # fmt: skip
def test_malformed_notes_are_refused(data: bytes) -> None:
    """What the specification forbids is an IntegrityError."""
    with pytest.raises(IntegrityError):
        parse_note(data)


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda t: t.encode("utf-8", "replace") + b"\n\n" + LINE.encode())
)
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    """Hostile notes raise IntegrityError and nothing else."""
    with contextlib.suppress(IntegrityError):
        parse_note(data)
    with contextlib.suppress(IntegrityError):
        verify_note(data, KEY)


def test_a_bad_signature_by_a_known_key_spoils_the_note() -> None:
    """A second, wrong line under a known key is refused,
    though the first holds; one that repeats is not told twice."""
    wrong = Signature(name=ORIGIN, key_id=KEY.key_id, signature=bytes(64))
    with pytest.raises(IntegrityError):
        verify_note(add_signature(GOOD, wrong), KEY)
    again = add_signature(GOOD, parse_note(GOOD).signatures[0])
    assert len(verify_note(again, KEY).signatures) == 1


def test_strangers_do_not_count() -> None:
    """A signature under the same name with another id, or the same id under another name, is a stranger's."""
    for stranger in (
        Signature(name=ORIGIN, key_id=b"\0\0\0\0", signature=bytes(64)),
        Signature(name="other", key_id=KEY.key_id, signature=bytes(64)),
    ):
        assert len(verify_note(add_signature(GOOD, stranger), KEY).signatures) == 1
        alone = b"text\n\n" + stranger.line().encode()
        with pytest.raises(IntegrityError, match="known key"):
            verify_note(alone, KEY)
    with pytest.raises(IntegrityError, match="known key"):
        verify_note(GOOD, [])


def test_adding_to_what_is_no_note_is_refused() -> None:
    """A signature line is added to notes only, under a name that notes can carry."""
    with pytest.raises(IntegrityError):
        add_signature(b"text\n", parse_note(GOOD).signatures[0])
    with pytest.raises(InvalidInput):
        add_signature(GOOD, Signature(name="a b", key_id=bytes(4), signature=bytes(64)))


def test_two_keys_may_not_share_a_name_and_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that collide in name and id are refused rather than one of them ignored; the same key twice is fine."""
    verify_note(GOOD, [KEY, KEY])
    monkeypatch.setattr("privet.audit.note.key_id", lambda _name, _public: KEY.key_id)
    twin = NoteKey(name=ORIGIN, public=Signer(bytes(32)).public)
    with pytest.raises(InvalidInput, match="share"):
        verify_note(GOOD, [KEY, twin])
