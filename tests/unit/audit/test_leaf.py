"""Leaves: the fast encoder is canonical, the parser takes nothing else."""

import contextlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.leaf import Act, Decision, LeafForm, encode_leaf, parse_leaf
from privet.audit.tiles import MAX_ENTRY
from privet.errors import IntegrityError, InvalidInput

TEXT = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
DIGEST = st.binary(min_size=32, max_size=32)
VALUE: dict[str, Any] = {
    "v": 1, "id": "0f" * 16, "t_ms": 1763753323000, "act": "read", "decision": "permit", "purpose": "p",
    "basis": "contract",
    "policy": "ab" * 32, "service": "front-desk", "classes": ["pd:Name"], "n": 1, "wh": None, "pc": "01" * 32,
    "ph": "02" * 32,
}  # fmt: skip


@given(
    st.binary(min_size=16, max_size=16), st.integers(0, 2**53 - 1), st.sampled_from(list(Act)),
    st.sampled_from(list(Decision)),
    TEXT, TEXT, TEXT, TEXT, st.sets(st.text(st.characters(max_codepoint=127), max_size=9), max_size=4),
    st.integers(0, 2**53 - 1),
    st.none() | DIGEST, DIGEST, DIGEST,
)  # fmt: skip
def test_leaves_are_canonical_and_come_back(
    id_: bytes, t_ms: int, act: Act, decision: Decision, purpose: str | None, basis: str | None, policy: str | None,
    service: str | None, classes: set[str], n: int, wh: bytes | None, pc: bytes, ph: bytes,
) -> None:  # fmt: skip
    """Whatever a leaf says, its bytes are RFC 8785's, and parsing gives it back."""
    data = encode_leaf(
        id_, t_ms, act.value, decision.value, purpose, basis, policy, service, sorted(classes), n, wh, pc, ph
    )
    leaf = parse_leaf(data)
    value: dict[str, Any] = {
        "v": 1, "id": id_.hex(), "t_ms": t_ms, "act": act.value, "decision": decision.value, "purpose": purpose,
        "basis": basis,
        "policy": policy, "service": service, "classes": sorted(classes), "n": n,
        "wh": wh.hex() if wh is not None else None,
        "pc": pc.hex(), "ph": ph.hex(),
    }  # fmt: skip
    assert data == rfc8785.dumps(value)
    assert (leaf.id, leaf.t_ms, leaf.act, leaf.decision, leaf.n) == (id_, t_ms, act, decision, n)
    assert (leaf.purpose, leaf.basis, leaf.policy, leaf.service) == (purpose, basis, policy, service)
    assert (leaf.classes, leaf.wh, leaf.pc, leaf.ph) == (tuple(sorted(classes)), wh, pc, ph)


def test_the_model_value_parses() -> None:
    """The value that the next tests spoil is a good one; an act of a later version parses."""
    assert parse_leaf(rfc8785.dumps(VALUE)).act == "read"
    assert parse_leaf(rfc8785.dumps(VALUE | {"act": "act-of-tomorrow"})).act == "act-of-tomorrow"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"v": 2}, {"v": True}, {"v": "1"}, {"v": None}, {"id": "0F" * 16}, {"id": "0f" * 15}, {"id": 5},
        {"id": None}, {"t_ms": -1},
        {"t_ms": "1"}, {"t_ms": True}, {"t_ms": None}, {"act": ""}, {"act": "Read"}, {"act": 1}, {"act": None},
        {"act": "a" * 65},
        {"act": "read\n"}, {"decision": "perhaps"}, {"decision": None}, {"decision": "Permit"}, {"purpose": 1},
        {"basis": ["x"]},
        {"policy": {}}, {"service": False}, {"classes": "x"}, {"classes": None}, {"classes": [1]}, {"classes": ["b",
        "a"]},
        {"classes": ["a", "a"]}, {"classes": {}}, {"n": -1}, {"n": True}, {"n": None}, {"wh": "00"}, {"wh": 1},
        {"pc": None},
        {"pc": "01" * 31}, {"ph": "0G" * 32}, {"ph": 2}, {"more": 1},
    ],
)  # fmt: skip
def test_leaves_of_another_form_are_refused(spoiled: dict[str, Any]) -> None:
    """A key too many, or a value of the wrong type or form, is no leaf, canonical or not."""
    with pytest.raises(IntegrityError):
        parse_leaf(rfc8785.dumps(VALUE | spoiled))


@pytest.mark.parametrize("key", VALUE)
def test_every_key_is_needed(key: str) -> None:
    """A leaf without one of its keys is refused."""
    with pytest.raises(IntegrityError, match="keys"):
        parse_leaf(rfc8785.dumps({k: v for k, v in VALUE.items() if k != key}))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"1", b"null", rfc8785.dumps(VALUE)[:-1], rfc8785.dumps(VALUE) + b" "]
)
def test_other_json_is_refused(data: bytes) -> None:
    """Only an object, and only its canonical bytes, is a leaf."""
    with pytest.raises(IntegrityError):
        parse_leaf(data)


@pytest.mark.parametrize(
    "bad", [{"purpose": "\ud800"}, {"n": 2**53}, {"service": "x" * MAX_ENTRY}, {"t_ms": b"x"}]
)
def test_leaves_that_the_log_cannot_hold(bad: dict[str, Any]) -> None:
    """Lone surrogates, big integers, foreign types and more than 65,535 bytes are InvalidInput."""
    parts: dict[str, Any] = {
        "entry_id": bytes(16), "t_ms": 1, "act": "read", "decision": "done", "purpose": None, "basis": None,
        "policy": None,
        "service": None, "classes": [], "n": 0, "wh": None, "pc": bytes(32), "ph": bytes(32),
    }  # fmt: skip
    encode_leaf(**parts)
    with pytest.raises(InvalidInput):
        encode_leaf(**(parts | bad))


@given(
    st.binary(max_size=80)
    | st.dictionaries(st.sampled_from(list(VALUE)), st.floats(allow_nan=False)).map(
        lambda spoiled: json.dumps(VALUE | spoiled).encode()
    )
)
def test_any_bytes_are_a_leaf_or_refused(data: bytes) -> None:
    """Hostile bytes, deep, long, with floats or duplicate keys, raise IntegrityError and nothing else."""
    good = rfc8785.dumps(VALUE)
    deep = good.replace(b'"p"', b"[" * 900 + b"]" * 900)
    twice = b'{"act":"read",' + good[1:]
    big = good.replace(b'"n":1', b'"n":9007199254740992')
    for hostile in (
        data,
        deep,
        twice,
        big,
        good.replace(b'"n":1', b'"n":1.0'),
        b"[" * 100_000,
        b" " * 65_536 + good,
    ):
        with pytest.raises(IntegrityError):
            parse_leaf(hostile)


@given(st.integers(0, len(rfc8785.dumps(VALUE)) * 8 - 1))
def test_a_flipped_bit_gives_another_leaf_or_none(bit: int) -> None:
    """No two byte sequences parse to the same leaf."""
    data = bytearray(rfc8785.dumps(VALUE))
    data[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(IntegrityError):
        assert parse_leaf(bytes(data)) != parse_leaf(rfc8785.dumps(VALUE))


@given(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.none() | st.text(st.characters(codec="utf-8"), max_size=40),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=8), unique=True, max_size=4).map(sorted),
    st.integers(0, 2**53 - 1),
    st.none() | st.binary(min_size=32, max_size=32),
    st.binary(min_size=80, max_size=80),
)
def test_a_form_filled_in_is_the_leaf_itself(
    purpose: str, service: str | None, classes: list[str], number: int, written: bytes | None, drawn: bytes
) -> None:
    """Byte for byte what `encode_leaf` makes, whatever text stands around what is filled in."""
    tricky = f'{purpose}"id":"{"0" * 32}","t_ms":0,"v"'
    entry, pc, ph = drawn[:16], drawn[16:48], drawn[48:]
    form = LeafForm("read", "permit", tricky, None, "rev", service, classes, number, written)
    assert form.encode(entry, b"%d" % number, pc, ph) == encode_leaf(
        entry, number, "read", "permit", tricky, None, "rev", service, classes, number, written, pc, ph
    )


def test_a_form_refuses_what_a_leaf_refuses() -> None:
    """A lone surrogate, and more than the log can hold."""
    with pytest.raises(InvalidInput):
        LeafForm("read", "permit", "\ud800", None, None, None, [], 0, None)
    with pytest.raises(InvalidInput):
        LeafForm("read", "permit", "x" * MAX_ENTRY, None, None, None, [], 0, None)
