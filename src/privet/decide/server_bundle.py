"""The bundle for an OPA server: the policy, who may ask for it, and a signature over each of its files.

Beside the rules and the catalogue it holds the digest of the vault's token, the server's own rules (system.authz: that
token asks the vault's three questions, and nobody does anything else), and the capabilities that the rules keep to.
The revision is the policy's alone: another token or another signer makes no other policy.

REFUSES short tokens: their digest would give them away.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import orjson

from privet.crypto.bundle_signing import BundleSigner
from privet.decide.bundle import Bundle, bundle_members, pack_members
from privet.errors import InvalidInput

SIGNATURES = ".signatures.json"
_ROOTS = ["privet", "system/authz", "system/callers"]
_AUTHZ = "system/authz/authz.rego"
_CAPABILITIES = "capabilities.json"
_SHORTEST = 32


def write_server_bundle(
    bundle: Bundle, target: Path, *, signer: BundleSigner, token: str | None = None, client: str | None = None
) -> Path:
    """Writes the signed archive for `opa run --verification-key`. Raises InvalidInput, OSError.

    `token` may ask, or `client`: the subject of a certificate, as OPA writes it (RFC 2253: "CN=privet,O=Hotel").
    """
    if (token is None) == (client is None):
        raise InvalidInput("either a token may ask, or a certificate", field="token")
    members = dict(server_members(bundle, token) if token is not None else _members(bundle, client or ""))
    members[SIGNATURES] = sign_members(members, signer)
    return pack_members(members, target)


def server_members(bundle: Bundle, token: str) -> Mapping[str, bytes]:
    """Every file of the archive but the signature, by path. JSON is canonical: OPA digests it so."""
    if len(token) < _SHORTEST:
        raise InvalidInput(
            f"the token for OPA has at least {_SHORTEST} random characters; `privet policy token` makes one",
            field="token",
        )
    return _members(bundle, token)


def _members(bundle: Bundle, caller: str) -> Mapping[str, bytes]:
    policies = resources.files("privet_policies")
    members = bundle_members(bundle, roots=_ROOTS)
    data = orjson.loads(members["data.json"])
    data["system"] = {"callers": {hashlib.sha256(caller.encode()).hexdigest(): True}}
    members["data.json"] = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    members[_AUTHZ] = (policies / _AUTHZ).read_bytes()
    members[_CAPABILITIES] = (policies / _CAPABILITIES).read_bytes()
    return members


def sign_members(members: Mapping[str, bytes], signer: BundleSigner) -> bytes:
    """OPA's `.signatures.json`: one JWS over the SHA-256 of each file."""
    files = [
        {"name": name, "hash": hashlib.sha256(content).hexdigest(), "algorithm": "SHA-256"}
        for name, content in sorted(members.items())
    ]
    return orjson.dumps({"signatures": [signer.sign(orjson.dumps({"files": files}))]})
