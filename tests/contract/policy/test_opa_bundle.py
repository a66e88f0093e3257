"""The signed bundle, judged by a real OPA: taken as it is, and refused when anything about it is not."""

import base64
import gzip
import http.client
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from privet.crypto.bundle_signing import BundleSigner
from privet.decide.bundle import build_bundle
from privet.decide.opa import OpaEngine
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.decide.server_bundle import SIGNATURES, server_members, sign_members, write_server_bundle
from privet.errors import InvalidInput
from tests.contract.policy.catalogues import drawn, inn
from tests.contract.policy.signed import SIGNER, TOKEN, arguments, start_signed, write_signed
from tests.services.opa import OpaServer, OpaUnavailable

pytestmark = pytest.mark.opa

BUNDLE = build_bundle(inn())
DESK = canonical_input(Asked("front-desk", "read", "service", ("given_name",)), PHANTOM)
QUESTIONS = [
    "/v1/data/privet/release/decision",
    "/v1/data/privet/release/explanation",
    "/v1/data/privet/catalogue/revision",
]


def members_of(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {info.name.lstrip("/"): tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]  # files all


def pack(members: Mapping[str, bytes], target: Path) -> Path:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    target.write_bytes(gzip.compress(raw.getvalue()))
    return target


def ask(server: Any, method: str, path: str, token: str | None = TOKEN, body: bytes = b"{}") -> int:
    """The status of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    try:
        connection.request(method, path, body=body, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_real_opa_takes_it(opa_server: Callable[..., Any], tmp_path: Path) -> None:
    """Signed by our key, verified by OPA: it decides, under our revision."""
    server = start_signed(opa_server, BUNDLE, tmp_path)
    engine = OpaEngine(BUNDLE, server.url, token=TOKEN)
    engine.verify_revision()
    assert engine.decide([DESK])[0].released
    assert engine.explain(DESK)["given_name"][0]["effect"] == "allow"
    engine.close()


def test_rs256_by_openssl_is_taken(opa: Path, tmp_path: Path) -> None:
    """A key of openssl's, RSA: OPA's own default algorithm."""
    key = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    signer = BundleSigner.parse(key.read_bytes())
    assert signer.algorithm == "RS256"
    archive = write_server_bundle(BUNDLE, tmp_path / "b.tar.gz", token=TOKEN, signer=signer)
    with OpaServer(archive, arguments=arguments(tmp_path, signer)) as server:
        assert ask(server, "POST", QUESTIONS[2]) == 200


def altered(members: dict[str, bytes]) -> dict[str, bytes]:
    rule = "privet/release/field_rules.rego"
    return {**members, rule: members[rule] + b"\n# altered\n"}


def other_catalogue(members: dict[str, bytes]) -> dict[str, bytes]:
    data = orjson.loads(members["data.json"])
    data["privet"]["catalogue"]["services"]["front-desk"]["purposes"]["marketing.email"] = True
    return {**members, "data.json": orjson.dumps(data, option=orjson.OPT_SORT_KEYS)}


def other_token(members: dict[str, bytes]) -> dict[str, bytes]:
    data = orjson.loads(members["data.json"])
    data["system"]["callers"] = {"0" * 64: True}
    return {**members, "data.json": orjson.dumps(data, option=orjson.OPT_SORT_KEYS)}


def other_revision(members: dict[str, bytes]) -> dict[str, bytes]:
    manifest = orjson.loads(members[".manifest"]) | {"revision": "f" * 64}
    return {**members, ".manifest": orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)}


def one_more(members: dict[str, bytes]) -> dict[str, bytes]:
    return {**members, "privet/release/more.rego": b"package privet.release\n\nmore := 1\n"}


def one_less(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in members.items() if name != "system/authz/authz.rego"}


def unsigned(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in members.items() if name != SIGNATURES}


def by_another_key(members: dict[str, bytes]) -> dict[str, bytes]:
    return {**members, SIGNATURES: sign_members(unsigned(members), BundleSigner.generate())}


def by_no_algorithm(members: dict[str, bytes]) -> dict[str, bytes]:
    payload = json.loads(members[SIGNATURES])["signatures"][0].split(".")[1]
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return {**members, SIGNATURES: orjson.dumps({"signatures": [f"{none}.{payload}."]})}


def of_another_bundle(members: dict[str, bytes]) -> dict[str, bytes]:
    theirs = server_members(build_bundle(drawn(3)), TOKEN)
    return {**members, SIGNATURES: sign_members(theirs, SIGNER)}


@pytest.mark.parametrize(
    "change",
    [
        altered, other_catalogue, other_token, other_revision, one_more, one_less, unsigned,
        by_another_key, by_no_algorithm, of_another_bundle,
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_a_changed_bundle_is_refused(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], opa: Path, tmp_path: Path
) -> None:
    """OPA does not start with a bundle that is altered, unsigned, or signed by anybody else."""
    good = members_of(write_signed(BUNDLE, tmp_path))
    assert set(good) == {*server_members(BUNDLE, TOKEN), SIGNATURES}
    bad = pack(change(good), tmp_path / "bad.tar.gz")
    with pytest.raises(OpaUnavailable, match=r"verif|signature|not found|digest|JWT|JWS|key"):
        OpaServer(bad, arguments=arguments(tmp_path))


def test_the_signature_is_the_one_opa_would_make(opa: Path, tmp_path: Path) -> None:
    """`opa sign` over the same files states the same digests."""
    members = server_members(BUNDLE, TOKEN)
    folder = tmp_path / "files"
    for name, content in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    key = tmp_path / "key.pem"
    key.write_bytes(SIGNER.private_pem())
    subprocess.run(
        [
            opa,
            "sign",
            "--signing-alg",
            "ES256",
            "--signing-key",
            key,
            "--bundle",
            "files",
            "-o",
            str(tmp_path),
        ],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )

    def stated(raw: bytes) -> set[tuple[str, str]]:
        payload = json.loads(raw)["signatures"][0].split(".")[1]
        files = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["files"]
        return {(file["name"].removeprefix("files/"), file["hash"]) for file in files}

    assert stated((tmp_path / SIGNATURES).read_bytes()) == stated(sign_members(members, SIGNER))


def test_the_rules_keep_to_the_capabilities_that_come_with_them(opa: Path, tmp_path: Path) -> None:
    """Whoever gets the bundle can check it with the file in it."""
    members = members_of(write_signed(BUNDLE, tmp_path))
    (tmp_path / "capabilities.json").write_bytes(members["capabilities.json"])
    for name, content in members.items():
        if name.startswith("privet/") and name.endswith(".rego"):
            path = tmp_path / "rules" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    subprocess.run(
        [opa, "check", "--strict", "--capabilities", tmp_path / "capabilities.json", tmp_path / "rules"],
        check=True,
        capture_output=True,
    )


def test_only_the_token_may_ask_and_only_the_three_questions(
    opa_server: Callable[..., Any], tmp_path: Path
) -> None:
    """Whoever reaches the port gets nothing without the token; with it, nothing can be read beside, or changed."""
    server = start_signed(opa_server, BUNDLE, tmp_path)
    for path in QUESTIONS:
        assert ask(server, "POST", path) == 200
        for wrong in (None, "", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper()):
            assert ask(server, "POST", path, wrong) == 401
    for method, path in [
        ("GET", "/v1/data"),
        ("GET", "/v1/data/privet/catalogue"),
        ("GET", "/v1/data/system/callers"),
        ("POST", "/v1/data"),
        ("POST", "/v1/data/system/callers"),
        ("POST", "/v1/data/privet/catalogue"),
        ("PUT", "/v1/data/privet/catalogue/revision"),
        ("PATCH", "/v1/data/privet/catalogue"),
        ("DELETE", "/v1/policies/privet/release/field_rules.rego"),
        ("PUT", "/v1/policies/evil"),
        ("GET", "/v1/policies"),
        ("POST", "/v1/query"),
        ("POST", "/v1/compile"),
        ("GET", "/v1/config"),
        ("GET", "/metrics"),
        ("POST", "/v0/data/privet/release/decision"),
        ("POST", "/v1/data/privet/release/decision/../../../system/callers"),
        ("POST", "/"),
    ]:
        assert ask(server, method, path) in {401, 301, 307}, (method, path)
    assert ask(server, "GET", "/health", None) == 200


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    """Neither the token nor the signing key can be read from the archive."""
    content = gzip.decompress(write_signed(BUNDLE, tmp_path).read_bytes())
    assert TOKEN.encode() not in content
    assert b"PRIVATE" not in content


def test_the_revision_is_the_policys_alone(tmp_path: Path) -> None:
    """Another token or another signer makes no other policy: the vault need not be restarted for either."""
    one = members_of(write_signed(BUNDLE, tmp_path))
    write_server_bundle(BUNDLE, tmp_path / "two.tar.gz", token="x" * 40, signer=BundleSigner.generate())
    two = members_of(tmp_path / "two.tar.gz")
    assert one[".manifest"] == two[".manifest"]
    assert orjson.loads(one[".manifest"])["revision"] == BUNDLE.revision
    assert one["data.json"] != two["data.json"]


def test_short_tokens_are_refused(tmp_path: Path) -> None:
    """A digest of a few characters could be searched for."""
    with pytest.raises(InvalidInput, match="32"):
        write_server_bundle(BUNDLE, tmp_path / "b.tar.gz", token="x" * 31, signer=SIGNER)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        SIGNER.public_pem(),
        ec.generate_private_key(ec.SECP384R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        rsa.generate_private_key(65537, 1024).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
        ),
    ],
    ids=["empty", "rubbish", "public", "P-384", "Ed25519", "RSA 1024", "encrypted"],
)
def test_other_keys_are_refused(pem: bytes) -> None:
    """A sentence, whatever the file holds."""
    with pytest.raises(InvalidInput):
        BundleSigner.parse(pem)


def test_keys_do_not_leave_by_accident() -> None:
    """No repr, no pickle."""
    assert repr(SIGNER) == "<BundleSigner: hidden>"
    with pytest.raises(TypeError):
        SIGNER.__reduce_ex__(4)
