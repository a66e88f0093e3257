"""Vaults with one catalogue, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from privet import Vault
from privet.testing import StoppedClock, make_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def vault(request: pytest.FixtureRequest, tmp_path: Path, clock: StoppedClock) -> Iterator[Vault]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with make_vault(tmp_path / "shop.privet", CATALOGUE, NOTICES, database_url=url, clock=clock) as made:
        yield made
