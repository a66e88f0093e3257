"""Errors on their way through pools and reporters: they arrive as they were, and bring nothing of what was refused."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from privet import errors
from privet.domain.answer import Withheld
from privet.sdk import questions
from privet.sdk.address import parse_address

SECRET = "canary-4711"
WITHHELD = {"email": Withheld("consent_required", "there is no consent")}
MADE: dict[str, errors.PrivetError] = {
    "plain": errors.Conflict("a sentence"),
    "denied": errors.AccessDenied("a sentence", reasons=["x"], withheld=WITHHELD, audit_id="0" * 32),
    "limited": errors.RateLimited("a sentence", retry_after=3.0),
    "input": errors.InvalidInput("a sentence", field="email"),
    "catalogue": errors.CatalogueError("a sentence", problems=["one", "two"]),
    "gone": errors.StoreGone("a sentence", undone=False),
}
COPIES: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda error: pickle.loads(pickle.dumps(error)),
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("error", MADE)
def test_an_error_arrives_as_it_was(error: str, how: str) -> None:
    """From a process of a pool, where one that cannot be made again breaks the pool."""
    made = MADE[error]
    made.request_id = "abc"
    again = COPIES[how](made)
    assert type(again) is type(made)
    assert (str(again), again.args, vars(again)) == (str(made), made.args, vars(made))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: questions.put("pw1_" + "A" * 43, {"notes": SECRET + "\ud800"}, "p", None, None),
        lambda: questions.put("pw1_" + "A" * 43, {"notes": [SECRET + "\ud800"]}, "p", None, None),
        lambda: parse_address(f"https://name:{SECRET}/word@vault"),
        lambda: parse_address(f"https://[{SECRET}"),
    ],
    ids=["a value", "a list", "a password", "half a host"],
)
def test_what_is_refused_is_not_in_the_chain_either(ask: Callable[[], object]) -> None:
    """Python's own errors have what they failed at: none of them stands before ours."""
    with pytest.raises(errors.InvalidInput) as refused:
        ask()
    assert refused.value.__context__ is refused.value.__cause__ is None
    assert SECRET not in str(refused.value)
