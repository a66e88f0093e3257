"""Certificates of tests: an authority, a vault's for localhost, another for elsewhere, and a service's own."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_papers(directory: Path) -> Path:
    """ca.pem, and NAME.pem, NAME.key, NAME.locked (a key under a passphrase) for each name. Returns the directory."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    authority = _sign(name, name, authority_key, authority_key, x509.BasicConstraints(True, None))
    (directory / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    for host in ("localhost", "elsewhere.example", "desk"):
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = _sign(subject, name, key, authority_key, x509.SubjectAlternativeName(names))
        (directory / f"{host}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (directory / f"{host}.key").write_bytes(_pem(key, serialization.NoEncryption()))
        (directory / f"{host}.locked").write_bytes(_pem(key, serialization.BestAvailableEncryption(b"x")))
    return directory


def _pem(key: ec.EllipticCurvePrivateKey, protection: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    critical = isinstance(extension, x509.BasicConstraints)
    return builder.add_extension(extension, critical).sign(by, hashes.SHA256())
