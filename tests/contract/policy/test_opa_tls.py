"""OPA over TLS: a private authority's certificate is trusted when it is named, and no other."""

import datetime as dt
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from privet.decide.bundle import build_bundle
from privet.decide.engines import open_engine
from privet.decide.opa import OpaEngine
from privet.decide.server_bundle import write_server_bundle
from privet.errors import Unavailable
from tests.contract.policy.catalogues import inn
from tests.contract.policy.signed import SIGNER, TOKEN, arguments, write_signed
from tests.contract.policy.test_opa_hostile import DESK, reason

pytestmark = pytest.mark.opa

BUNDLE = build_bundle(inn())


class Authority:
    """A private certificate authority."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        made = self._certificate(self._name, self._key.public_key(), None)
        self.file.write_bytes(made.public_bytes(Encoding.PEM))

    def issue(self, name: str, *, days: int = 1) -> tuple[str, str]:
        """Files of a certificate for 127.0.0.1, or for `name` alone, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "opa":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        made = self._certificate(subject, key.public_key(), names, days)
        files = self._folder / f"{name}{days}.crt", self._folder / f"{name}{days}.key"
        files[0].write_bytes(made.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(files[0]), str(files[1])

    def _certificate(
        self, subject: x509.Name, key: Any, names: list[x509.GeneralName] | None, days: int = 1
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=10))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        else:
            builder = builder.add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)  # fmt: skip
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def start(opa_server: Callable[..., Any], tmp_path: Path) -> Callable[[tuple[str, str]], Any]:
    def begin(files: tuple[str, str]) -> Any:
        tls = ("--tls-cert-file", files[0], "--tls-private-key-file", files[1])
        return opa_server(write_signed(BUNDLE, tmp_path), arguments=(*arguments(tmp_path), *tls))

    return begin


def opened(url: str, ca: Path | None) -> Any:
    return open_engine(
        BUNDLE, "opa", opa_url=url, opa_token=TOKEN, opa_ca=None if ca is None else str(ca), opa_timeout=5
    )


def test_a_private_authority_is_trusted_when_named(
    authority: Authority, start: Callable[..., Any], tmp_path: Path
) -> None:
    """With policy.ca_file it decides; without it, or with another's, the vault does not open, and says why."""
    running = start(authority.issue("opa"))
    engine = opened(running.url, authority.file)
    assert engine.decide([DESK])[0].released
    running.kill()
    running.start()
    assert engine.decide([DESK])[0].released
    engine.close()
    for ca in (None, Authority(tmp_path, "theirs").file):
        with pytest.raises(Unavailable, match=r"policy\.ca_file"):
            opened(running.url, ca)
        assert (
            reason(OpaEngine(BUNDLE, running.url, token=TOKEN, ca=None if ca is None else str(ca)))
            == "engine_error"
        )


@pytest.mark.parametrize("name, days", [("elsewhere", 1), ("opa", -1)])
def test_a_certificate_of_another_name_or_day_is_refused(
    authority: Authority, start: Callable[..., Any], name: str, days: int
) -> None:
    """The right authority, and a certificate for another host, or one that has expired."""
    running = start(authority.issue(name, days=days))
    with pytest.raises(Unavailable, match="certificate"):
        opened(running.url, authority.file)


def test_plain_http_on_a_tls_port_denies(authority: Authority, start: Callable[..., Any]) -> None:
    """A wrong scheme in policy.url is an engine error, not a hang."""
    running = start(authority.issue("opa"))
    engine = OpaEngine(BUNDLE, running.url.replace("https", "http"), token=TOKEN, timeout=5)
    assert reason(engine) == "engine_error"
    engine.close()


def test_a_certificate_may_ask_in_place_of_a_token(
    authority: Authority, opa_server: Callable[..., Any], tmp_path: Path
) -> None:
    """OPA asks for a certificate: the named subject decides, another one of the same authority and none do not."""
    ours, others = authority.issue("privet"), authority.issue("intruder")
    files = authority.issue("opa")
    bundle = write_server_bundle(BUNDLE, tmp_path / "b.tar.gz", client="CN=privet", signer=SIGNER)
    running = opa_server(
        bundle,
        arguments=(
            "--authentication=tls", "--authorization=basic", "--tls-ca-cert-file", str(authority.file),
            "--tls-cert-file", files[0], "--tls-private-key-file", files[1],
            *arguments(tmp_path)[2:],
        ),
        client=ours,
    )  # fmt: skip
    engine = open_engine(
        BUNDLE, "opa", opa_url=running.url, opa_ca=str(authority.file), opa_certificate=ours, opa_timeout=5
    )
    assert engine.decide([DESK])[0].released
    engine.close()
    foreign = Authority(tmp_path, "theirs").issue("privet", days=2)
    for certificate in (others, foreign, None):
        with pytest.raises(Unavailable):
            open_engine(
                BUNDLE, "opa", opa_url=running.url, opa_ca=str(authority.file), opa_certificate=certificate,
                opa_token=TOKEN, opa_timeout=5,
            )  # fmt: skip
