"""Several processes on one vault: they wait, or get one sentence; nothing is lost, doubled or forked."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import SubjectId
from privet.domain.ports import Store
from privet.errors import PrivetError
from privet.store import opening, sqlite_file, sqlite_writer
from tests.contract.store.conftest import Open
from tests.contract.store.rows import T0, Rows

WORKER = Path(__file__).with_name("worker.py")


class Worker:
    """One child process. It starts when told to `go`."""

    def __init__(self, url: str, command: str, argument: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), url, command, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.expect("ready")

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def expect(self, word: str) -> None:
        assert self.line() == word

    def rest(self) -> list[str]:
        """Every line until it ends."""
        assert self.process.stdout is not None
        lines = [line.strip() for line in self.process.stdout if line.endswith("\n")]
        self.process.wait(timeout=60)
        return lines

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


Start = Callable[[str, str], Worker]


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    """start(command, argument): a worker process that is ready."""
    workers: list[Worker] = []

    def make(command: str, argument: str) -> Worker:
        worker = Worker(url, command, argument)
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.end()


def enrol(store: Store, rows: Rows) -> str:
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
    return row.subject.hex()


def test_a_second_writer_waits_its_turn(store: Store, rows: Rows, start: Start) -> None:
    """While another process writes the same row, ours waits and then sees what that one did."""
    subject = enrol(store, rows)
    other = start("hold", subject)
    other.go()
    other.expect("holding")
    done = threading.Event()
    outcome: list[str] = []

    def write() -> None:
        try:
            with store.write() as unit:
                unit.swap_facts(SubjectId(bytes.fromhex(subject)), 1, b"ours")
            outcome.append("won")
        except PrivetError as error:
            outcome.append(error.code)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not done.wait(0.3)
    other.go()
    thread.join(timeout=30)
    assert outcome == ["conflict"]
    other.expect("done")


def test_a_writer_that_waits_too_long_gets_one_sentence(
    make_store: Open, rows: Rows, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the bound (5 s; shortened here) it is Unavailable, and the store is usable afterwards."""
    monkeypatch.setattr(sqlite_file, "BUSY_MS", 300)
    monkeypatch.setattr(sqlite_writer, "BUSY_MS", 300)
    monkeypatch.setattr(opening, "DatabaseSettings", lambda: DatabaseSettings(lock_timeout_ms=300))
    store = make_store()
    subject = enrol(store, rows)
    other = start("hold", subject)
    other.go()
    other.expect("holding")
    began = time.monotonic()
    with (
        pytest.raises(PrivetError, match="another process has been writing") as caught,
        store.write() as unit,
    ):
        unit.swap_facts(SubjectId(bytes.fromhex(subject)), 1, b"ours")
        unit.count_subjects()
    assert caught.value.code == "unavailable"
    assert time.monotonic() - began < 20
    other.go()
    other.expect("done")
    enrol(store, rows)


def test_of_two_processes_one_swap_wins(store: Store, rows: Rows, start: Start) -> None:
    """Compare-and-swap holds between processes."""
    for _ in range(3):
        subject = enrol(store, rows)
        workers = [start("swap", subject) for _ in range(2)]
        for worker in workers:
            worker.go()
        assert sorted(worker.line() for worker in workers) == ["lost", "won"]


def test_processes_write_one_log(store: Store, start: Start) -> None:
    """Each entry said to be durable is in the log once, in a tree without gaps."""
    workers = [start("append", "25") for _ in range(3)]
    for worker in workers:
        worker.go()
    said = [line for worker in workers for line in worker.rest()]
    assert said.count("done") == 3
    logged = [row.id.hex() for row in store.log.entries(0, store.log.size())]
    assert sorted(logged) == sorted(line for line in said if line != "done")
    assert store.log.lag() == 0


@pytest.mark.parametrize("after", [3, 17])
def test_kill_nine_loses_nothing_that_was_said(store: Store, start: Start, after: int) -> None:
    """A worker killed while it writes: what it had acknowledged is in the log, and others go on."""
    worker = start("append", "100000")
    worker.go()
    said = [worker.line() for _ in range(after)]
    worker.process.kill()
    said += worker.rest()
    logged = {row.id.hex() for row in store.log.entries(0, store.log.size())}
    assert set(said) <= logged
    follower = start("append", "2")
    follower.go()
    assert len(follower.rest()) == 5
    assert store.log.size() >= len(logged) + 4


def test_no_key_is_made_once_an_epoch_is_closed(store: Store, start: Start) -> None:
    """When set_epoch returns, no transaction that creates keys under it is under way, nor starts later."""
    workers = [start("enrol", "1") for _ in range(2)]
    for worker in workers:
        worker.go()
    for worker in workers:
        worker.expect("busy")
    with store.write() as unit:
        unit.open_epoch(2, T0)
        unit.set_epoch(1, "closing")
    with store.read() as unit:
        made = unit.count_subjects(epoch=1)
    refused = [worker.line() for worker in workers]
    assert all(line.startswith("refused after") for line in refused)
    assert sum(int(line.rsplit(" ", 1)[1]) for line in refused) == made
    with store.read() as unit:
        assert unit.count_subjects(epoch=1) == made
