"""A relay before a real OPA, and a vault that decides by it."""

import http.client
import threading
from pathlib import Path
from typing import Any

from privet.bootstrap.vault import Vault
from privet.domain.request import By, by
from tests.contract.policy.signed import TOKEN
from tests.contract.policy.test_opa_hostile import Seen

SERVICE: dict[str, Any] = {"purpose": "stay", "fields": ["given_name"]}
MAIL: dict[str, Any] = {"purpose": "marketing.email", "fields": ["email"]}


class Relay:
    """Stands before a real OPA, and can hold decisions back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.open = threading.Event()
        self.open.set()
        self.waiting = threading.Semaphore(0)
        self.seen = Seen()

    def __call__(self, handler: Any) -> None:
        if handler.path.endswith("/decision"):
            self.waiting.release()
            self.open.wait(60)
        inner = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        inner.request("POST", handler.path, handler.body, dict(handler.headers))
        answer = inner.getresponse()
        content = answer.read()
        inner.close()
        handler.send_response(answer.status)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)

    def decisions(self) -> int:
        return sum(path.endswith("/decision") for _, path, _ in self.seen.requests)


def name_opa(directory: Path, url: str, timeout_ms: int = 20_000) -> None:
    """The vault decides by the OPA there."""
    token = directory / "opa.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    settings = directory / "privet.toml"
    lines = [
        line for line in settings.read_text().splitlines() if not line.startswith(("engine", "timeout_ms"))
    ]
    at = lines.index("[policy]")
    lines[at + 1 : at + 1] = [
        'engine = "opa"', f'url = "{url}"', 'token_file = "opa.token"', f"timeout_ms = {timeout_ms}",
    ]  # fmt: skip
    settings.write_text("\n".join(lines) + "\n")


def guest(vault: Vault, number: int) -> By:
    who = by(email=f"guest{number}@example.org")
    vault.service("web-shop").put(who, {"given_name": "Ada"}, purpose="enrolment")
    return who


def in_thread(work: Any) -> tuple[threading.Thread, list[Any]]:
    """Starts it; what it returned or raised is in the list."""
    said: list[Any] = []

    def run() -> None:
        try:
            said.append(work())
        except Exception as error:  # noqa: BLE001 - told to the test
            said.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, said
