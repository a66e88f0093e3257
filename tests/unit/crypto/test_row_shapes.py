"""Rows opened by a form seen before: the same values, contexts and refusals as `fields.open_into` alone."""

import random

import pytest

from privet.crypto.aead import FieldCipher
from privet.crypto.fields import INNER, field_aad_prefix, open_into, pack, seal_value
from privet.crypto.row_shapes import RowShapes
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError

CIPHER = FieldCipher(bytes(range(32)))
PREFIX = field_aad_prefix(VaultId(b"v" * 16), SubjectId(b"s" * 16))
WANTED = {1: ("one", bytes), 3: ("three", bytes), 9: ("nine", bytes)}
_DRAW = random.Random(7)


def _row(revision: int = 1, *, one: bytes = b"Ada", two: bytes = b"grace", prefix: bytes = PREFIX) -> bytes:
    def sealed(number: int, value: bytes, kind: int = 0) -> tuple[int, int, int, int, bytes]:
        nonce = _DRAW.randbytes(12)
        return seal_value(CIPHER, nonce, prefix, number, value, schema=1, revision=revision, kind=kind)

    return pack([sealed(1, one), sealed(1, b"i" * 32, INNER), sealed(2, two), sealed(3, b"third")])


def _both(shapes: RowShapes[str, bytes], blob: bytes) -> list[object]:
    found: list[object] = []
    for way in (lambda into: shapes.open_into(CIPHER, PREFIX, blob, into), _plainly(blob)):
        values: dict[str, bytes] = {}
        try:
            found.append((way(values), values))
        except IntegrityError as error:
            found.append(str(error))
    return found


def _plainly(blob: bytes):  # type: ignore[no-untyped-def]
    return lambda into: open_into(CIPHER, PREFIX, blob, WANTED, into)


def _taught() -> RowShapes[str, bytes]:
    shapes: RowShapes[str, bytes] = RowShapes(WANTED)
    shapes.open_into(CIPHER, PREFIX, _row(), {})
    return shapes


def test_every_altered_byte_is_refused_as_by_the_thorough_way() -> None:
    """A form known does not spare any check: each bit of a row, changed, has the same end either way."""
    shapes, row = _taught(), _row()
    refused = 0
    for at in range(len(row)):
        for bit in (1, 128):
            blob = bytearray(row)
            blob[at] ^= bit
            known, plain = _both(shapes, bytes(blob))
            assert known == plain
            refused += isinstance(known, str)
    assert refused > len(row)


def test_a_row_of_another_place_does_not_open() -> None:
    """The form says nothing of whose row it is."""
    other = field_aad_prefix(VaultId(b"v" * 16), SubjectId(b"t" * 16))
    with pytest.raises(IntegrityError):
        _taught().open_into(CIPHER, PREFIX, _row(prefix=other), {})


def test_a_row_cut_or_longer_is_refused() -> None:
    """Another size is another form."""
    shapes, row = _taught(), _row()
    for blob in (row[:-1], row + b"\0", row[:50], b"", row[: len(row) // 2]):
        with pytest.raises(IntegrityError):
            shapes.open_into(CIPHER, PREFIX, blob, {})


def test_padding_that_is_not_zero_is_refused() -> None:
    """A holder of the key who pads otherwise is refused in a known form too."""
    nonce = bytes(12)
    good = _row()
    body = (3).to_bytes(4, "big") + b"Ada" + b"\1" * 25
    context = good[3:12]
    sealed = CIPHER.seal(nonce, body, PREFIX + context)
    blob = good[:16] + sealed + good[16 + len(sealed) :]
    known, plain = _both(_taught(), blob)
    assert known == plain
    assert isinstance(known, str)
    long = CIPHER.seal(nonce, b"\xff" * 32, PREFIX + context)
    known, plain = _both(_taught(), good[:16] + long + good[16 + len(long) :])
    assert known == plain
    assert isinstance(known, str)


def test_the_same_values_and_contexts_as_the_thorough_way() -> None:
    """Of one size and several forms, of many revisions: each row gives what it gives otherwise."""
    shapes = _taught()
    for revision in (1, 2, 77):
        for one, two in (
            (b"Ada", b"grace"),
            (b"", b"x"),
            (b"a" * 40, b"b"),
            (b"a", b"b" * 40),
            (b"c" * 28, b""),
        ):
            known, plain = _both(shapes, _row(revision, one=one, two=two))
            assert known == plain
            assert known[1] == {"one": one, "three": b"third"}  # type: ignore[index]


def test_more_forms_than_are_kept_open_all_the_same() -> None:
    """Forms are kept up to a bound; what is beyond it opens the thorough way."""
    shapes: RowShapes[str, bytes] = RowShapes(WANTED)
    for size in range(0, 6_000, 20):
        known, plain = _both(shapes, _row(one=b"x" * size))
        assert known == plain
