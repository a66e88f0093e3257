"""A real OPA for tests: the pinned binary, and a server on loopback with one bundle.

`make tools` puts the binary in .tools/bin, or finds one on PATH whose version fits.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

from tests.services.parts import spare_port

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (1, 20)
_TRIES = 3
_START_S = 30.0
_AUTHZ = """package system.authz

default allow := false

allow if input.identity == data.system.authz.token

allow if input.path == ["health"]
"""


class OpaUnavailable(Exception):
    """No usable OPA on this machine, with the reason in plain words."""


@cache
def find_opa() -> Path | None:
    """Return an OPA whose version fits: PRIVET_OPA, then .tools/bin, then PATH. None when there is none."""
    for candidate in (os.environ.get("PRIVET_OPA"), ROOT / ".tools" / "bin" / "opa", shutil.which("opa")):
        if candidate and _fits(Path(candidate)):
            return Path(candidate)
    return None


def _fits(opa: Path) -> bool:
    try:
        done = subprocess.run([opa, "version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    version = re.search(r"^Version: (\d+)\.(\d+)\.", done.stdout, re.MULTILINE)
    return version is not None and OLDEST <= (int(version[1]), int(version[2])) < (2, 0)


class OpaServer:
    """One running OPA. Use it as a context manager, or call stop()."""

    def __init__(
        self,
        bundle: Path,
        *,
        token: str | None = None,
        arguments: tuple[str, ...] = (),
        client: tuple[str, str] | None = None,
    ) -> None:
        """Start OPA on a spare loopback port with `bundle`, a folder or a .tar.gz.

        With `token` the server demands it as a bearer token on every path but /health. The bundle's .manifest
        must then name its roots, since OPA refuses two bundles that both own everything. `client`: files of a
        certificate and its key, for a server that asks for one.
        Raises OpaUnavailable when there is no OPA or it does not start.
        """
        opa = find_opa()
        if opa is None:
            raise OpaUnavailable("no OPA of a version that fits: run `make tools`")
        self._opa = opa
        self._bundle = bundle
        self._arguments = arguments
        self._client = client
        self._scheme = "https" if "--tls-cert-file" in arguments else "http"
        self._token = token
        self._home = Path(tempfile.mkdtemp(prefix="privet-opa-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "OpaServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server (again, on the same port), and wait until it answers with its bundle loaded."""
        for _ in range(_TRIES):
            self.port = self.port or spare_port()
            with (self._home / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            if self._answers():
                return
            self._end()
            self.port = 0
        raise OpaUnavailable(f"OPA does not start: {self._last_words()}")

    def restart(self, bundle: Path) -> None:
        """End the server and start it again on the same port, with another bundle."""
        self._end()
        self._bundle = bundle
        self.start()

    def kill(self) -> None:
        """End the server at once, as an outage would. start() brings it back on the same port."""
        self._end()

    def stop(self) -> None:
        """Stop the server and remove its files. Calling it twice does no harm."""
        self._end()
        shutil.rmtree(self._home, ignore_errors=True)

    def _command(self) -> list[str]:
        command = [
            str(self._opa), "run", "--server", "--addr", f"127.0.0.1:{self.port}", "--skip-version-check",
            "--log-level", "error", *self._arguments, "--bundle", str(self._bundle),
        ]  # fmt: skip
        if self._token is not None:
            command += [
                "--authentication=token",
                "--authorization=basic",
                "--bundle",
                str(self._authz(self._token)),
            ]
        return command

    def _authz(self, token: str) -> Path:
        folder = self._home / "authz"
        folder.mkdir(exist_ok=True)
        (folder / "authz.rego").write_text(_AUTHZ)
        (folder / "data.json").write_text(json.dumps({"system": {"authz": {"token": token}}}))
        (folder / ".manifest").write_text(json.dumps({"roots": ["system/authz"]}))
        return folder

    def _answers(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            connection = self._connection()
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request("GET", "/health?bundles")
                if connection.getresponse().status == 200:
                    return True
            time.sleep(0.05)
        return False

    def _connection(self) -> http.client.HTTPConnection:
        if self._scheme == "http":
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        trusting = ssl._create_unverified_context()
        if self._client is not None:
            trusting.load_cert_chain(*self._client)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=trusting)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        log = self._home / "server.log"
        return log.read_text(errors="replace").strip()[-500:] if log.exists() else "no log"
