"""A supervisor whose workers are not what they should be: it ends, or goes on; it never waits for nothing."""

import socket
import sys
from pathlib import Path

import pytest

from privet.config.settings.serving import ServeSettings
from privet.serving.orders import Orders
from privet.serving.supervisor import Supervisor, WorkerFailed

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
