"""The ASGI application of the customer's pages, for /my. `make_portal` wires it; it can stand under a mount or alone.

Refuses hosts that are not this server's, forms of other sites, long bodies, and every path that is none of its pages.
Nothing that goes wrong shows more than a page in plain words; the log gets the kind of error and no value.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from importlib.resources import files

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from privet.bootstrap.parts import Parts
from privet.bootstrap.peers import forwarded_address, place_of
from privet.domain.ids import from_millis
from privet.errors import NotFound, PrivetError
from privet.portal import headers as h
from privet.portal.calls import MOST_FORM, Answer, Call, Stop, parse_form
from privet.portal.desk import PREFIX, Desk, Handler
from privet.portal.origins import Origins, Place, is_own
from privet.portal.pages import ROUTES
from privet.portal.postman import Deliver, Postman, SmtpDelivery
from privet.portal.trouble import explain, misplaced, not_so

_LOG = logging.getLogger("privet.portal")
_THREADS = 8
"""Pages made at a time: the rest of the server keeps room to breathe."""

ShowCode = Callable[[str, str], None]
"""(masked address, code): where there is no mail, for the terminal of an embedded vault."""


class Portal:
    """The application. Close it when the server stops."""

    def __init__(self, parts: Parts, deliver: Deliver, *, mails: bool) -> None:
        style, icon = _file("style.css"), _file("icon.svg")
        name = f"/style-{hashlib.sha256(style).hexdigest()[:12]}.css"
        self._postman = Postman(deliver)
        self._desk = Desk(parts, self._postman, style=PREFIX + name, mails=mails)
        self._origins = Origins(parts.settings.serving.serve)
        self._behind_proxy = parts.settings.serving.serve.behind_proxy
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._router = Router(
            [
                *(Route(PREFIX + path, _Page(self, methods, handler)) for path, methods, handler in ROUTES),
                Route(PREFIX + name, _Fixed(style, "text/css; charset=utf-8")),
                Route(f"{PREFIX}/icon.svg", _Fixed(icon, "image/svg+xml")),
            ],
            redirect_slashes=False,  # it would build a URL of the Host header
            default=_Page(self, (), _nothing_here),
        )

    def close(self) -> None:
        """Sends the letters that wait, and ends."""
        self._postman.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("the customer's pages are served over HTTP only")
        path = scope["path"].rstrip("/") or "/"
        await self._router({**scope, "path": path, "root_path": ""}, receive, send)

    async def answer(self, request: Request, methods: Sequence[str], handler: Handler) -> Response:
        """The response of one page, whatever goes wrong in it."""
        place = self._place(request)
        if place is None:
            return self._respond(None, explain(self._desk, misplaced()))
        try:
            call = await self._receive(request, place, methods)
            answer = await anyio.to_thread.run_sync(handler, self._desk, call, limiter=self._threads)
        except NotFound as error:
            answer = explain(self._desk, error, drop_session=True)
        except (Stop, PrivetError) as error:
            answer = explain(self._desk, error)
        except Exception as error:  # noqa: BLE001  a page in plain words; a traceback may hold her data
            _LOG.error("a page failed: %s", type(error).__name__)
            answer = explain(self._desk, error)
        if answer.not_before:
            await anyio.sleep(max(0.0, answer.not_before - time.monotonic()))
        return self._respond(place, answer)

    def _place(self, request: Request) -> Place | None:
        return self._origins.find(request.scope.get("scheme", "http"), request.headers.get("host"))

    async def _receive(self, request: Request, place: Place, methods: Sequence[str]) -> Call:
        if methods and request.method.replace("HEAD", "GET") not in methods:
            raise not_so(methods)
        form: dict[str, str] = {}
        post = request.method == "POST"
        if post:
            if not is_own(place, request.headers):
                raise Stop(
                    403,
                    "This form did not come from your pages",
                    "Nothing was changed. Another site may have tried to send it for you. Open your pages again.",
                )
            body = b""
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_FORM:
                    break
            form = parse_form(request.headers.get("content-type", ""), body)
        return Call(
            post=post,
            place=place,
            peer=self._peer(request),
            now=from_millis(self._desk.parts.clock()),
            named={key: str(value) for key, value in request.path_params.items()},
            query=dict(request.query_params),
            form=form,
            session=h.find_token(request.cookies, h.SESSION, place),
            visit=h.find_token(request.cookies, h.VISIT, place),
        )

    def _peer(self, request: Request) -> str:
        address = forwarded_address(request.scope) if self._behind_proxy else None
        return place_of(address or (request.client.host if request.client else ""))

    def _respond(self, place: Place | None, answer: Answer) -> Response:
        headers = {**h.security_headers(place), **h.PRIVATE, **answer.headers}
        content = answer.content or b""
        if answer.template is not None:
            content = self._desk.render(answer.template, answer.context)
            headers["content-type"] = "text/html; charset=utf-8"
        if answer.location is not None:
            headers["location"] = answer.location
        response = Response(content, status_code=answer.status, headers=headers)
        if place is not None:
            for cookie in _cookies(answer, place):
                response.headers.append("set-cookie", cookie)
        return response


def _cookies(answer: Answer, place: Place) -> list[str]:
    made = []
    for name, token, drop in (
        (h.SESSION, answer.set_session, answer.drop_session),
        (h.VISIT, answer.set_visit, answer.drop_visit),
    ):
        if token is not None:
            made.append(h.set_cookie(name, token, place))
        elif drop:
            made.append(h.drop_cookie(name, place))
    return made


class _Page:
    """One route. An object rather than a function: then Starlette leaves the methods to us, and our 405 is a page."""

    def __init__(self, portal: Portal, methods: Sequence[str], handler: Handler) -> None:
        self._portal = portal
        self._methods = methods
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._portal.answer(Request(scope, receive), self._methods, self._handler)
        await response(scope, receive, send)


class _Fixed:
    """A file that changes with its name only."""

    def __init__(self, content: bytes, kind: str) -> None:
        self._response = Response(
            content, headers={**h.security_headers(None), **h.LASTING, "content-type": kind}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._response(scope, receive, send)


def _file(name: str) -> bytes:
    return files("privet.portal").joinpath("static", name).read_bytes()


def _nothing_here(_desk: Desk, _call: Call) -> Answer:
    raise Stop(404, "There is no such page", "It may have moved. Your own pages begin at the link below.")


def make_portal(parts: Parts, *, show_code: ShowCode | None = None) -> Portal:
    """The pages of an open vault. With [smtp] set codes go by mail, else to `show_code`; with neither, nowhere.

    Raises InvalidInput for settings that do not fit the catalogue.
    """
    smtp = parts.settings.serving.smtp
    if smtp is not None:
        return Portal(parts, SmtpDelivery(smtp, parts.catalogue.name), mails=True)

    def show(address: str, _subject: str, text: str) -> None:
        if show_code is not None:
            show_code(address, text)

    return Portal(parts, show, mails=False)
