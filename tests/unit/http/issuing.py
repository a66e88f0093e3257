"""An issuer in memory: real keys, tokens signed as its owner, or a forger, would sign them."""

import base64
import hmac
import json
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import orjson
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from privet.config.settings.serving import IssuerSettings
from privet.domain.ids import Millis

NOW = Millis(1_750_000_000_000)
SERVICES = IssuerSettings(issuer="https://login.example", audience="privet", role="services")


@cache
def rsa(name: str = "rsa", bits: int = 2048) -> RSAKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short keys are what some tests are about
        return RSAKey.generate_key(bits, parameters={"kid": name})


@cache
def ec(name: str = "ec", curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve, parameters={"kid": name})


@cache
def okp(name: str = "okp", curve: Literal["Ed25519", "Ed448"] = "Ed25519") -> OKPKey:
    return OKPKey.generate_key(curve, parameters={"kid": name})


def claims(**changed: Any) -> dict[str, Any]:
    """Claims of a good token of SERVICES; a change to None takes one away."""
    now = NOW // 1000
    good = {
        "iss": "https://login.example",
        "aud": "privet",
        "sub": "desk",
        "client_id": "desk",
        "iat": now - 5,
        "exp": now + 300,
    }
    return {key: value for key, value in {**good, **changed}.items() if value is not None}


def token(
    body: Mapping[str, Any] | bytes | None = None,
    *,
    key: Key | None = None,
    alg: str = "ES256",
    header: Mapping[str, Any] | None = None,
    sign_as: str | None = None,
) -> bytes:
    """A token. `sign_as`: the algorithm really used; the header says `alg`. A header entry of None is left out."""
    key = key or ec()
    said = {"alg": alg, "kid": key.kid, "typ": "JWT", **(header or {})}
    head = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
    payload = body if isinstance(body, bytes) else json.dumps(claims() if body is None else body).encode()
    signed = encode(head) + b"." + encode(payload)
    name = sign_as or ("Ed25519" if alg == "EdDSA" else alg)
    return signed + b"." + encode(JWSRegistry.algorithms[name].sign(signed, key))


def forged(head: Mapping[str, Any] | bytes, body: Mapping[str, Any] | bytes, signature: bytes) -> bytes:
    """A token of these very parts."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (head, body)]
    return b".".join(encode(part) for part in [*parts, signature])


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def hmac_with_public_key(key: Key, body: Mapping[str, Any]) -> bytes:
    """What a forger makes who hopes that the public key is taken for a shared secret."""
    assert isinstance(key, RSAKey)
    head = json.dumps({"alg": "HS256", "kid": key.kid, "typ": "JWT"}).encode()
    signed = encode(head) + b"." + encode(json.dumps(body).encode())
    return signed + b"." + encode(hmac.digest(key.as_pem(private=False), signed, "sha256"))


def jwks(*keys: Key, **more: Any) -> bytes:
    """The public half of these keys, as an issuer publishes it."""
    return orjson.dumps({"keys": [{**key.as_dict(private=False), "use": "sig", **more} for key in keys]})
