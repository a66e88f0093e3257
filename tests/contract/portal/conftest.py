"""One house a test, and one on PostgreSQL for what workers share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.domain.request import By
from privet.portal.pages import signing
from tests.contract.portal.house import House, open_house


@pytest.fixture(autouse=True)
def _no_floor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers need not wait, but where the wait is what is tested."""
    if request.node.get_closest_marker("timed") is None:
        monkeypatch.setattr(signing, "FLOOR_S", 0.0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An open vault of the demo's hotel, with its pages."""
    with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The same on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with open_house(tmp_path, database_url=url) as opened:
        yield opened


@pytest.fixture
def ada(house: House) -> By:
    known: dict[str, Any] = {"country": "GB", "allergies": ["peanuts"], "room.extra_towels": True}
    return house.guest(phone="+442079460718", **known)
