"""What her pages cost: a few statements each, however long her log is, and well under a tenth of a second."""

import time

import pytest

from privet.domain.request import by
from tests.contract.portal.house import ADA, Browser, House
from tests.contract.store.statements import counted

MOST = {"/my": 12, "/my/held": 8, "/my/used": 20, "/my/choices": 12, "/my/stop": 7, "/my/download": 2}
"""Statements: the session, then for each act of hers the vault, her row, the leaf and its place in the log
(on PostgreSQL her look at the log moves that very leaf into it first)."""


def costs(house: House, browser: Browser) -> dict[str, int]:
    """Statements of each page, in a session that is not written again just now."""
    browser.get("/my")
    found = {}
    store = house.vault.parts.store
    for path in MOST:
        store.sequence()  # what others logged is moved into the log by whoever comes next: not her page's cost
        with counted(store) as seen:
            assert browser.send("GET", path).status_code == 200
        found[path] = len([one for one in seen if " tile" not in one])
    return found


def test_pages_take_few_statements(any_house: House) -> None:
    """Counted, on each database; and as many with thirty entries in her log as with none."""
    any_house.guest()
    browser = any_house.signed_in()
    first = costs(any_house, browser)
    assert all(first[path] <= most for path, most in MOST.items()), first
    desk = any_house.vault.service("resort-front-desk")
    for _ in range(30):
        desk.fetch(by(email=ADA), purpose="service-personalisation", fields=["given_name"])
    after = costs(any_house, browser)
    assert all(after[path] <= first[path] for path in MOST), (first, after)


@pytest.mark.slow
def test_pages_are_quick_with_ten_thousand_entries(house: House) -> None:
    """Each page in under 100 ms, the log's pages too, when ten thousand entries of the log are about her."""
    who = house.guest()
    desk = house.vault.service("resort-front-desk")
    for _ in range(20):
        desk.fetch_many([who] * 500, purpose="service-personalisation", fields=["given_name"])
    browser = house.signed_in()
    browser.get("/my/used")
    older = browser.page.text.partition('href="/my/used?after=')[2].partition('"')[0]
    for path in (*MOST, f"/my/used?after={older}"):
        times = []
        for _ in range(7):
            began = time.process_time()  # the work, whatever else the machine does
            assert browser.send("GET", path).status_code == 200
            times.append(time.process_time() - began)
        assert min(times) < 0.1, (path, times)
