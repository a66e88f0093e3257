"""A real Chromium for tests: the system's, driven by Playwright, and cut off from every network but loopback."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as PlaywrightError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--no-pings",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


class BrowserUnavailable(Exception):
    """No usable Chromium on this machine, with the reason in plain words."""


@cache
def find_chromium() -> Path | None:
    """The system's Chromium: PRIVET_CHROMIUM, then PATH. None when there is none."""
    for name in (os.environ.get("PRIVET_CHROMIUM"), *_NAMES):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    return None


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Starts it, headless. Raises BrowserUnavailable."""
    path = find_chromium()
    if path is None:
        raise BrowserUnavailable("no Chromium on PATH: on Debian, apt-get install chromium")
    arguments = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
        except PlaywrightError as error:
            reason = str(error).splitlines()[0]
            raise BrowserUnavailable(f"{path} does not start ({reason})") from None
        yield browser
        browser.close()
