"""A real vault over real TLS: by a key, by a certificate alone, through its restart, and once a key is revoked."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

import privet
from privet.bootstrap.credentials import create_key, revoke_key
from privet.errors import AccessDenied, Unauthenticated, Unavailable
from privet.testing import PASSPHRASE, make_vault, open_vault
from tests.contract.sdk import every_type
from tests.contract.sdk.faces import Make
from tests.services.vault_server import VaultServer

ADA = privet.by(number="ada")


def fetch(client: Any) -> object:
    return client.fetch(ADA, purpose="care", fields=["name"])["name"]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory, papers: Path) -> Iterator[tuple[Path, str]]:
    """The vault's directory, and the address at which it is served."""
    own = x509.load_pem_x509_certificate((papers / "desk.pem").read_bytes())
    catalogue = every_type.CATALOGUE.replace(
        "  desk: {", f'  desk: {{certificates: ["{own.fingerprint(hashes.SHA256()).hex()}"], '
    )
    directory = tmp_path_factory.mktemp("tls") / "vault"
    with make_vault(directory, catalogue, every_type.NOTICES) as made:
        made.service("desk").put(ADA, {"name": "Ada"}, purpose="care")
    serve = {
        "tls_certificate": papers / "localhost.pem",
        "tls_key": papers / "localhost.key",
        "tls_client_ca": papers / "ca.pem",
    }
    with VaultServer(directory, passphrase=PASSPHRASE, serve=serve) as server:
        yield directory, server.url.replace("127.0.0.1", "localhost")


def test_a_key_over_tls(make: Make, vault: tuple[Path, str], papers: Path) -> None:
    """Asked, revoked, and refused from then on; without the authority nothing is sent."""
    directory, url = vault
    with open_vault(directory) as opened:
        made = create_key(opened.parts, "desk")
        client = make(url, token=made.text, ca_file=papers / "ca.pem")
        assert [fetch(client) for _ in range(3)] == ["Ada"] * 3
        revoke_key(opened.parts, made.id)
        with pytest.raises(Unauthenticated):
            fetch(client)
        with pytest.raises(Unavailable, match="ca_file"):
            fetch(make(url, token=made.text))


def test_a_certificate_is_credential_enough(make: Make, vault: tuple[Path, str], papers: Path) -> None:
    """The service is the one that the catalogue binds it to; a certificate bound to none is nobody's."""
    _, url = vault
    own = (papers / "desk.pem", papers / "desk.key")
    client = make(url, token=None, certificate=own, ca_file=papers / "ca.pem")
    assert fetch(client) == "Ada"
    with pytest.raises(AccessDenied):
        client.fetch(ADA, purpose="letters", fields=["name"])
    other = (papers / "elsewhere.example.pem", papers / "elsewhere.example.key")
    with pytest.raises(Unauthenticated):
        fetch(make(url, token=None, certificate=other, ca_file=papers / "ca.pem"))


def test_a_restart_is_survived(make: Make, tmp_path: Path) -> None:
    """The same client goes on when the vault is back at its address; meanwhile it says that nobody is there."""
    with make_vault(tmp_path / "v", every_type.CATALOGUE, every_type.NOTICES) as made:
        made.service("desk").put(ADA, {"name": "Ada"}, purpose="care")
        token = create_key(made.parts, "desk").text
    with ExitStack() as ends:
        first = ends.enter_context(VaultServer(tmp_path / "v", passphrase=PASSPHRASE))
        client = make(first.url, token=token)
        assert fetch(client) == "Ada"
        first.stop()
        with pytest.raises(Unavailable, match="cannot be reached"):
            fetch(client)
        ends.enter_context(
            VaultServer(tmp_path / "v", passphrase=PASSPHRASE, arguments=("--port", str(first.port)))
        )
        assert fetch(client) == "Ada"
