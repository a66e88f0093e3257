"""A supervisor whose workers are not what they should be: it ends, or goes on; it never waits for nothing."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from privet.config.settings.serving import ServeSettings
from privet.serving.orders import Orders
from privet.serving.supervisor import Supervisor, WorkerFailed, back_off

RUBBISH = """#!{python}
import os, pathlib, sys, time
pathlib.Path({told!r}).joinpath(str(os.getpid())).touch()
os.write(int(sys.argv[-2]), b"rubbish\\n")
time.sleep(600)
"""


def test_a_worker_that_talks_rubbish_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start that is a worker that cannot start: all end, and none is left behind."""
    told = tmp_path / "told"
    told.mkdir()
    program = tmp_path / "program"
    program.write_text(RUBBISH.format(python=sys.executable, told=str(told)))
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    orders = Orders(
        directory=tmp_path, passphrase=b"p", settings=ServeSettings(workers=2, drain_s=0.0), show_codes=False
    )
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, pytest.raises(WorkerFailed, match="cannot be started"):
        Supervisor(orders, listener, lambda: pytest.fail("it is not ready")).run()
    left = [path.name for path in told.iterdir()]
    assert left
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)


def test_a_worker_begun_while_all_stop_ends_like_the_others(tmp_path: Path) -> None:
    """Its process is there only after the others were told to stop: it is told too, and that is no failure."""
    settings = ServeSettings(workers=1, drain_s=0.0)
    orders = Orders(directory=tmp_path, passphrase=b"p", settings=settings, show_codes=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervisor = Supervisor(orders, listener, lambda: pytest.fail("it is not ready"))
        supervisor._environment = dict(os.environ)
        supervisor._counts = str(tmp_path)
        supervisor._stopping = True
        assert asyncio.run(supervisor._live(0)) == -signal.SIGTERM


def test_a_place_is_filled_again_however_often_its_worker_failed() -> None:
    """A database that is away for a night makes thousands of failures in a row: later and later, never given up."""
    assert [back_off(failures) for failures in (1, 2, 3)] == [0.2, 0.4, 0.8]
    assert {back_off(failures) for failures in (9, 10, 1_025, 100_000)} == {30.0}
