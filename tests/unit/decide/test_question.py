"""The question: canonical, without a person in it, and the same for the phantom."""

import orjson
import pytest
import rfc8785

from privet.decide import question
from privet.decide.question import PHANTOM, Asked, Circumstances, Controls, canonical_input, phantom_input
from privet.errors import InvalidInput

ASKED = Asked("front-desk", "read", "service", ("room.bed", "given_name", "room.bed"), lookup="email")


def test_canonical_form() -> None:
    """Sorted keys, sorted distinct lists, UTF-8, and exactly the keys of the design."""
    person = Circumstances("given", True, ("b", "a", "b"), True, ("guest",), ("z", "y"))
    text = canonical_input(ASKED, person, Controls(("q", "p"), True, True))
    assert orjson.loads(text) == {
        "service": "front-desk",
        "operation": "read",
        "purpose": "service",
        "recipient": "",
        "lookup": "email",
        "fields": ["given_name", "room.bed"],
        "consent": {"service": "given"},
        "subject": {
            "restricted": True,
            "objected": ["a", "b"],
            "minor": True,
            "relationship": ["guest"],
            "expired": ["y", "z"],
        },
        "controls": {"paused": ["p", "q"], "budget_spent": True, "break_glass": True},
    }
    assert text == rfc8785.dumps(orjson.loads(text))


def test_odd_names_are_canonical_too() -> None:
    """NUL, controls, quotes, right-to-left marks and emoji are written as RFC 8785 writes them."""
    for name in ("\x00", "a\tb\n", '"\\', "\u202e", "🏨", "é", "\u2028", "\x7f"):
        text = canonical_input(ASKED._replace(purpose=name, fields=(name,)), PHANTOM)
        assert text == rfc8785.dumps(orjson.loads(text))
        assert orjson.loads(text)["fields"] == [name]


@pytest.mark.parametrize("key", ["service", "operation", "purpose", "recipient", "lookup"])
def test_lone_surrogates_are_refused(key: str) -> None:
    """What UTF-8 cannot write is the caller's fault, and never reaches an engine."""
    with pytest.raises(InvalidInput, match="UTF-8"):
        canonical_input(Asked(**{**ASKED._asdict(), key: "\ud800"}), PHANTOM)
    with pytest.raises(InvalidInput, match="UTF-8"):
        canonical_input(ASKED._replace(fields=("\udfff",)), PHANTOM)


def test_the_phantom_is_one_question_for_everybody() -> None:
    """The phantom's question depends on the request and the controls alone."""
    assert phantom_input(ASKED) == canonical_input(ASKED, Circumstances())
    assert phantom_input(ASKED) == canonical_input(ASKED, Circumstances("unknown", False, (), False, (), ()))
    assert phantom_input(ASKED) != canonical_input(ASKED, Circumstances("given"))
    assert phantom_input(ASKED, Controls(budget_spent=True)) != phantom_input(ASKED)


def test_equal_questions_are_one_object_and_memory_is_bounded() -> None:
    """The bytes are built once for equal questions, and only so many are kept."""
    assert canonical_input(ASKED, PHANTOM) is canonical_input(ASKED._replace(), Circumstances())
    for number in range(question._KEPT + 10):
        canonical_input(ASKED._replace(purpose=f"p{number}"), PHANTOM)
    assert len(question._known) <= question._KEPT
    long = canonical_input(ASKED._replace(purpose="x" * 20_000), PHANTOM)
    assert long not in question._known.values()


def test_every_circumstance_changes_the_question() -> None:
    """No fact is left out: changing any one of them changes the bytes."""
    persons = [
        Circumstances(),
        Circumstances(consent="given"),
        Circumstances(restricted=True),
        Circumstances(objected=("service",)),
        Circumstances(minor=True),
        Circumstances(relationship=("guest",)),
        Circumstances(expired=("email",)),
    ]
    controls = [Controls(), Controls(("x",)), Controls(budget_spent=True), Controls(break_glass=True)]
    texts = {canonical_input(ASKED, person, control) for person in persons for control in controls}
    assert len(texts) == len(persons) * len(controls)
