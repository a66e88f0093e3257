"""What went wrong, as a page: what it means, that nothing was lost, and what to do next. Refuses to show a detail."""

from collections.abc import Sequence

from privet.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
)
from privet.portal.calls import Answer, Stop
from privet.portal.desk import Desk


def misplaced() -> Stop:
    """Asked for under a name, or over a line, that these pages are not served on."""
    return Stop(
        421,
        "This is not the address of these pages",
        "They are shown only at their own address, and over a secure connection. Open them from the"
        " organisation’s own site.",
    )


def not_so(methods: Sequence[str]) -> Stop:
    """Asked for in a way that the page does not take."""
    allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
    return Stop(405, "This page cannot be used like that", "Go back, and use its buttons.", allow=allowed)


def explain(desk: Desk, error: Exception, *, drop_session: bool = False) -> Answer:
    """The page for an error. Only Stop and InvalidInput speak for themselves; their words hold no value."""
    stop = error if isinstance(error, Stop) else _stop(error)
    answer = desk.page("trouble.html", status=stop.status, heading=stop.title, text=stop.text)
    headers = {} if stop.retry_after is None else {"retry-after": str(stop.retry_after)}
    if stop.allow is not None:
        headers["allow"] = stop.allow
    return Answer(
        status=answer.status,
        template=answer.template,
        context=answer.context,
        headers=headers,
        drop_session=drop_session,
    )


def _stop(error: Exception) -> Stop:
    if isinstance(error, RateLimited):
        wait = max(1, round(error.retry_after / 60))
        return Stop(
            429,
            "That was often, in a short time",
            f"To keep others from guessing, there is a pause now. Please try again in {wait}"
            f" minute{'' if wait == 1 else 's'}.",
            retry_after=int(error.retry_after),
        )
    if isinstance(error, NotFound):
        return Stop(
            404,
            "There is nothing about you here any more",
            "Your data was erased, and you were signed out. Nothing more is left to see or to do.",
        )
    if isinstance(error, InvalidInput):
        return Stop(422, "That could not be done", f"Nothing was changed: {error.message}.")
    if isinstance(error, Conflict):
        return Stop(409, "That cannot be done now", f"Nothing was changed: {error.message}.")
    if isinstance(error, IntegrityError):
        return Stop(
            500,
            "Your record needs a person to look at it",
            "Something in it is not as it was stored, so this cannot be shown or done. Please tell us.",
        )
    if isinstance(error, Unavailable):
        return Stop(
            503,
            "This is not available right now",
            "Nothing was lost. If you were changing something, it may not have been done: please look, and try again"
            " in a minute.",
            retry_after=60,
        )
    what = "Nothing was lost. Please try again in a minute, and tell us if it happens again."
    return Stop(500, "Something went wrong on our side", what)
