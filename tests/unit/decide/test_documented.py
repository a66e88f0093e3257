"""The pages say what the code does: reasons, order, entrypoints and input."""

import re
from pathlib import Path

import orjson

from privet.decide.bundle import policy_modules
from privet.decide.question import NO_CONTROLS, PHANTOM, Asked, canonical_input
from privet.domain.decision import Reason
from privet.errors import AccessDenied

DOCS = Path(__file__).parents[3] / "docs"
REASONS = (DOCS / "reasons.md").read_text()
POLICY = (DOCS / "policy.md").read_text()
SDK = (DOCS / "sdk.md").read_text()


def test_each_reason_has_an_entry_and_says_who_can_change_it() -> None:
    """docs/reasons.md has one entry for each code, and no other."""
    entries = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", REASONS, re.MULTILINE | re.DOTALL))
    assert set(entries) == {reason.value for reason in Reason}
    assert [name for name, text in entries.items() if "Who can change it: " not in text] == []


def test_reasons_that_pass_are_those_after_which_a_caller_tries_again() -> None:
    """`AccessDenied.passing` and the page say the same, and so does the page of the SDK."""
    entries = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", REASONS, re.MULTILINE | re.DOTALL))
    again = {name for name, text in entries.items() if "the caller tries again" in text}
    assert again == {name for name in entries if AccessDenied("", reasons=[name]).passing}
    [told] = re.findall(r"reason of one field\.(.*?) pass:", SDK, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == again
    assert not AccessDenied("").passing
    assert not AccessDenied("", reasons=[*again, "consent_withdrawn"]).passing


def test_reasons_stand_in_the_order_of_precedence() -> None:
    """The page's order is the order in which reasons win, so that a reader can rely on it."""
    listed = re.findall(r"^## (\w+)$", REASONS, re.MULTILINE)
    ranked = re.findall(r'"reason": "(\w+)"\}', policy_modules()["privet/release/decision.rego"])[::-1]
    order = [name for name in dict.fromkeys(ranked) if not name.startswith("consent_")]
    assert [name for name in listed if name in order] == order


def test_entrypoints_are_documented() -> None:
    """Each rule marked as an entrypoint is on the page, and nothing else is called one."""
    marked = set()
    for path, source in policy_modules().items():
        package = path.rsplit("/", 1)[0].replace("/", ".")
        for found in re.finditer(r"^# entrypoint: true\n(?:#.*\n)*(?:default )?(\w+)", source, re.MULTILINE):
            marked.add(f"data.{package}.{found[1]}")
    assert marked == set(re.findall(r"^- `(data\.[\w.]+)`", POLICY, re.MULTILINE))
    assert len(marked) == 2


def test_each_file_of_the_policy_is_listed() -> None:
    """The table of files is the folder."""
    listed = set(re.findall(r"^\| `(\w+\.rego)`", POLICY, re.MULTILINE))
    assert listed == {path.rsplit("/", 1)[1] for path in policy_modules()}


def test_each_key_of_the_input_is_documented() -> None:
    """Every key that a question has stands in the page's section on the input."""
    section = POLICY.split("## Input")[1].split("## ")[0]
    question = orjson.loads(canonical_input(Asked("s", "read", "p", ("f",)), PHANTOM, NO_CONTROLS))
    keys = [*question, *question["subject"], *question["controls"]]
    assert [key for key in keys if f'"{key}"' not in section] == []
