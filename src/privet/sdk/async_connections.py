"""Connections of an AsyncClient: aiohttp's, used again only where no answer to an earlier question can come of it.

Refuses a kept connection on which something came after the answer that it served: that is nobody's, and closed.
"""

import ssl
from weakref import WeakSet

import aiohttp

from privet.sdk.connections import may_be_followed

_KEEP_S = 45.0
_served: WeakSet[object] = WeakSet()
"""Connections that have served already, of whichever client."""


def open_session(context: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """In the running loop; no cookies, no proxies, no decompression."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=True if context is None else context, keepalive_timeout=_KEEP_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        request_class=_Request,
        response_class=_Response,
    )


class Stale(aiohttp.ServerDisconnectedError):
    """A connection that has served before served no more: that says nothing of the vault."""


class _Request(aiohttp.ClientRequest):
    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Nothing is sent where something was heard before it was asked."""
        if conn.protocol in _served and conn.protocol is not None and conn.protocol.should_close:
            raise Stale
        return await super().send(conn)


class _Response(aiohttp.ClientResponse):
    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """An answer without a body is over, and its connection given back, before its status is known here."""
        protocol = connection.protocol
        try:
            started = await super().start(connection)
        except (aiohttp.ServerDisconnectedError, ConnectionError):
            if protocol in _served:
                raise Stale from None
            raise
        if protocol is not None:
            _served.add(protocol)
            if not may_be_followed(self.status):
                protocol.force_close()
                if self.closed:
                    protocol.close()
        return started
