"""Bodies: strict JSON, one object, nothing twice."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.http.bodies import MAX_DEPTH, check_content_type, parse_body
from privet.http.problems import EdgeError


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"a": 1, "a": 1}', "malformed_json"),
        (b'{"a": {"b": 1, "b": 2}}', "malformed_json"),
        (b'{"a": Infinity}', "malformed_json"),
        (b'{"a": "\\ud800"}', "malformed_json"),
        (b'{"a": "\xff"}', "malformed_json"),
        (b'{"a": NaN}', "malformed_json"),
        ('{"a": 1}'.encode("utf-16"), "malformed_json"),
        (b'\xef\xbb\xbf{"a": 1}', "malformed_json"),
        (b'{"a": 1180591620717411303424}', "invalid_input"),
        (b"[1]", "invalid_input"),
        (b"1", "invalid_input"),
    ],
)
def test_what_is_refused(body: bytes, code: str) -> None:
    """By a code, and without a word of the body."""
    with pytest.raises(EdgeError) as refused:
        parse_body(body)
    assert refused.value.code == code
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "body, pointer",
    [
        (b'{"a": 1180591620717411303424}', "/a"),
        (b'{"a": [1, {"b.c": -0.12345678901234567890123456789012345678901}]}', "/a/1/b.c"),
        (b'{"a": [1, {"b@c": -0.12345678901234567890123456789012345678901}]}', "/a/1"),
        (b'{"a": {"b": 0.12345678901234567890123456789012345678901}}', "/a/b"),
        (b"[1]", ""),
        (b'{"a": [1, ' + b"7" * 400 + b"]}", "/a/1"),
        (b'{"a": -1e999}', "/a"),
        (b"7" * 400, ""),
    ],
)
def test_what_is_json_but_not_taken_has_its_place(body: bytes, pointer: str) -> None:
    """As a JSON pointer, as far as it names what a catalogue could."""
    with pytest.raises(EdgeError) as refused:
        parse_body(body)
    assert (refused.value.code, refused.value.pointer) == ("invalid_input", pointer)


@pytest.mark.parametrize("deep", [MAX_DEPTH - 1, MAX_DEPTH, 500, 100_000])
def test_depth_costs_no_stack(deep: int) -> None:
    """Up to the bound it is taken, beyond it refused, however deep."""
    body = b'{"a":' + b"[" * (deep - 1) + b"]" * (deep - 1) + b"}"
    if deep <= MAX_DEPTH:
        parse_body(body)
    else:
        with pytest.raises(EdgeError):
            parse_body(body)


@pytest.mark.parametrize("number", [0, -1, 7, 2**53, 2**63, 2**64 - 1, -(2**63)])
def test_whole_numbers_arrive_as_they_were(number: int) -> None:
    """To the last digit."""
    assert parse_body(b'{"n": %d}' % number) == {"n": number}


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_an_edge_error(body: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(EdgeError):
        assert type(parse_body(body)) is dict


@pytest.mark.parametrize(
    "value", [b"application/json", b"application/json; charset=utf-8", b'Application/JSON;charset="UTF-8"']
)
def test_json_in_utf_8(value: bytes) -> None:
    """Is taken in each spelling."""
    check_content_type([(b"content-type", value)])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/json")],
        [(b"content-type", b"application/json; charset=utf-16")],
        [(b"content-type", b"application/json, text/plain")],
        [(b"content-type", b"application/json"), (b"content-type", b"application/json")],
        [(b"content-type", b"application/json"), (b"content-encoding", b"br")],
    ],
)
def test_other_types_and_codings(headers: list[tuple[bytes, bytes]]) -> None:
    """Are not."""
    with pytest.raises(EdgeError) as refused:
        check_content_type(headers)
    assert refused.value.code == "unsupported_media_type"
