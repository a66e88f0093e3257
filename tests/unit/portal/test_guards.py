"""Where the pages may be served, where forms may come from, what a cookie may hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.settings.serving import ServeSettings
from privet.portal import headers
from privet.portal.calls import FORM, Stop, csrf_of, parse_form, verify_csrf
from privet.portal.origins import Origins, Place, is_own

LOCAL = Origins(ServeSettings())
PUBLIC = Origins(ServeSettings(public_url="https://My.Example.org/"))


@pytest.mark.parametrize("host", ["localhost", "localhost:8443", "127.0.0.1:80", "[::1]:8443", "LOCALHOST"])
def test_loopback_is_served_without_settings(host: str) -> None:
    """Names of this machine, any port."""
    place = LOCAL.find("http", host)
    assert place is not None
    assert not place.secure


@pytest.mark.parametrize(
    "host",
    [None, "", "example.org", "10.0.0.1", "0.0.0.0", "127.0.0.2", "localhost.evil", "evil@localhost", "localhost/x",
     "localhost#", "localhost?", "local\thost", "localhost:99999", "localhost:x", "[::1", "::1", "localhost,evil", "ł"],
)  # fmt: skip
def test_other_names_are_not(host: str | None) -> None:
    """Neither other machines nor what only looks like this one."""
    assert LOCAL.find("http", host) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["my.example.org", "MY.example.org:443"])
def test_the_public_name_is_the_only_one(scheme: str, host: str) -> None:
    """Behind a proxy that ends TLS too; and then as HTTPS, with its cookies."""
    place = PUBLIC.find(scheme, host)
    assert place == Place("https", "my.example.org")
    assert PUBLIC.find(scheme, "localhost") is None
    assert PUBLIC.find(scheme, "my.example.org:8443") is None
    assert PUBLIC.find(scheme, "my.example.org.evil.example") is None


def test_a_plain_public_name_is_refused() -> None:
    """No page of hers over plain HTTP, whatever the settings say."""
    assert Origins(ServeSettings(public_url="http://my.example.org")).find("http", "my.example.org") is None


def test_a_form_comes_from_its_own_pages() -> None:
    """By Origin; without one, by the browser's word; else not."""
    place = Place("https", "my.example.org")
    assert is_own(place, {"origin": "https://my.example.org"})
    assert is_own(place, {"sec-fetch-site": "same-origin"})
    for sent in (
        {},
        {"origin": "null"},
        {"origin": "http://my.example.org"},
        {"origin": "https://my.example.org.evil"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ):
        assert not is_own(place, sent), sent


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "é", "+" * 43, "A" * 42 + "=", "\x00" * 43]
)
def test_a_cookie_is_a_token_or_nothing(value: str) -> None:
    """43 characters of base64url, or no token at all."""
    assert headers.find_token({"privet": value}, "privet", Place("http", "localhost")) is None


def test_cookies_come_back_as_they_went() -> None:
    """Set and found again, under the name of the line they came by."""
    token = bytes(range(32))
    for place in (Place("http", "localhost"), Place("https", "my.example.org")):
        name, _, value = headers.set_cookie("privet", token, place).partition(";")[0].partition("=")
        assert headers.find_token({name: value}, "privet", place) == token
        assert name.startswith("__Host-") == place.secure


def test_a_mark_is_of_its_token() -> None:
    """And does not give the token away."""
    token = bytes(32)
    verify_csrf(token, {"form": csrf_of(token)})
    assert token.hex() not in csrf_of(token)
    for wrong in ("", csrf_of(b"\x01" * 32), csrf_of(token)[:-1], csrf_of(token).upper() + "x", "é"):
        with pytest.raises(Stop):
            verify_csrf(token, {"form": wrong})


@pytest.mark.parametrize(
    "kind,body,status",
    [
        ("text/plain", b"a=1", 415),
        ("", b"a=1", 415),
        ("application/x-www-form-urlencoded", b"a=%ff", 400),
        ("application/x-www-form-urlencoded", "a=é".encode(), 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 600, 400),
        ("application/x-www-form-urlencoded", b"a" * 100_001, 413),
    ],
)
def test_odd_forms_are_stopped(kind: str, body: bytes, status: int) -> None:
    """Each with its own status."""
    with pytest.raises(Stop) as stopped:
        parse_form(kind, body)
    assert stopped.value.status == status


def test_a_form_is_read() -> None:
    """Escapes, plus signs, blanks; of two values of a name the last."""
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    assert parse_form(kind, b"a=%C3%A9+b&c=&a2=1&a2=2") == {"a": "é b", "c": "", "a2": "2"}


@given(st.text() | st.text(alphabet="localhst127.0:[]@/\\?#%\t "))
def test_no_host_slips_through(host: str) -> None:
    """Whatever the Host header says: nothing, or this machine by one of its names, to the letter."""
    place = LOCAL.find("http", host)
    if place is not None:
        assert re.fullmatch(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", place.host)
        assert place.host == host.lower().removesuffix(":80").removesuffix("/").removesuffix(":80")


@given(st.binary(max_size=300), st.sampled_from([FORM, FORM + "; charset=x", "text/html", "\x00"]))
def test_no_body_fails_otherwise_than_with_a_page(body: bytes, kind: str) -> None:
    """Any bytes under any type: values, or a Stop."""
    try:
        values = parse_form(kind, body)
    except Stop:
        return
    assert all(isinstance(one, str) for pair in values.items() for one in pair)


@given(st.text())
def test_no_cookie_fails(value: str) -> None:
    """Any text is a token of 32 bytes or none."""
    token = headers.find_token({"privet": value}, "privet", Place("http", "localhost"))
    assert token is None or len(token) == 32
