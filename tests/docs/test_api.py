"""docs/api.md names every route and every code, and no others."""

import re
from pathlib import Path

import pytest

from privet.http.api import make_api
from privet.http.callers import Authenticator
from privet.http.describing import describe, operations_of
from privet.http.desk import Desk
from privet.http.problems import CODES
from privet.testing import make_vault
from tests.contract.sdk.every_type import CATALOGUE, NOTICES

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_code_is_documented_with_its_status_and_none_else() -> None:
    """The table of the page is the table of the code."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == {
        code: known.status for code, known in CODES.items()
    }
    assert len(rows) == len(CODES)


def test_every_route_is_documented_and_none_else(tmp_path: Path) -> None:
    """The tables of the page are the operations of the document."""
    with make_vault(tmp_path / "vault", CATALOGUE, NOTICES) as vault:

        class NoLane:
            async def read(self, *_: object) -> None:
                pytest.fail("nobody reads here")

        desk = Desk(vault.parts, authenticator=Authenticator(vault.parts), lane=NoLane())  # type: ignore[arg-type]
        document = describe(make_api(desk).routes, vault.parts.catalogue)
    told = re.findall(r"^\| `(GET|POST) (/[^`]*)` \|", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(operations_of(document))
