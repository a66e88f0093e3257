"""What each process does beside answering, on a real vault of either backend."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import privet
from privet import Vault
from privet.domain.ids import Millis
from privet.domain.ports import TicketRow
from privet.serving.background import chores_of
from privet.testing import StoppedClock, make_vault, open_vault
from tests.e2e.serving import ADA, CATALOGUE, make_place
from tests.services.vault_server import VaultServer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def clock_and_vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[StoppedClock, Vault]]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    clock = StoppedClock()
    with make_vault(tmp_path / "vault", CATALOGUE, database_url=url, clock=clock) as vault:
        yield clock, vault


def _work(vault: Vault, name: str) -> Callable[[], object]:
    return {chore.name: chore.work for chore in chores_of(vault.parts, workers=1)}[name]


def test_the_log_is_sequenced_and_signed(clock_and_vault: tuple[StoppedClock, Vault]) -> None:
    """What is durable is in the log, and the newest anchor covers it."""
    clock, vault = clock_and_vault
    work, parts = _work(vault, "log"), vault.parts
    vault.service("shop").put(privet.by(**ADA), {"given_name": "Ada", **ADA}, purpose="enrolment")
    clock.pass_time(timedelta(seconds=2))
    work()
    assert parts.store.log.lag() == 0
    held = parts.anchors.find_latest()
    assert held is not None
    assert held[0].size == parts.store.log.size()


def test_expired_tickets_go_and_others_stay(clock_and_vault: tuple[StoppedClock, Vault]) -> None:
    """Sessions, codes and idempotency records, to the millisecond."""
    clock, vault = clock_and_vault
    with vault.parts.store.write() as unit:
        for at, until in enumerate((clock() - 1, clock() + 1)):
            unit.insert_ticket(TicketRow(bytes([at]) * 32, Millis(until), b"sealed"))
    _work(vault, "tickets")()
    with vault.parts.store.read() as reading:
        assert reading.find_ticket(bytes([0]) * 32) is None
        assert reading.find_ticket(bytes([1]) * 32) is not None


def test_the_sweep_runs_on_a_vault_with_nothing_to_sweep(
    clock_and_vault: tuple[StoppedClock, Vault],
) -> None:
    """As it does most hours."""
    _, vault = clock_and_vault
    _work(vault, "retention")()


def test_processes_share_the_work(clock_and_vault: tuple[StoppedClock, Vault]) -> None:
    """Of four, each sweeps a quarter as often; all sequence as often as one."""
    _, vault = clock_and_vault
    one, four = ({chore.name: chore for chore in chores_of(vault.parts, workers=many)} for many in (1, 4))
    assert four["retention"].every_s == 4 * one["retention"].every_s
    assert four["log"].every_s == one["log"].every_s <= 1


@pytest.mark.postgres
def test_within_a_second_a_served_entry_is_in_the_log(tmp_path: Path, postgres_url: str) -> None:
    """Though nobody asks for the log, and the process goes on."""
    place = make_place(tmp_path / "vault", database_url=postgres_url)
    with (
        VaultServer(place.directory, portal={"enabled": False}) as server,
        open_vault(place.directory) as vault,
        privet.Client(server.url, token=place.key) as desk,
    ):
        size = _size(vault)
        desk.fetch(privet.by(**ADA), purpose="care", fields=["given_name"])
        began = time.monotonic()
        while _size(vault) == size and time.monotonic() - began < 30:
            time.sleep(0.02)
        assert time.monotonic() - began < 15  # a second, and what a busy machine takes


def _size(vault: Vault) -> int:
    """Of the log as the database has it, without sequencing on the way."""
    from sqlalchemy import select

    from privet.store import tables

    with vault.parts.store.reading() as connection:  # type: ignore[attr-defined]
        return int(connection.execute(select(tables.head.c.size)).scalar_one())
