"""The errors of Privet: one root, a class for whose fault it is.

Each class owns its HTTP status, its exit code and a message that says what to do next.
No error carries plaintext, a key or a raw identifier: messages name fields, files, lines and codes only.
"""

import copyreg
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3


_PASSING = frozenset({"engine_error", "engine_timeout", "revision_mismatch", "batch_failed"})
"""Reasons that are of the engine, not of the catalogue, an officer or the person (docs/reasons.md)."""


class PrivetError(Exception):
    """Anything that Privet raises on purpose. `code` is stable and machine-readable, the message is for people."""

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = EXIT_UNAVAILABLE
    code: ClassVar[str] = "error"
    request_id: str | None = None
    """Of a service's call that had one, or was given one by the vault: its officers find the log's entry by it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """With all that it has, whatever its class is made of: a pool of processes hands errors on as pickles."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]  # stubs lack it


class AccessDenied(PrivetError):
    """Policy refuses the whole of a request. It was logged: quote `audit_id` when you ask about it.

    `reasons` are the distinct reason codes (docs/reasons.md), sorted; `withheld` maps each field asked for
    to a `Withheld`. The wording never tells whether the person exists to a service that may not see her.
    """

    http_status = 403
    exit_code = EXIT_REFUSED
    code = "access_denied"

    def __init__(
        self,
        message: str,
        *,
        reasons: Sequence[str] = (),
        withheld: Mapping[str, object] | None = None,
        audit_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)
        self.withheld: Mapping[str, object] = dict(withheld or {})
        self.audit_id = audit_id

    @property
    def passing(self) -> bool:
        """Whether time alone will mend it: the policy engine could not decide. The same call may soon be answered."""
        return bool(self.reasons) and _PASSING.issuperset(self.reasons)


class Unauthenticated(PrivetError):
    """Nobody known asks: no credential, or one that is wrong, expired or revoked. Which of these is not told."""

    http_status = 401
    exit_code = EXIT_REFUSED
    code = "unauthenticated"


class RateLimited(PrivetError):
    """This caller asks faster than the vault's settings let it; `retry_after` is in seconds."""

    http_status = 429
    exit_code = EXIT_UNAVAILABLE
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(PrivetError):
    """What was named does not exist (customers, officers and stewards only: a service gets AccessDenied)."""

    http_status = 404
    exit_code = EXIT_REFUSED
    code = "not_found"


class InvalidInput(PrivetError):
    """The caller's input is wrong; the message names the file, line or field. Nothing was stored."""

    http_status = 422
    exit_code = EXIT_USAGE
    code = "invalid_input"
    item: int | None = None
    """Of a list of people, whose place (from 0) it is about."""
    pointer: str | None = None
    """The place as a JSON pointer, where the input came as JSON."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class KeyReused(InvalidInput):
    """An idempotency key came again with another request. Nothing of the second was done."""

    code = "idempotency_key_reused"


class CatalogueError(InvalidInput):
    """The catalogue does not say what it must. `problems` lists every fault found, one line each."""

    code = "invalid_catalogue"

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class Conflict(PrivetError):
    """The stored state is not what the caller thought: read again, then decide."""

    http_status = 409
    exit_code = EXIT_REFUSED
    code = "conflict"


class PreconditionFailed(Conflict):
    """A field changed since the revision that the caller named (`If-Match`): fetch again, then decide."""

    http_status = 412
    code = "precondition_failed"


class IntegrityError(PrivetError):
    """Stored or received bytes are not what was sealed, signed or logged. Nothing of them was used."""

    http_status = 500
    exit_code = EXIT_REFUSED
    code = "integrity"


class KeyDestroyed(IntegrityError):
    """The key that would open this was destroyed, by erasure or by the end of its epoch. Nothing brings it back."""

    code = "key_destroyed"


class Unavailable(PrivetError):
    """The vault, its disk, its database, its policy engine or its keys cannot serve now; the message says why."""

    http_status = 503
    exit_code = EXIT_UNAVAILABLE
    code = "unavailable"


class StoreGone(Unavailable):
    """The database server cannot be reached. `undone`: surely nothing of the unit of work was stored, so it may run
    again; else nobody knows."""

    def __init__(self, message: str, *, undone: bool = True) -> None:
        super().__init__(message)
        self.undone = undone


class RestoreNeeded(Unavailable):
    """The anchors are ahead of the log: the database is older than what was witnessed. `privet restore` opens it."""

    code = "restore_needed"
