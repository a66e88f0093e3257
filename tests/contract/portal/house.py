"""A hotel's vault with its customer's pages, and a browser-less client that keeps cookies and reads forms."""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from privet.bootstrap.vault import Vault
from privet.domain.ids import Millis
from privet.domain.request import By, by
from privet.portal.app import Portal, make_portal
from privet.testing import StoppedClock, make_vault

HOTEL = Path(__file__).parents[3] / "cli" / "privet_cli" / "demo" / "hotel"
ADA = "ada@example.org"
ORIGIN = "http://localhost"


class House:
    """An open vault of the demo's hotel, its pages, and the codes that were sent."""

    def __init__(self, vault: Vault, clock: StoppedClock) -> None:
        self.vault = vault
        self.clock = clock
        self.sent: list[tuple[str, str]] = []
        self.arrived = threading.Semaphore(0)
        self.portal: Portal = make_portal(vault.parts, show_code=self._show)

    def _show(self, address: str, code: str) -> None:
        self.sent.append((address, code))
        self.arrived.release()

    def guest(self, email: str = ADA, **values: Any) -> By:
        """A new guest of the booking system."""
        who = by(email=email)
        known = {"given_name": "Ada", "family_name": "Lovelace", "room.bed": "king"}
        self.vault.service("booking-import").put(
            who, {"email": email, **known, **values}, purpose="enrolment"
        )
        return who

    def stay(self, who: By, booking: str, arrived: date, **values: Any) -> None:
        self.vault.service("booking-import").record(
            who, "stays", {"booking": booking, "arrived": arrived, **values}, purpose="enrolment"
        )

    def code(self, timeout: float = 30) -> str:
        """The code of the next letter."""
        assert self.arrived.acquire(timeout=timeout), "no letter came"
        return self.sent[-1][1]

    def client(self, **options: Any) -> "Browser":
        return Browser(self, **options)

    def signed_in(self, email: str = ADA) -> "Browser":
        """A browser in which she has signed in."""
        browser = self.client()
        browser.sign_in(email)
        return browser

    def close(self) -> None:
        self.portal.close()
        self.vault.close()


@contextmanager
def open_house(directory: Path, *, edit: Callable[[str], str] = str, **options: Any) -> Iterator[House]:
    """A new one, closed at the end. `edit`: makes its catalogue another."""
    clock = StoppedClock()
    notices = {path.stem: path.read_text(encoding="utf-8") for path in (HOTEL / "notices").glob("*.md")}
    catalogue = edit((HOTEL / "catalogue.yaml").read_text(encoding="utf-8"))
    house = House(make_vault(directory / "vault", catalogue, notices, clock=clock, **options), clock)
    try:
        yield house
    finally:
        house.close()


class Browser:
    """Cookies, relative links, the hidden marks of forms: what a browser does, without one."""

    def __init__(self, house: House, *, origin: str = ORIGIN, peer: str = "192.0.2.7") -> None:
        self._house = house
        self._origin = origin
        self._transport = httpx.ASGITransport(app=house.portal, client=(peer, 4000))
        self.cookies: dict[str, str] = {}
        self.page: httpx.Response = httpx.Response(200)

    def send(
        self, method: str, path: str, *, form: Any = None, headers: Any = None, **more: Any
    ) -> httpx.Response:
        """One request; cookies are taken and kept, redirects are not followed. `headers` as a list are all of them."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=self._origin) as client:
                sent = (
                    {"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
                )
                own = {"origin": self._origin} if method == "POST" else {}
                given = headers if isinstance(headers, list) else {**sent, **own, **(headers or {})}
                return await client.request(method, path, data=form, headers=given, **more)

        response = asyncio.run(ask())
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return response

    def get(self, path: str, **more: Any) -> httpx.Response:
        """A page, its redirects followed."""
        self.page = self.send("GET", path, **more)
        for _ in range(5):
            if self.page.status_code != 303:
                break
            self.page = self.send("GET", self.page.headers["location"])
        return self.page

    def post(self, path: str, form: dict[str, str], **more: Any) -> httpx.Response:
        """Sends a form with the mark of the page that is open, and follows where it leads."""
        self.page = self.send("POST", path, form={"form": self.mark, **form}, **more)
        return self.get(self.page.headers["location"]) if self.page.status_code == 303 else self.page

    @property
    def mark(self) -> str:
        """The hidden mark of the open page's forms."""
        found = re.search(r'name="form" value="([0-9a-f]{64})"', self.page.text)
        assert found, "no form on this page"
        return found[1]

    @property
    def text(self) -> str:
        """What the open page says."""
        return text_of(self.page.text)

    def ask(self, email: str) -> httpx.Response:
        self.get("/my/sign-in")
        return self.post("/my/sign-in", {"address": email})

    def sign_in(self, email: str) -> httpx.Response:
        self.ask(email)
        return self.post("/my/code", {"code": self._house.code()})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(page: str) -> str:
    """The text of a page, spaces joined."""
    parser = _Text()
    parser.feed(page)
    return " ".join(" ".join(parser.parts).split())


@contextmanager
def served(portal: Any) -> Iterator[str]:
    """The pages under uvicorn, on a spare loopback port. Yields the origin."""
    listener = socket.create_server(("127.0.0.1", 0))  # nobody else has its port meanwhile
    server = uvicorn.Server(uvicorn.Config(portal, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def later(house: House, minutes: float) -> Millis:
    """Time goes by."""
    house.clock.now += int(minutes * 60_000)
    return Millis(house.clock.now)
