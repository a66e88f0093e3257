"""`house`: one real server for the tests of a file."""

from collections.abc import Iterator

import pytest

from privet.bootstrap.credentials import create_key
from privet.testing import make_vault
from tests.contract.http.house import CATALOGUE, NOTICES, House, issuer
from tests.services.vault_server import VaultServer, set_settings


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Served from SQLite; every test makes its own people."""
    directory = tmp_path_factory.mktemp("served") / "vault"
    with issuer() as address:
        shared = {"issuer": address, "jwks_url": f"{address}/jwks", "algorithms": ["ES256"]}
        with make_vault(directory, CATALOGUE.replace("ISSUER", address), NOTICES) as vault:
            keys = {name: create_key(vault.parts, name).text for name in vault.parts.catalogue.services}
            set_settings(
                directory,
                serve={"max_body_bytes": 200_000, "requests_per_second": 100_000, "burst": 100_000},
                portal={"enabled": False},
                issuers=[
                    {**shared, "audience": "officers", "role": "officers"},
                    {
                        **shared,
                        "audience": "customers",
                        "role": "customers",
                        "claim": "email",
                        "lookup": "email",
                    },
                ],
            )
            with VaultServer(directory) as server:
                yield House(vault=vault, url=server.url, issuer=address, keys=keys)
