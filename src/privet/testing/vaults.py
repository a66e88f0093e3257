"""Vaults for tests: real in every part, with a keyring that opens in a millisecond. Refuses a directory in use."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from privet.bootstrap.creating import create_vault
from privet.bootstrap.vault import Vault, system_clock
from privet.crypto.keyring_format import ScryptCost
from privet.domain.ids import Millis

PASSPHRASE = "only for tests"  # noqa: S105  a passphrase that protects nothing
CHEAP = ScryptCost(log2_n=4)


def make_vault(
    directory: str | os.PathLike[str],
    catalogue: str,
    notices: Mapping[str, str] | None = None,
    *,
    database_url: str | None = None,
    clock: Callable[[], Millis] = system_clock,
) -> Vault:
    """A new vault with this catalogue (YAML) and these notices (Markdown by name), open.

    Raises CatalogueError, Conflict.
    """
    with tempfile.TemporaryDirectory() as source:
        (Path(source) / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
        (Path(source) / "notices").mkdir()
        for name, text in (notices or {}).items():
            (Path(source) / "notices" / f"{name}.md").write_text(text, encoding="utf-8")
        create_vault(
            Path(directory),
            passphrase=PASSPHRASE,
            prompt=None,
            catalogue=Path(source),
            database_url=database_url,
            clock=clock,
            randomness=os.urandom,
            cost=CHEAP,
        )
    return open_vault(directory, clock=clock)


def open_vault(directory: str | os.PathLike[str], *, clock: Callable[[], Millis] = system_clock) -> Vault:
    """Opens what `make_vault` made."""
    return Vault.open(directory, passphrase=PASSPHRASE, clock=clock)
