"""Hostile text into the catalogue: only ever a Catalogue or a CatalogueError."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.config.catalogue import parse_catalogue
from privet.errors import CatalogueError
from tests.unit.config.sample import NOTICES, SAMPLE

WORDS = [
    "fields", "collections", "purposes", "services", "officers", "organisation", "type", "category", "allow", "time",
    "key", "dpv", "basis", "parents", "prohibited", "string", "enum[a, b]", "list[string]", "pd:Name", "dpv:Care",
    "consent", "contract", "a", "b", "a.b", "*", "a.*", "P1Y", "find", "enrols", "collects", "oidc", "min", "max",
]  # fmt: skip


def survive(text: str) -> None:
    """Reads the text; a refusal must have whole problem lines. Any other exception fails the test."""
    problems: tuple[str, ...] = ("c.yaml:1: none",)
    try:
        parse_catalogue(text, file="c.yaml", notices=NOTICES)
    except CatalogueError as refused:
        problems = refused.problems
    assert problems
    assert all(problem.startswith("c.yaml:") and "\n" not in problem for problem in problems)
    assert "\n".join(problems).encode("utf-8")


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Arbitrary characters, surrogates among them."""
    survive(text)


@given(st.text(alphabet="ab:{}[],&*!|>'\"%@`#-? \n\t\\x0U", max_size=80))
@settings(max_examples=500)
def test_any_text_of_yaml_signs_is_read_or_refused(text: str) -> None:
    """What YAML gives a meaning, in every wrong order."""
    survive("fields:\n  a: " + text)
    survive(text)


_leaves = st.one_of(
    st.sampled_from(WORDS),
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(WORDS[:6]), _trees, min_size=1))
@settings(max_examples=300, deadline=None)
def test_any_tree_is_read_or_refused(tree: dict[str, Any]) -> None:
    """Valid YAML with the right words in the wrong places."""
    survive(yaml.safe_dump(tree, allow_unicode=True))


@given(
    st.integers(0, len(SAMPLE) - 1),
    st.integers(0, 12),
    st.sampled_from(["", " ", "x", "[", "]", "{", "}", "\n", ":"]),
)
@settings(max_examples=300, deadline=None)
def test_a_damaged_sample_is_read_or_refused(at: int, cut: int, put: str) -> None:
    """The sample with a few characters cut out or put in anywhere."""
    survive(SAMPLE[:at] + put + SAMPLE[at + cut :])
