"""Pages of an officer's query: bounded work, nothing lost, nothing twice."""

from collections.abc import Iterator

import pytest

from privet.bootstrap import officer
from privet.bootstrap.vault import Vault
from privet.domain.request import by
from privet.testing import make_vault
from tests.contract.sdk.every_type import CATALOGUE, NOTICES


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with make_vault(tmp_path_factory.mktemp("pages") / "vault", CATALOGUE, NOTICES) as made:
        desk = made.service("desk")
        for at in range(12):
            desk.put(by(number=f"n{at}"), {"name": "Ada"}, purpose="care")
            desk.fetch(by(number=f"n{at}"), purpose="care", fields=["name"])
        yield made


def walk(vault: Vault, limit: int, act: str) -> tuple[list[str], int]:
    """Ids of all pages, and how many pages it took. Each question makes the log grow by one."""
    ana = vault.officer("ana").audit
    found: list[str] = []
    before = None
    for pages in range(1, 2_000):
        page = ana.page(limit=limit, before=before, act=act)
        found += [line.audit_id for line in page.lines]
        assert len(page.lines) <= limit
        before = page.before
        if before is None:
            return found, pages
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("limit", [1, 5, 12, 100])
@pytest.mark.parametrize("looked_at", [5, 40, 20_000])
def test_every_entry_once(vault: Vault, limit: int, looked_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many a page gives, and however little of the log it looks at."""
    monkeypatch.setattr(officer, "MOST_LOOKED_AT", looked_at)
    whole = [line.audit_id for line in vault.officer("ana").audit.query(act="read")]
    assert len(whole) == 12
    assert walk(vault, limit, act="read")[0] == whole


def test_a_page_looks_at_a_bounded_part(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that nothing meets costs each page the same, and still comes to an end."""
    monkeypatch.setattr(officer, "MOST_LOOKED_AT", 10)
    size = vault.parts.store.log.size()
    found, pages = walk(vault, 5, act="erase")
    assert found == []
    assert pages >= size // 10


@pytest.mark.parametrize("before", [0, 1, 10**15, 2**64 - 1])
def test_a_cursor_beyond_the_log_is_its_edge(vault: Vault, before: int) -> None:
    """From the newest, or at the end."""
    page = vault.officer("ana").audit.page(limit=5, before=before)
    assert len(page.lines) == min(5, before)
