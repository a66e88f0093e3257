"""Client certificates that TLS itself refused: each is counted, and one line a minute says why.

They end before there is a request, so nothing else tells an operator why a service cannot come in. Refuses to log what
a stranger chose: the reason is OpenSSL's own word for it.
"""

import ssl
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final

from privet.serving.logs import get_log

EVERY_S: Final = 60.0


class BadCertificates:
    """One a process."""

    def __init__(
        self, count: Callable[[], None], *, every_s: float = EVERY_S, clock: Callable[[], float] = monotonic
    ) -> None:
        """`count` hears of each."""
        self._count = count
        self._every_s = every_s
        self._clock = clock
        self._said = -inf
        self._more = 0

    def note(self, error: ssl.SSLCertVerificationError) -> None:
        """One handshake that ended so."""
        self._count()
        now = self._clock()
        if now - self._said < self._every_s:
            self._more += 1
            return
        get_log().warning(
            "a client certificate was refused in the TLS handshake",
            reason=error.verify_message,
            more=self._more,
        )
        self._said, self._more = now, 0
