"""`privet serve` on the demo's vault, and a browser that knows no JavaScript: real processes, real HTTP on loopback.

Refuses to wait for longer than half a minute for anything: DemoFailed.
"""

import html
import http.cookiejar
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from privet_cli.demo.stage import PASSPHRASE, PRIVET, DemoFailed, Stage, environment

_WAIT_S = 30.0
_AT = re.compile(r"serving .* at (http://\S+:\d+)")
_CODE = re.compile(r"code for \S+\s+(\d{4} ?\d{4})\b")
_FORM = re.compile(r'name="form" value="([^"]+)"')
_TAG = re.compile(r"<[^>]*>")


class RunningService:
    """The process. A context manager: it ends, as by an operator's hand, when the block does."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._log: IO[bytes] = tempfile.TemporaryFile(dir=stage.work)  # noqa: SIM115  closed as the block ends
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter, our own command
            [sys.executable, "-c", PRIVET, "--vault", str(self._stage.directory), "serve", "--port", "0",
             "--show-codes"],
            env=environment() | {"PRIVET_PASSPHRASE": PASSPHRASE},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )  # fmt: skip
        try:
            self.url = self._find(_AT)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def read_code(self) -> str:
        """The sign-in code that it showed on its terminal."""
        return self._find(_CODE)

    def _find(self, wanted: re.Pattern[str]) -> str:
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            self._log.seek(0)
            found = wanted.search(self._log.read().decode("utf-8", "replace"))
            if found is not None:
                return found[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise DemoFailed("`privet serve` did not say what it should")


class Page:
    """One answer of the pages."""

    def __init__(self, url: str, body: bytes) -> None:
        self.path = urllib.parse.urlsplit(url).path
        self.size = len(body)
        self.body = body
        self.text = body.decode("utf-8", "replace")

    @property
    def title(self) -> str:
        found = re.search(r"<title>([^<]*)</title>", self.text)
        return html.unescape(found[1]).partition(" – ")[0] if found else ""

    @property
    def words(self) -> str:
        """What a reader sees, on one line."""
        return " ".join(html.unescape(_TAG.sub(" ", self.text)).split())


class Browser:
    """Cookies, forms, redirects; nothing else."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        ).open
        self._mark = ""

    def get(self, path: str) -> Page:
        return self._take(urllib.request.Request(f"{self._url}{path}"))  # noqa: S310  our own server

    def post(self, path: str, **fields: str) -> Page:
        """Sends the form of the page last seen."""
        data = urllib.parse.urlencode({"form": self._mark, **fields}).encode()
        headers = {"Origin": self._url}
        return self._take(urllib.request.Request(f"{self._url}{path}", data=data, headers=headers))  # noqa: S310

    def save(self, path: str, target: Path) -> None:
        """Downloads by a form, as her browser would."""
        target.write_bytes(self.post(path).body)

    def _take(self, request: urllib.request.Request) -> Page:
        try:
            with self._open(request, timeout=_WAIT_S) as answer:
                page = Page(answer.geturl(), answer.read())
        except OSError as error:
            raise DemoFailed(f"the pages answered {error}") from None
        found = _FORM.search(page.text)
        if found is not None:
            self._mark = html.unescape(found[1])
        return page
