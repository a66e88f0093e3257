"""One spelling a look-up value: what is the same person's address is the same bytes, what is not is refused."""

import pytest

from privet.domain.catalogue import Field, ValueType
from privet.errors import InvalidInput
from privet.identify.normalise import normalise


def field(kind: str) -> Field:
    return Field(path="x", number=1, type=ValueType(kind=kind), category="pd:Name", lookup="unique")  # type: ignore[arg-type]  # parametrised


SAME = [
    ("email", "Ann@Example.ORG", "ann@example.org"),
    ("email", " ann@example.org ", "ann@example.org"),
    ("email", "ann@bücher.example", "ann@xn--bcher-kva.example"),
    ("email", "ann@BÜCHER.example", "ann@bücher.example"),
    ("email", "Zoe\u0308@example.org", "zo\u00eb@example.org"),
    ("phone", "+351 912 345 678", "+351912345678"),
    ("phone", "+44 (0)20 7946 0018", "+442079460018"),
    ("string", "Zoe\u0308", "Zo\u00eb"),
]


@pytest.mark.parametrize("kind, one, other", SAME)
def test_two_spellings_of_one_value_are_one_look_up(kind: str, one: str, other: str) -> None:
    """Case of ASCII, spaces around, Unicode form and the domain's script do not make another person."""
    assert normalise(field(kind), one) == normalise(field(kind), other)


DIFFERENT = [
    ("email", "ann@example.org", "anne@example.org"),
    ("email", "ÉVE@example.org", "éve@example.org"),
    ("email", "a.nn@example.org", "ann@example.org"),
    ("email", "ann+x@example.org", "ann@example.org"),
    ("string", "G1", "g1"),
    ("string", "G1", "G1 "),
    ("phone", "+351912345678", "+351912345679"),
]


@pytest.mark.parametrize("kind, one, other", DIFFERENT)
def test_values_that_may_be_two_people_stay_two(kind: str, one: str, other: str) -> None:
    """Nothing is folded that a mail server or a register may tell apart."""
    assert normalise(field(kind), one) != normalise(field(kind), other)


HOSTILE = [
    ("email", "ann"),
    ("email", "@example.org"),
    ("email", "ann@"),
    ("email", "a nn@example.org"),
    ("email", "ann@" + "x" * 300 + ".org"),
    ("email", "ann@exa\ud800mple.org"),
    ("phone", "0912"),
    ("phone", "call me"),
    ("string", "\ud800"),
    ("string", ""),
    ("string", "x" * 2000),
]


@pytest.mark.parametrize("kind, value", HOSTILE)
def test_a_value_that_is_none_is_refused_without_repeating_it(kind: str, value: str) -> None:
    """The error names the field; the value is in neither message nor chain."""
    with pytest.raises(InvalidInput) as refused:
        normalise(field(kind), value)
    assert refused.value.field == "x"
    if value:
        assert value not in str(refused.value)
    assert refused.value.__context__ is None


def test_types_do_not_collide() -> None:
    """The same text as email and as string gives other bytes: the type and its version are hashed too."""
    assert normalise(field("email"), "a@b.org") != normalise(field("string"), "a@b.org")
