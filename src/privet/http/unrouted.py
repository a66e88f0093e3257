"""Requests that end before any route has them: a known caller's leave the same leaf as those that a route refuses.

Refuses to let strangers write: without a credential that holds, nothing is logged, and nothing is said of it.
"""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from privet.errors import PrivetError, RateLimited
from privet.http.caller import Caller
from privet.http.callers import Authenticator
from privet.http.problems import EdgeError, Scope, request_id_of
from privet.http.refusals import Refusals

_CREDENTIAL: Final = b"authorization"


class Unrouted:
    """What the protocol, the edge and the composition tell of what they refuse. One a process."""

    routes: frozenset[str] = frozenset()
    """The addresses that stand in entries as they are (set once, by http.api); of any other nothing is told."""

    def __init__(self, authenticator: Authenticator, refusals: Refusals) -> None:
        self._authenticator = authenticator
        self._refusals = refusals

    def note(self, scope: Scope, error: EdgeError) -> Coroutine[Any, Any, None] | None:
        """What writes the leaf, to be awaited before the answer: raises Unavailable when the log cannot be written.

        None where no credential was shown, or where the fault is ours.
        """
        if error.status >= 500 or not self._shows(scope):
            return None
        return self._note(scope, error)

    async def find_caller(self, scope: Scope) -> Caller | None:
        """Whose credential the request shows, counted as a request of hers; None for a stranger, who hears no more of
        it here. Over her rate she is still herself."""
        if not self._shows(scope):
            return None
        try:
            caller = await self._authenticator.authenticate(
                *self._authenticator.shown(scope), address=self._authenticator.address(scope)
            )
        except PrivetError:
            return None
        with suppress(RateLimited):
            self._authenticator.admit(caller)
        return caller

    def _shows(self, scope: Scope) -> bool:
        if any(name == _CREDENTIAL for name, _ in scope.get("headers", ())):
            return True
        return self._authenticator.certificate(scope) is not None

    async def _note(self, scope: Scope, error: EdgeError) -> None:
        caller = await self.find_caller(scope)
        if caller is None:
            return
        path = scope.get("raw_path", b"").decode("latin-1")  # as it came: an escape makes another address
        await self._refusals.note(
            caller,
            route=path if path in self.routes else "",
            status=error.status,
            code=error.code,
            request_id=request_id_of(scope),
        )
