"""A vault of the inn, on a stopped clock; no issuer is really asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from privet import Vault
from privet.http import jwks as keys_of
from privet.testing import StoppedClock, make_vault
from tests.unit.http.inn import CATALOGUE, Sites
from tests.unit.http.issuing import NOW


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Sites:
    made = Sites()
    monkeypatch.setattr(keys_of.Fetcher, "fetch", lambda _, address: made.fetch(address))
    return made


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
def vault(tmp_path: Path, clock: StoppedClock, sites: Sites) -> Iterator[Vault]:
    with make_vault(tmp_path / "inn.privet", CATALOGUE, clock=clock) as made:
        yield made
