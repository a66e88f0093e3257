"""A real `privet serve` for tests: a process of its own, on a loopback port that the system chooses.

with VaultServer(vault_directory, serve={"max_body_bytes": 20_000}) as server:
    urllib.request.urlopen(f"{server.url}/healthz")
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from privet.testing import PASSPHRASE

_START_S = 60.0
_AT = re.compile(r"serving .* at (https?://\S+:\d+)")


class ServerFailed(Exception):
    """The process ended, or did not get ready in time; with its last words."""


class VaultServer:
    """One running `privet serve`. Use it as a context manager, or call stop().

    The vault must be closed or on PostgreSQL, or, on SQLite, not be writing: SQLite has one writer.
    """

    def __init__(
        self,
        directory: Path,
        *,
        passphrase: str = PASSPHRASE,
        arguments: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        wait: bool = True,
        within: tuple[str, ...] = (),
        log: Path | None = None,
        **settings: Any,
    ) -> None:
        """Start it. `settings`: sections of privet.toml, of which these keys are set before: serve={"host": …}.

        `within`: a command that runs the one given to it. `log`: where it writes. Raises ServerFailed.
        """
        if settings:
            set_settings(directory, **settings)
        if log is None:
            handle, name = tempfile.mkstemp(prefix="privet-serve-", suffix=".log")
            os.close(handle)
            log = Path(name)
        self._log = log
        self._said = ""
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PRIVET_")}
        variables |= {"PRIVET_PASSPHRASE": passphrase, "PYTHONUNBUFFERED": "1", **(environment or {})}
        command = [
            *within,
            sys.executable,
            "-m",
            "privet_cli",
            "--vault",
            str(directory),
            "serve",
            "--port",
            "0",
        ]
        with self._log.open("ab") as said:
            self.process = subprocess.Popen(
                [*command, *arguments], env=variables, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        self.url = ""
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def __enter__(self) -> "VaultServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def output(self) -> str:
        """All it has said so far, on both streams."""
        return self._log.read_text(errors="replace") if self._log.exists() else self._said

    def wait_ready(self) -> None:
        """Returns when it says where it serves and /readyz agrees (over TLS: when it accepts connections)."""
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self.process.poll() is None:
            found = _AT.search(self.output())
            if found:
                self.url = found[1]
                if self._is_ready():
                    return
            time.sleep(0.03)
        raise ServerFailed(self.output()[-2_000:] or "it said nothing")

    def _is_ready(self) -> bool:
        if self.url.startswith("https:"):
            return True
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 40) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        code = self.process.wait(timeout)
        self._put_away()
        return code

    def stop(self) -> int:
        """Ends it as an operator would; returns its exit code. Again is no error."""
        if self.process.poll() is None:
            self.signal()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._put_away()

    def _put_away(self) -> None:
        self._said = self.output()
        self._log.unlink(missing_ok=True)


def set_settings(directory: Path, **sections: Any) -> None:
    """Puts these keys into privet.toml, beside what is there; None takes one out.

    A list of tables (issuers=[{…}]) replaces all of them."""
    path = directory / "privet.toml"
    held = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, keys in sections.items():
        if isinstance(keys, Mapping):
            merged = {**held.get(name, {}), **keys}
            held[name] = {key: value for key, value in merged.items() if value is not None}
        else:
            held[name] = keys
    lines: list[str] = []
    for key, value in held.items():
        if not isinstance(value, dict | list):
            lines.append(f"{key} = {_toml(value)}")
    for key, value in held.items():
        if isinstance(value, dict):
            lines += ["", f"[{key}]", *(f"{name} = {_toml(item)}" for name, item in value.items())]
        elif isinstance(value, list):
            for table in value:
                lines += ["", f"[[{key}]]", *(f"{name} = {_toml(item)}" for name, item in table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(
        value, ensure_ascii=False
    )  # for texts, numbers, booleans and lists of them TOML is the same
