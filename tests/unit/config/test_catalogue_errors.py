"""Every fault of a catalogue: its exact line, file, key, what is wrong and the fix; and all of them at once."""

import pytest

from privet.config.catalogue import parse_catalogue
from privet.errors import CatalogueError, InvalidInput
from tests.unit.config.collection_faults import COLLECTION_FAULTS, STAYS
from tests.unit.config.faults import BASE, FAULTS, PURPOSE
from tests.unit.config.sample import NOTICES, SAMPLE


def problems_of(text: str, notices: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(text, file="c.yaml", notices=notices or {})
    assert str(refused.value) == "\n".join(refused.value.problems)
    assert all("\n" not in problem for problem in refused.value.problems)
    return list(refused.value.problems)


def edited(old: str, new: str) -> str:
    assert BASE.count(old) == 1, old
    return BASE.replace(old, new)


def test_the_base_of_these_tests_is_right() -> None:
    """What is edited below loads as it is."""
    assert parse_catalogue(BASE, file="c.yaml", notices={}).warnings == ()


@pytest.mark.parametrize("old, new, expected", FAULTS)
def test_each_fault_has_its_line_and_its_fix(old: str, new: str, expected: str) -> None:
    """One edit, one problem, word for word."""
    assert problems_of(edited(old, new)) == [expected]


@pytest.mark.parametrize("old, new, expected", COLLECTION_FAULTS)
def test_each_fault_of_a_collection_has_its_line(old: str, new: str, expected: str | None) -> None:
    """Collections too: one edit, one problem. None: a default that every field overrides is nobody's fault."""
    assert STAYS.count(old) == 1
    text = BASE + "collections:\n" + STAYS.replace(old, new)
    if expected is None:
        assert parse_catalogue(text, file="c.yaml", notices={}).warnings == ()
    else:
        assert problems_of(text) == [expected]


def test_every_problem_is_reported_at_once_in_the_order_of_the_file() -> None:
    """Faults of shape, of names and of the graph stand in one report, by line."""
    text = (
        SAMPLE.replace("allow: [meal-preparation]", "allow: [meal-prep], colour: red")
        .replace("retention: P3Y", "retention: 3Y")
        .replace("dpv:DirectMarketing", "Direct")
        .replace("room.*]", "rom.*]")
    )
    assert [problem.split(":")[1] for problem in problems_of(text, NOTICES)] == [
        "5",
        "5",
        "5",
        "6",
        "12",
        "17",
    ]


def test_a_cycle_is_named_in_full() -> None:
    """All purposes on the cycle are named, and one that only leads into it is not."""
    text = edited(
        PURPOSE,
        "  care: {dpv: dpv:A, basis: contract, parents: [b]}\n"
        "  b: {dpv: dpv:A, basis: contract, parents: [c]}\n"
        "  c: {dpv: dpv:A, basis: contract, parents: [d]}\n"
        "  d: {dpv: dpv:A, basis: contract, parents: [b]}",
    )
    assert problems_of(text) == [
        "c.yaml:6: purposes.b.parents: b → c → d → b is a cycle; remove one of these parents"
    ]


def test_two_cycles_are_both_named() -> None:
    """The second cycle does not hide behind the first."""
    cycles = "".join(
        f"  {a}: {{dpv: dpv:A, basis: contract, parents: [{b}]}}\n" for a, b in ("pq", "qp", "rs", "sr")
    )
    found = problems_of(BASE.replace(PURPOSE + "\n", PURPOSE + "\n" + cycles))
    assert [problem.rpartition("parents: ")[2] for problem in found] == [
        "p → q → p is a cycle; remove one of these parents",
        "r → s → r is a cycle; remove one of these parents",
    ]


def test_a_hierarchy_deeper_than_thirty_is_refused_and_a_diamond_is_not() -> None:
    """Several parents are legal; a chain of thousands is refused without a RecursionError."""
    diamond = edited(
        PURPOSE,
        "  top: {dpv: dpv:A, basis: contract}\n"
        "  left: {dpv: dpv:A, basis: contract, parents: [top]}\n"
        "  right: {dpv: dpv:A, basis: contract, parents: [top]}\n"
        "  care: {dpv: dpv:A, basis: contract, parents: [left, right]}",
    )
    assert parse_catalogue(diamond, file="c.yaml", notices={}).ancestors["care"] == {
        "top",
        "left",
        "right",
        "care",
    }
    chain = "".join(f"  p{n}: {{dpv: dpv:A, basis: contract, parents: [p{n + 1}]}}\n" for n in range(2_000))
    text = BASE.replace(PURPOSE + "\n", PURPOSE + "\n" + chain + "  p2000: {dpv: dpv:A, basis: contract}\n")
    assert problems_of(text) == [
        "c.yaml:6: purposes.p0.parents: stands below more than 30 levels; flatten the hierarchy"
    ]


def test_an_empty_notice_is_refused() -> None:
    """Consent to an empty text is consent to nothing."""
    assert problems_of(BASE, {"marketing": "  \n"}) == [
        "c.yaml:1: the file: the notice notices/marketing.md is empty; write what the customer is told"
    ]


def test_a_catalogue_error_is_invalid_input() -> None:
    """The edges map it as any bad input: usage exit code, 422."""
    assert issubclass(CatalogueError, InvalidInput)
    assert CatalogueError.exit_code == 2


def test_a_report_stops_at_two_hundred_problems() -> None:
    """A file that is wrong throughout gives a page, not a flood."""
    text = "fields:\n" + "".join(f"  f{n}: {{type: x}}\n" for n in range(500))
    assert len(problems_of(text)) == 200
