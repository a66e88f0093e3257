"""What reaches standard error: JSON, and never what an exception or a library says of the data that it handled."""

import json
import subprocess
import sys
import threading

import pytest

SECRET = "ada@example.org"
_BEGIN = f"""
import logging, threading, warnings
from privet.config.settings.serving import TelemetrySettings
from privet.serving.logs import configure_logs, get_log, told
configure_logs(TelemetrySettings(), worker=3)
SECRET = {SECRET!r}
"""


def _run(code: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + code], capture_output=True, text=True, timeout=60, check=True
    )
    assert SECRET not in done.stdout + done.stderr
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_an_object() -> None:
    """With its time, level and worker."""
    (said,) = _run("get_log().info('stopping', signal='SIGTERM')")
    assert said.pop("timestamp")
    assert said == {"event": "stopping", "signal": "SIGTERM", "level": "info", "worker": 3}


STRAYS = {
    "a library's warning": "logging.getLogger('aiohttp.client').warning('no answer for %s', SECRET)",
    "a library's error": "logging.getLogger('x').error('x', exc_info=ValueError(SECRET))",
    "a Python warning": "warnings.warn(SECRET)",
    "a thread": "t = threading.Thread(target=lambda: {}[SECRET]); t.start(); t.join()",
    "a finaliser": "type('T', (), {'__del__': lambda self: {}[SECRET]})()",
    "an exception that is logged": """
try: {}[SECRET]
except KeyError as error: get_log().error('request failed', **told(error))
""",
}


@pytest.mark.parametrize("code", STRAYS.values(), ids=STRAYS.keys())
def test_nothing_of_the_data_is_said(code: str) -> None:
    """Who failed and where, in one line, and no traceback."""
    (said,) = _run(code)
    assert said["level"] in ("warning", "error")
    assert said.get("place")


def test_our_own_words_pass() -> None:
    """They name nobody."""
    (said,) = _run("logging.getLogger('privet.portal').error('a page failed: %s', 'ValueError')")
    assert (said["event"], said["logger"]) == ("a page failed: ValueError", "privet.portal")


def test_libraries_are_quiet_unless_something_is_wrong() -> None:
    """And uvicorn, which would print requests, always."""
    assert (
        _run("""
logging.getLogger('aiohttp').info(SECRET)
logging.getLogger('uvicorn.error').error(SECRET)
logging.getLogger('uvicorn.access').warning(SECRET)
""")
        == []
    )


FULL = """
import os, warnings
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
get_log().error("lost")
warnings.warn("lost")
print("lost", file=sys.stderr)
os.dup2(1, 2)
get_log().info("there")
get_log().info("again")
"""


def test_what_cannot_be_written_raises_nothing() -> None:
    """A disk that is full for a while costs lines, not the process; the next line tells how many."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys" + _BEGIN + FULL], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [(line["event"], line.get("lost_lines", 0)) for line in said] == [
        ("there", 4),
        ("again", 0),
    ]


def test_a_pipe_that_nobody_empties_holds_nobody_up() -> None:
    """What collects the log hangs: lines are lost, and counted in the first that can be written again."""
    code = _BEGIN + "for n in range(5_000): get_log().info('x' * 100)\nprint('done', flush=True)\ninput()\n"
    code += "get_log().info('again')\n"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdout.readline() == "done\n"
        written = [process.stderr.readline() for _ in range(100)]
        process.stdin.write("\n")
        process.stdin.close()
        written += process.stderr.readlines()
        watchdog.cancel()
    said = json.loads(written.pop())
    assert said["event"] == "again"
    assert said["lost_lines"] == 5_000 - len(written)
