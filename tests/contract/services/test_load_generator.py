"""The benches' load generator counts what it is answered, and says so when it is not."""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.services.parts import miss

ROOT = Path(__file__).parents[3]
GENERATOR = ROOT / ".tools" / "bin" / "load"


@pytest.fixture(scope="module")
def generator() -> Path:
    if not GENERATOR.exists():
        miss("load", "no load generator: run `make tools` (needs Go)")
    return GENERATOR


class Answering(BaseHTTPRequestHandler):
    """Answers 200 to an even number, 403 to an odd one; remembers every body."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked.append((self.path, self.headers["x-key"], body))
        answer = b"x" * 10
        self.send_response(403 if json.loads(body)["n"] % 2 else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str | None, bytes]]]]:
    asked: list[tuple[str, str | None, bytes]] = []
    handler = type("Handler", (Answering,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        found.daemon_threads = True
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}", asked
        found.shutdown()
        thread.join()


def load(generator: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([generator, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_every_answer_is_counted_by_its_status(
    generator: Path, server: tuple[str, list[tuple[str, str | None, bytes]]], tmp_path: Path
) -> None:
    """Distinct bodies, the header, statuses, bytes, and latencies in order."""
    url, asked = server
    bodies = tmp_path / "bodies"
    bodies.write_text("".join(json.dumps({"n": n}) + "\n" for n in range(20)))
    options = ("-connections", 3, "-seconds", 0.3, "-warm", 0, "-bodies", bodies, "-header", "X-Key: k")
    done = load(generator, *options, f"{url}/v1/fetch")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["count"] == len(asked) > 20
    statuses = {str(403 if json.loads(body)["n"] % 2 else 200) for _, _, body in asked}
    assert set(found["statuses"]) == statuses == {"200", "403"}
    assert found["statuses"]["403"] == sum(json.loads(body)["n"] % 2 for _, _, body in asked)
    assert found["bytes"] == 10 * len(asked)
    assert {(path, key) for path, key, _ in asked} == {("/v1/fetch", "k")}
    assert 0 < found["p50_us"] <= found["p90_us"] <= found["p99_us"] <= found["max_us"]
    assert found["rate"] == pytest.approx(found["count"] / found["seconds"])


def test_nobody_there_is_an_error(generator: Path, tmp_path: Path) -> None:
    """Exit 1 and a sentence, no figures; so are no bodies and no URL."""
    bodies = tmp_path / "bodies"
    bodies.write_text("{}\n")
    for arguments in (
        ("-bodies", bodies, "http://127.0.0.1:1/"),
        ("-bodies", tmp_path / "none", "http://127.0.0.1:1/"),
        ("-bodies", bodies),
        ("http://127.0.0.1:1/",),
    ):
        done = load(generator, "-seconds", 0.1, *arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("load: ")
