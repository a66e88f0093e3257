"""The token a client shows: given, from a file, from the environment, or from a callable that fetches one.

A callable's or file's token is kept until the vault refuses it, or, if it is a JWT, until shortly before it expires.
Refuses to show a token: not in a repr, an error or a pickle. Refuses one that would not stand in a header.
"""

import os
import re
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson

from privet.errors import InvalidInput, Unavailable
from privet.sdk.patience import Effort

TOKEN: Final = "PRIVET_TOKEN"  # noqa: S105  the name of a variable
TOKEN_FILE: Final = "PRIVET_TOKEN_FILE"  # noqa: S105  the name of a variable
Token = str | Callable[[], str | Awaitable[str]]
"""A token, or what fetches one; for AsyncClient it may be awaitable."""

_EARLY_S = 30.0
_FORM = re.compile(r"[!-~]{1,16384}")
_NONE_GIVEN = (
    f"name a credential: token=, token_file=, certificate=, or {TOKEN} or {TOKEN_FILE} in the environment"
)


class Bearer(str):
    """An Authorization header that no repr shows: error reporters print the locals of every frame."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Bearer(hidden)"


class Credentials:
    """Whose client this is. Threads may share it."""

    def __init__(
        self,
        token: Token | None,
        token_file: str | os.PathLike[str] | None,
        *,
        certified: bool,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if token is not None and token_file is not None:
            raise InvalidInput("pass token= or token_file=, not both", field="token")
        known = os.environ if environ is None else environ
        if token is None and token_file is None and not certified:
            token, token_file = known.get(TOKEN), known.get(TOKEN_FILE)
            if token is not None:
                token_file = None
            elif token_file is None:
                raise InvalidInput(_NONE_GIVEN, field="token")
        self._clock = clock
        self._lock, self._process = threading.Lock(), os.getpid()
        self._bearer: Bearer | None = None
        self._until = float("inf")
        self._source: Callable[[], str | Awaitable[str]] | None = None
        if isinstance(token, str):
            self._bearer = _bearer(token)
        elif callable(token):
            self._source = token
        elif token is not None:
            raise InvalidInput("a token is text, or a callable that returns text", field="token")
        elif token_file is not None:
            path = Path(token_file)
            self._source = lambda: _read(path)
            self.keep(_read(path))  # a file that is not there is said at once

    def find_bearer(self) -> Bearer | None:
        """The Authorization header as it stands; None when there is none, or it must be fetched first."""
        return self._bearer if self._until == float("inf") or self._clock() < self._until else None

    @property
    def source(self) -> Callable[[], str | Awaitable[str]] | None:
        """What fetches a token. Whatever it raises is the caller's own."""
        return self._source

    def keep(self, token: object) -> Bearer:
        """Takes what the source gave. Raises InvalidInput for what is no token."""
        try:
            bearer = _bearer(token)
        finally:
            del token  # error reporters print the locals of every frame
        self._until = _expiry(bearer) - _EARLY_S
        self._bearer = bearer
        return bearer

    def forget(self, refused: str | None) -> bool:
        """The vault refused this header. True when another can be had: fetch it and ask once more."""
        if self._source is None:
            return False
        if self._bearer == refused:
            self._bearer, self._until = None, 0.0
        return True

    def bearer(self, effort: Effort) -> Bearer | None:
        """The header, fetched if it must be. One thread fetches, the others wait for it, no longer than they may."""
        known = self.find_bearer()
        if known is not None or self._source is None:
            return known
        if self._process != os.getpid():
            # After a fork nobody here would ever let go of the parent's.
            self._lock, self._process = threading.Lock(), os.getpid()
        lock = self._lock
        if not lock.acquire(timeout=effort.remaining()):
            raise effort.no_token()
        try:
            known = self.find_bearer()
            return self.keep(self._source()) if known is None else known
        finally:
            lock.release()

    def __repr__(self) -> str:
        return "Credentials(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials cannot be pickled: make a client where it is needed")


def _bearer(token: object) -> Bearer:
    if not isinstance(token, str):
        raise InvalidInput("the callable of token= must return text", field="token")
    text = token.strip()
    if _FORM.fullmatch(text):
        return Bearer(f"Bearer {text}")
    why = "is not one line of ASCII without spaces" if text else "is empty"
    del token, text
    raise InvalidInput(f"the token {why}", field="token")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except UnicodeError:
        pass  # which has what it read
    except OSError as error:
        raise Unavailable(f"token_file cannot be read ({error.strerror})") from None
    raise InvalidInput("token_file does not hold a token", field="token_file")


def _expiry(bearer: str) -> float:
    """When a JWT says that it ends; never, for what is none. It is the vault that verifies it."""
    parts = bearer.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return float("inf")
    try:
        claims: Any = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        expiry = claims["exp"]
    except (ValueError, KeyError, TypeError, IndexError):
        return float("inf")
    return float(expiry) if isinstance(expiry, int | float) and not isinstance(expiry, bool) else float("inf")
