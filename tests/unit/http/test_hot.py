"""The body of a hot route: three keys, each once and of its type, and nothing else."""

import json
from typing import Any

import pytest

from privet.domain.request import By
from privet.errors import InvalidInput, PrivetError
from privet.http.hot_bodies import parse_asked, parse_person
from privet.http.problems import EdgeError

ONE = (b'"subject"', b'"purpose"', b'"fields"')
HER = "pw1_" + "x" * 43
GOOD: dict[str, Any] = {"subject": HER, "purpose": "care", "fields": ["email", "subject", "purpose"]}


def test_a_well_formed_body_is_taken() -> None:
    """Also where a value has the words of the keys in it, white space, and escapes."""
    assert parse_asked(json.dumps(GOOD).encode(), ONE, "subject") == GOOD
    assert parse_asked(json.dumps(GOOD, indent=3).encode(), ONE, "subject") == GOOD
    escaped = json.dumps({**GOOD, "purpose": 'a "purpose" é \\'}).encode()
    assert parse_asked(escaped, ONE, "subject")["purpose"] == 'a "purpose" é \\'
    by_lookup = {**GOOD, "subject": {"email": "a@example.org"}}
    assert parse_asked(json.dumps(by_lookup).encode(), ONE, "subject") == by_lookup


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"subject"',
        b"{",
        b'{"subject": "x", "purpose": "p", "fields": ["f"]} x',
        b'\xef\xbb\xbf{"subject": "x", "purpose": "p", "fields": ["f"]}',
        b'{"subject": "x", "purpose": "p", "fields": [NaN]}',
        b'{"subject": "\\ud800", "purpose": "p", "fields": ["f"]}',
        b'{"subject": "\xff", "purpose": "p", "fields": ["f"]}',
        b'{"subject": "x", "subject": "y", "purpose": "p", "fields": ["f"]}',
        b'{"subject": "x", "\\u0073ubject": "y", "purpose": "p", "fields": ["f"]}',
        b'{"subject": {"email": "a", "email": "b"}, "purpose": "p", "fields": ["f"]}',
        b'{"subject": "x", "purpose": "p", "fields": ["f"], "more": 1}',
        b'{"subject": "x", "purpose": "p"}',
        b'{"subject": "x", "purpose": "p", "field": ["f"]}',
        b'{"subject": "x", "purpose": 1, "fields": ["f"]}',
        b'{"subject": "x", "purpose": null, "fields": ["f"]}',
        b'{"subject": "x", "purpose": "p", "fields": "f"}',
        b'{"subject": "x", "purpose": "p", "fields": {"f": 1}}',
        b'{"subject": ' + b"[" * 5_000 + b"]" * 5_000 + b', "purpose": "p", "fields": ["f"]}',
    ],
)
def test_every_other_body_is_refused_without_a_word_of_it(body: bytes) -> None:
    """malformed_json or invalid_input; the text of the body is in no message and in no chained exception."""
    with pytest.raises((EdgeError, InvalidInput)) as refused:
        parse_asked(body, ONE, "subject")
    error: BaseException | None = refused.value
    assert isinstance(error, PrivetError)
    assert error.code in ("malformed_json", "invalid_input")
    assert "more" not in error.message.split()
    while error is not None:
        assert isinstance(error, PrivetError)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_person_is_an_id_or_one_look_up() -> None:
    """Two look-ups, none, a number: refused."""
    assert parse_person(HER) == HER
    assert parse_person({"email": "a@example.org"}) == By("email", "a@example.org")
    for wrong in ({}, {"email": "a", "phone": "b"}, {"email": 1}, 7, None, [HER], True):
        with pytest.raises(InvalidInput):
            parse_person(wrong)
