"""`enum[…]` and `list[…]` in flow and block YAML, and the subset of YAML that a catalogue may use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.catalogue import parse_catalogue
from privet.domain.catalogue import ValueType
from privet.errors import CatalogueError

REST = """
purposes: {care: {dpv: dpv:CustomerCare, basis: contract}}
"""
STRING = ValueType(kind="string", max_length=200)


def type_of(field: str) -> ValueType:
    return parse_catalogue(f"fields:\n{field}\n{REST}", file="c.yaml", notices={}).fields["x"].type


def enum(*members: str) -> ValueType:
    return ValueType(kind="enum", members=members)


def listed(item: ValueType, most: int = 100) -> ValueType:
    return ValueType(kind="list", of=item, max_length=most)


EXPRESSIONS = [
    ("enum[king, twin]", enum("king", "twin")),
    ("enum[king,twin]", enum("king", "twin")),
    ("enum[ king , twin ]", enum("king", "twin")),
    ("enum[a, b,]", enum("a", "b")),
    ("enum[one]", enum("one")),
    ("enum [king, twin]", enum("king", "twin")),
    ("enum[king size, twin beds]", enum("king size", "twin beds")),
    ("""enum["a, b", 'c]', d]""", enum("a, b", "c]", "d")),
    ("enum[none, yes, no, 1, 2.5]", enum("none", "yes", "no", "1", "2.5")),
    ("enum[größe, 大]", enum("größe", "大")),
    ("list[string]", listed(STRING)),
    ("list[ string ]", listed(STRING)),
    ("list[enum[a, b]]", listed(enum("a", "b"))),
    ("list[ enum[ a , b ] ]", listed(enum("a", "b"))),
    ("list[date]", listed(ValueType(kind="date"))),
    ("string", STRING),
    ("text", ValueType(kind="text", max_length=10_000)),
]


@pytest.mark.parametrize("expression, expected", EXPRESSIONS)
def test_a_type_reads_the_same_in_flow_and_block_style(expression: str, expected: ValueType) -> None:
    """First, middle or last key of a flow mapping, or a line of its own: one meaning."""
    rest = "category: pd:Name, allow: [care]"
    assert type_of(f"  x: {{type: {expression}, {rest}}}") == expected
    assert type_of(f"  x: {{{rest}, type: {expression}}}") == expected
    assert type_of(f"  x: {{{rest}, type: {expression}   }}  # said so") == expected
    assert type_of(f"  x:\n    type: {expression}\n    category: pd:Name\n    allow: [care]") == expected
    assert (
        type_of(f"  x:\n    category: pd:Name\n    allow: [care]\n    type: {expression}  # last") == expected
    )


@pytest.mark.parametrize("expression, expected", [e for e in EXPRESSIONS if '"' not in e[0]])
def test_a_quoted_type_reads_as_the_bare_one(expression: str, expected: ValueType) -> None:
    """Who quotes a type, as plain YAML would want it, gets the same."""
    assert type_of(f'  x: {{type: "{expression}", category: pd:Name, allow: [care]}}') == expected


def test_an_enum_may_run_over_lines_with_comments() -> None:
    """A long list of members breaks where it likes; lines after it keep their numbers."""
    field = "  x: {type: enum[king,   # wide\n    twin,\n    bunk bed], category: pd:Name, allow: [cure]}"
    with pytest.raises(CatalogueError) as refused:
        type_of(field)
    assert refused.value.problems == (
        'c.yaml:4: fields.x.allow: there is no purpose "cure"; did you mean "care"?',
    )
    assert type_of(field.replace("cure", "care")) == enum("king", "twin", "bunk bed")


def test_the_words_enum_and_list_elsewhere_are_only_words() -> None:
    """A description or a name that holds the words is not touched."""
    field = '  x: {type: string, category: pd:Name, allow: [care], description: "list[0], enum[a, b], {x}"}'
    catalogue = parse_catalogue(f"fields:\n{field}\n{REST}", file="c.yaml", notices={})
    assert catalogue.fields["x"].description == "list[0], enum[a, b], {x}"
    block = (
        "  x:\n    type: string\n    category: pd:Name\n    allow: [care]\n"
        "    description: list[0] is the first of the list [here]"
    )
    catalogue = parse_catalogue(f"fields:\n{block}\n{REST}", file="c.yaml", notices={})
    assert catalogue.fields["x"].description == "list[0] is the first of the list [here]"


@pytest.mark.parametrize(
    "broken", ["enum[king, twin", "list[enum[a, b]", 'enum["king, twin]', "enum[" + "a," * 20_000]
)
def test_a_bracket_that_never_closes_is_refused(broken: str) -> None:
    """The report names the line on which the type begins or the file ends, and no other fault."""
    with pytest.raises(CatalogueError) as refused:
        type_of(f"  x: {{type: {broken}, category: pd:Name}}")
    assert len(refused.value.problems) == 1
    assert "is not valid YAML" in refused.value.problems[0]


def test_bounds_apply_to_the_value_or_to_the_items_of_a_list() -> None:
    """max_items is the list's; max_length, min and max are the items'."""
    rest = "category: pd:Name, allow: [care]"
    assert type_of(f"  x: {{type: string, max_length: 5, {rest}}}").max_length == 5
    assert type_of(f"  x: {{type: list[string], max_length: 5, max_items: 3, {rest}}}") == listed(
        ValueType(kind="string", max_length=5), 3
    )
    bounded = type_of(f"  x: {{type: number, min: 0.5, max: 1000, {rest}}}")
    assert (bounded.minimum, bounded.maximum) == ("0.5", "1000")
    dated = type_of(f"  x: {{type: date, min: 1900-01-01, {rest}}}")
    assert (dated.minimum, dated.maximum) == ("1900-01-01", None)


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("fields: {a: &x {type: string}}", 1, "anchors (&name) are not allowed; remove it"),
        ("fields:\n  a: *x", 2, "aliases (*name) are not allowed; write the value out"),
        ("fields:\n  a: !!python/object:os.system {}", 2, "tags (!name) are not allowed; remove it"),
        ("fields:\n  a: {}\n  b: {}\n  a: {}", 4, "stands here twice, first on line 2; keep one of them"),
        ("fields:\n  2024: {}", 2, 'the key "2024" is not text; put it in quotes'),
        ("fields:\n  true: {}", 2, 'the key "True" is not text; put it in quotes'),
        ("fields:\n  [a]: {}", 2, "is not text; put it in quotes"),
        ("fields:\n  a: {}\n---\nfields: {}", 3, 'holds a second document ("---"); keep one'),
        ("fields:\n\ta: {}", 2, "indent with spaces"),
        ("fields:\n  a: b: c", 2, "is not valid YAML"),
        ("fields: [", 1, "is not valid YAML"),
        ("- a", 1, "must be a mapping with fields, purposes and services at its top"),
        ("just words", 1, "must be a mapping with fields, purposes and services at its top"),
        ("", 1, "is empty; `privet init` writes a starter catalogue"),
        ("# only a comment", 1, "is empty; `privet init` writes a starter catalogue"),
        ("fields: {}", 1, "has no fields; write at least one under fields:"),
        ("fields:\n  a: " + "[" * 5_000, 2, "is nested deeper than 12 levels; flatten it"),
        ("fields:\n  a: " + "{b: " * 20 + "}" * 20, 2, "is nested deeper than 12 levels; flatten it"),
        ("fields:\n  a: \x00", 2, "holds a control character or half a character; remove it"),
        ("fields:\n  a: \ud800", 2, "holds a control character or half a character; remove it"),
        ('fields:\n  a: {type: "\\ud800"}', 2, "holds a control character or half a character; remove it"),
        ('fields:\n  a: "\\UFFFFFFFF"', 1, "is not valid YAML"),
        ("organisation: {name: !x y}\nfields: {}", 1, "tags (!name) are not allowed; remove it"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    """Anchors, aliases, tags, repeats, depth, odd keys and broken text: the line and what to do."""
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(text, file="c.yaml", notices={})
    assert any(p.startswith(f"c.yaml:{line}: ") and said in p for p in refused.value.problems), (
        refused.value.problems
    )


def test_a_billion_laughs_is_refused_at_once() -> None:
    """Aliases are never expanded."""
    text = "a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nfields: *c\n"
    with pytest.raises(CatalogueError, match="aliases"):
        parse_catalogue(text, file="c.yaml", notices={})


def test_odd_keys_cannot_break_a_problem_line() -> None:
    """A key with a line break or an escape is quoted, cut, and stays on one line."""
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(
            'fields:\n  "a\\nb\\u2028c.yaml:1": {}\n  ? ' + "k" * 500 + "\n  : {}\n",
            file="c.yaml",
            notices={},
        )
    assert all(problem.count("\n") == 0 and len(problem) < 400 for problem in refused.value.problems)


@given(st.lists(st.sampled_from("abc,[]{}\"' #\n:enumlist"), max_size=30).map("".join))
def test_no_type_text_escapes_as_another_error(inside: str) -> None:
    """Whatever stands where a type does, the answer is a type or a CatalogueError."""
    try:
        found = type_of(f"  x: {{type: enum[{inside}], category: pd:Name, allow: [care]}}")
    except CatalogueError:
        return
    assert found.members
