"""Whether this process can serve now, looked at in a thread once a second, so that asking costs nothing.

Refuses to call ready what has not been looked at for a while: a store that hangs is no store.
"""

import time
from typing import Final

from privet.bootstrap.parts import Parts
from privet.errors import PrivetError
from privet.serving.limits import Gate

EVERY_S: Final = 1.0
_STALE_S: Final = 8.0


class Health:
    """The last look at the store, the control journal and the policy engine."""

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts = parts
        self._gate = gate
        self._fault: str | None = "the service is starting"
        self._at = time.monotonic()

    def look(self) -> None:
        """In a thread of its own. Raises nothing that Privet names."""
        try:
            with self._parts.store.read() as unit:
                unit.state()
            self._parts.standing.refresh()  # without the control journal nothing is released
            reason = self._parts.engine.assure()
        except PrivetError as error:
            self._fault = error.message
        else:
            self._fault = None if reason is None else f"the policy engine cannot decide ({reason.value})"
        self._at = time.monotonic()

    def find_fault(self) -> str | None:
        """Why it is not ready; None when it is."""
        if self._gate.draining:
            return "the service is stopping"
        if time.monotonic() - self._at > _STALE_S:
            return "the database has not answered for a while"
        return self._fault
