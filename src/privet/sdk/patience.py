"""How long a call may take, and when it is worth asking again: full jitter, Retry-After, one deadline over all.

Refuses to ask again what the vault has answered: only no answer, 429, and 502 to 504 are tried again. That is safe,
for reads change nothing and every write carries an idempotency key.
"""

import random
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from privet.errors import InvalidInput, PrivetError, Unavailable

LONGEST: Final = 86_400.0
MOST_RETRIES: Final = 100
AGAIN: Final = frozenset({429, 502, 503, 504})
_FIRST_S, _LONGEST_PAUSE_S = 0.1, 5.0
_RETRY_AFTER = re.compile(r"[0-9]{1,6}")
_MAYBE_DONE: Final = "The write may have been done: repeat it with the same idempotency_key"
_NOTHING_RELEASED: Final = "Nothing was released to you; the question may stand in the log"
_chance = random.SystemRandom().random


class NoAnswer(Exception):
    """The vault did not answer. `again`: worth another try; `at_once`: without a pause, the connection was stale.

    It never leaves the sdk: callers get `error`.
    """

    def __init__(self, message: str, *, again: bool = True, at_once: bool = False) -> None:
        super().__init__(message)
        self.again = again
        self.at_once = at_once

    @property
    def error(self) -> Unavailable:
        return Unavailable(str(self))


class Deadline(NamedTuple):
    """The end of a call, of the monotonic clock, and the seconds that its caller gave it."""

    until: float
    seconds: float


class Patience(NamedTuple):
    """Seconds for one request with its retries, and how many of these."""

    timeout: float
    retries: int


def check_patience(timeout: object, retries: object) -> Patience:
    """Raises InvalidInput."""
    if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= MOST_RETRIES:
        raise InvalidInput(f"retries must be a whole number from 0 to {MOST_RETRIES}", field="retries")
    return Patience(check_seconds("timeout", timeout), retries)


def check_seconds(name: str, seconds: object) -> float:
    """Raises InvalidInput for anything but a number of seconds above 0."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST:
        raise InvalidInput(f"{name} must be a number of seconds above 0, at most {LONGEST:.0f}", field=name)
    return float(seconds)


class Effort:
    """One request and its retries, until `until` (of the monotonic clock). `writes`: it is to change something."""

    __slots__ = ("_chance", "_clock", "_forgiven", "_retries", "_tried", "_writes", "seconds", "until")

    def __init__(
        self,
        patience: Patience,
        end: Deadline | None = None,
        *,
        writes: bool = False,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _chance,
    ) -> None:
        self._clock, self._chance = clock, chance
        self._retries, self._tried, self._forgiven = patience.retries, 0, False
        self._writes = writes
        self.until, self.seconds = end or Deadline(clock() + patience.timeout, patience.timeout)

    def remaining(self) -> float:
        """Seconds left. Raises Unavailable when there are none."""
        left = self.until - self._clock()
        if left <= 0:
            raise self.spent()
        return left

    def spent(self) -> Unavailable:
        told = f"the vault did not answer within {self.seconds:g} s; timeout= and deadline= allow more. "
        return Unavailable(told + (_MAYBE_DONE if self._writes else _NOTHING_RELEASED))

    def no_token(self) -> Unavailable:
        told = f"token= gave no token within {self.seconds:g} s; timeout= and deadline= allow more. "
        if not self._tried and not self._forgiven:
            return Unavailable(told + "Nothing was asked of the vault")
        return Unavailable(told + (_MAYBE_DONE if self._writes else _NOTHING_RELEASED))

    def pause(self, error: PrivetError, *, wait: float = 0.0, at_once: bool = False) -> float:
        """Seconds to wait before asking again. Raises `error` when it is not worth it any more.

        A stale connection (`at_once`) is forgiven once: it says nothing about the vault.
        """
        if at_once and not self._forgiven:
            self._forgiven = True
            return 0.0
        if self._tried >= self._retries:
            raise error
        pause = max(wait, self._chance() * min(_LONGEST_PAUSE_S, _FIRST_S * 2.0**self._tried))
        self._tried += 1
        if self._clock() + pause >= self.until:
            raise error
        return pause


def parse_retry_after(header: str | None) -> float:
    """Seconds; 0 for none and for a date, which the vault does not send."""
    return float(header) if header is not None and _RETRY_AFTER.fullmatch(header.strip()) else 0.0
