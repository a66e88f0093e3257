"""Tokens: what no issuer of ours can have meant is refused, and what it did mean is taken."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.settings.serving import IssuerSettings
from privet.domain.ids import Millis
from privet.errors import Unauthenticated
from privet.http.jwks import VerificationKey, parse_jwks
from privet.http.tokens import ALGORITHMS, LEEWAY_MS, LONGEST, VerifiedToken, parse_token, verify_token
from tests.unit.http.issuing import (
    NOW,
    SERVICES,
    claims,
    ec,
    encode,
    forged,
    hmac_with_public_key,
    jwks,
    okp,
    rsa,
    token,
)

ALL = replace(
    SERVICES,
    algorithms=("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
)


def public(key: Any, **more: Any) -> VerificationKey:
    (found,) = parse_jwks(jwks(key, **more))
    return found


def verify(
    shown: bytes, key: Any = None, *, issuer: IssuerSettings = ALL, now: int = NOW, **more: Any
) -> VerifiedToken:
    return verify_token(parse_token(shown), issuer, public(key or ec(), **more), Millis(now))


@pytest.mark.parametrize(
    "alg, key",
    [
        ("RS256", rsa()),
        ("RS512", rsa()),
        ("PS256", rsa()),
        ("ES256", ec()),
        ("ES384", ec("ec384", "P-384")),
        ("ES512", ec("ec521", "P-521")),
        ("EdDSA", okp()),
        ("Ed25519", okp()),
    ],
)
def test_a_good_token_is_taken(alg: str, key: Any) -> None:
    """By each algorithm of the list, with the subject it is about, and until it expires."""
    found = verify(token(key=key, alg=alg), key)
    assert found.subject == "desk"
    assert found.until == NOW + 300_000 + 30_000


@pytest.mark.parametrize(
    "body",
    [
        claims(iss="https://login.example/"),
        claims(iss="https://other.example"),
        claims(iss=None),
        claims(iss=["https://login.example"]),
        claims(aud="other"),
        claims(aud=None),
        claims(aud=[]),
        claims(aud=["other", "privet "]),
        claims(aud=[["privet"]]),
        claims(aud=["privet", *map(str, range(60))]),
        claims(aud={"privet": True}),
        claims(exp=None),
        claims(exp=NOW // 1000 - 31),
        claims(exp=str(NOW // 1000 + 300)),
        claims(exp=True),
        claims(exp=1e300),
        claims(exp=10**400),
        claims(iat=-(10**400)),
        claims(nbf=10**400),
        claims(exp=-1),
        claims(iat=None),
        claims(iat=NOW // 1000 + 60),
        claims(iat="then"),
        claims(nbf=NOW // 1000 + 60),
        claims(nbf=[1]),
        claims(sub=None),
        claims(sub=""),
        claims(sub=7),
        claims(sub="x" * 513),
        claims(sub="desk\x00"),
        claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
        claims(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        claims(cnf={"x5t#S256": "a", "jkt": "b"}),
        claims(cnf="x5t"),
    ],
)
def test_wrong_claims_are_refused(body: dict[str, Any]) -> None:
    """Another issuer or audience, times that are not now, nobody, and bindings that are not checked here."""
    with pytest.raises(Unauthenticated):
        verify(token(body))


def test_a_token_lasts_no_longer_than_the_issuers_ceiling() -> None:
    """A token cannot be revoked: one that says thirty years is taken for a day after it was issued, or as set."""
    begun = NOW // 1000
    long = token(claims(iat=begun, exp=begun + 31 * 365 * 86_400))
    day, hour = 86_400_000, 3_600_000
    assert verify(long, now=NOW + day - 1_000).until == NOW + day + LEEWAY_MS
    with pytest.raises(Unauthenticated):
        verify(long, now=NOW + day + LEEWAY_MS)
    shorter = replace(SERVICES, max_token_hours=1)
    assert verify(long, issuer=shorter, now=NOW).until == NOW + hour + LEEWAY_MS
    with pytest.raises(Unauthenticated):
        verify(long, issuer=shorter, now=NOW + 2 * hour)


def test_nan_and_infinity_are_no_times() -> None:
    """What JSON has no word for does not make a token eternal."""
    for word in ("NaN", "Infinity", "1e999"):
        body = json.dumps(claims()).replace(str(NOW // 1000 + 300), word).encode()
        with pytest.raises(Unauthenticated):
            verify(token(body))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"enc": "A128GCM"},
        {"jwk": ec("evil").as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": ["MIIB"]},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "secevent+jwt"},
        {"typ": 7},
        {"kid": 7},
        {"kid": ""},
        {"kid": "a\nb"},
        {"kid": "k" * 600},
    ],
)
def test_headers_that_bring_their_own_truth_are_refused(header: dict[str, Any]) -> None:
    """Keys, addresses, extensions and types of another kind of token, though the signature is good."""
    with pytest.raises(Unauthenticated):
        verify(token(header=header))


@pytest.mark.parametrize(
    "header", [{"typ": None}, {"typ": "at+jwt"}, {"typ": "application/AT+JWT"}, {"x5t": "abc"}]
)
def test_usual_headers_are_taken(header: dict[str, Any]) -> None:
    """No type, that of access tokens, and words that say nothing to us."""
    assert verify(token(header=header)).subject == "desk"


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", "HS256", "HS512", "A256KW", "ES256K", "Ed448", None, 1, ["ES256"]]
)
def test_no_other_algorithm_is_heard_of(alg: Any) -> None:
    """`none` in any spelling, shared secrets, and what is no signature."""
    for signature in (b"", b"x"):
        with pytest.raises(Unauthenticated):
            parse_token(forged({"alg": alg, "kid": "ec"}, claims(), signature))
    assert not {"none", "HS256", "HS384", "HS512"} & ALGORITHMS.keys()


def test_a_public_key_is_no_shared_secret() -> None:
    """HS256 over the public key, which everybody has."""
    with pytest.raises(Unauthenticated):
        verify(hmac_with_public_key(rsa(), claims()), rsa())


def test_an_algorithm_that_this_issuer_does_not_use_is_refused() -> None:
    """The list is the issuer's own."""
    only = replace(SERVICES, algorithms=("PS256",))
    verify(token(key=rsa(), alg="PS256"), rsa(), issuer=only)
    with pytest.raises(Unauthenticated):
        verify(token(key=rsa(), alg="RS256"), rsa(), issuer=only)


def test_the_key_must_be_of_the_algorithms_kind() -> None:
    """An RSA key for ES256, another curve, a key meant for another algorithm."""
    cases: tuple[tuple[bytes, Any, dict[str, Any]], ...] = (
        (token(key=ec(), alg="ES256"), rsa("ec"), {}),
        (token(key=ec("e4", "P-384"), alg="ES384"), ec("e4"), {}),
        (token(key=rsa(), alg="RS256"), rsa(), {"alg": "PS256"}),
        (token(key=okp(), alg="EdDSA"), ec("okp"), {}),
    )
    for shown, key, more in cases:
        with pytest.raises(Unauthenticated):
            verify(shown, key, **more)


def test_what_another_key_signed_is_refused() -> None:
    """The same kid, somebody else's key."""
    with pytest.raises(Unauthenticated):
        verify(token(key=ec("x"), header={"kid": "ec"}), ec())
    verify(token(), ec())


def test_any_altered_bit_is_noticed() -> None:
    """Header, claims and signature, each byte in turn."""
    good = token()
    for at in range(0, len(good), 7):
        other = b"A" if good[at : at + 1] != b"A" else b"B"
        spoilt = good[:at] + other + good[at + 1 :]
        if at == len(good) - 1:
            continue  # the last character has bits that mean nothing
        with pytest.raises(Unauthenticated):
            verify(spoilt)


def test_a_name_twice_is_refused() -> None:
    """Two readers would read two tokens."""
    body = json.dumps(claims()).encode()
    twice = body[:-1] + b', "sub": "kitchen"}'
    with pytest.raises(Unauthenticated):
        verify(token(twice))
    head = b'{"alg": "none", "alg": "ES256", "kid": "ec"}'
    with pytest.raises(Unauthenticated):
        parse_token(forged(head, body, b"x"))


@pytest.mark.parametrize(
    "shown",
    [
        b"",
        b".",
        b"..",
        b"a.b",
        b"a.b.c.d",
        b"a.b.c\n",
        b"a.b.c=",
        b"a b.c.d",
        "é.b.c".encode(),
        encode(b"{}") + b"." + encode(b"{}") + b"." + encode(b"x"),
        encode(b"[]") + b"." + encode(b"[]") + b"." + encode(b"x"),
        encode(b'"a"') + b".e30.eA",
        encode(b"\xff\xfe") + b".e30.eA",
        encode(b'{"alg":"ES256"}') + b"." + encode(b"[" * 4_000) + b".eA",
        encode(b'{"alg":"ES256"}') + b"." + encode(b'{"iss":' + b"9" * 4_400 + b"}") + b".eA",
        b"A",
        b"A.A.A",
    ],
)
def test_what_is_no_token_is_refused(shown: bytes) -> None:
    """Whatever is wrong with it, in the same way."""
    with pytest.raises(Unauthenticated):
        parse_token(shown)


def test_very_long_tokens_are_not_looked_at() -> None:
    """Whatever they hold: nothing is decoded."""
    shown = token({**claims(), "groups": ["x" * 10] * 1_000})
    assert len(shown) > LONGEST
    with pytest.raises(Unauthenticated):
        parse_token(shown)


@given(st.binary(max_size=300))
def test_any_bytes_are_only_ever_refused(shown: bytes) -> None:
    """No other error escapes."""
    with pytest.raises(Unauthenticated):
        parse_token(shown)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_claims_are_only_ever_refused(body: Any) -> None:
    """Whatever JSON stands where claims should."""
    with pytest.raises(Unauthenticated):
        verify(token(json.dumps(body).encode()))


@pytest.mark.parametrize(
    "body, client",
    [
        (claims(), "desk"),
        (claims(sub="desk@clients", client_id=None, azp="desk"), "desk"),
        (claims(sub="0f3c", client_id=None, azp="desk", idtyp="app"), "desk"),
        (claims(sub="ada", client_id="desk"), None),
        (claims(sub="ada", client_id=None, azp="desk"), None),
        (claims(client_id=None), None),
        (claims(client_id=7), None),
    ],
)
def test_a_persons_token_is_not_its_clients(body: dict[str, Any], client: str | None) -> None:
    """Who signs in through a client holds a token that names it: it does not make her the service."""
    assert verify(token(body)).client == client


def test_errors_and_reprs_tell_nothing_of_the_token() -> None:
    """Neither the signature nor a claim stands in what may be logged."""
    parsed = parse_token(token(claims(email="ada@example.org")))
    verified = verify_token(parsed, SERVICES, public(ec()), NOW)
    for shown in (repr(parsed), repr(verified)):
        assert "ada@" not in shown
        assert "signature" not in shown


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = ["iss", "aud", "sub", "exp", "iat", "nbf", "azp", "client_id", "cnf", "events", "gty", "idtyp"]


@given(st.dictionaries(st.sampled_from(CLAIMS), ANY, min_size=1, max_size=3))
def test_any_value_of_a_known_claim_is_taken_or_refused(changed: dict[str, Any]) -> None:
    """In a token that is good but for that: no other error escapes."""
    with contextlib.suppress(Unauthenticated):
        assert verify(token({**claims(), **changed})).until > NOW


@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "x5t", "crit", "jwk", "cty"]), ANY, min_size=1))
def test_any_value_of_a_known_header_is_taken_or_refused(changed: dict[str, Any]) -> None:
    """Likewise."""
    shown = token(header={name: value for name, value in changed.items() if name != "alg"})
    with contextlib.suppress(Unauthenticated):
        assert verify(shown).subject == "desk"
    with contextlib.suppress(Unauthenticated):
        parse_token(forged({"alg": "ES256", **changed}, claims(), b"x"))
