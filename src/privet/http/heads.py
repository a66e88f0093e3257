"""HEAD wherever there is GET (RFC 9110, 9.3.2): the same work, the same entry in the log, the same headers, no body.

Refuses nothing: where there is no GET, the route's own refusal is told, without its body.
"""

from privet.http.edge import App, Message, Receive, Send
from privet.http.problems import Scope


class Heads:
    """ASGI around ASGI."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, bare)
