"""A request to these pages, and an answer, as plain values: handlers are functions of one to the other.

Refuses bodies that are no small form in UTF-8, and forms that do not come from the page they belong to.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from privet.crypto.kdf import mac
from privet.portal.origins import Place

MOST_FORM = 100_000
"""Bytes of the longest form."""
_MOST_PAIRS = 500
FORM = "application/x-www-form-urlencoded"
_CSRF = b"privet/portal/form/1"


class Stop(Exception):
    """Ends a call with a page that says why, and what to do next."""

    def __init__(
        self,
        status: int,
        title: str,
        text: str,
        *,
        retry_after: int | None = None,
        allow: str | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.text = text
        self.retry_after = retry_after
        self.allow = allow


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What came. Values of the form and the tokens never show in a repr."""

    post: bool
    place: Place
    peer: str
    """The client's address, as far as the server knows it."""
    now: datetime
    named: Mapping[str, str]
    """Parts of the path."""
    query: Mapping[str, str]
    form: Mapping[str, str] = field(repr=False)
    session: bytes | None = field(default=None, repr=False)
    """The token of her session, as her cookie has it: nothing is known of it yet."""
    visit: bytes | None = field(default=None, repr=False)
    """The token of a visit before she has signed in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back: a page of a template, a redirect within these pages, or bytes."""

    status: int = 200
    template: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    location: str | None = None
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    set_session: bytes | None = field(default=None, repr=False)
    set_visit: bytes | None = field(default=None, repr=False)
    drop_session: bool = False
    drop_visit: bool = False
    not_before: float = 0.0
    """Monotonic seconds before which it is not sent: so that its moment tells nothing."""


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """The form's values; of a name that comes twice the last. Raises Stop (413, 415, 400)."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise Stop(
            415, "This form was not sent as a form", "Go back, and press the button on the page again."
        )
    if len(body) > MOST_FORM:
        raise Stop(413, "That was too much at once", "Nothing was changed. Go back and send less.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PAIRS
        )
        return dict(pairs)
    except ValueError:
        raise Stop(
            400, "This form could not be read", "Nothing was changed. Go back and try again."
        ) from None


def csrf_of(token: bytes) -> str:
    """What a form must carry to be from a page of this session or visit."""
    return mac(token, _CSRF).hex()


def verify_csrf(token: bytes, form: Mapping[str, str]) -> None:
    """Raises Stop (403) unless the form carries it."""
    given = form.get("form", "")
    if not given.isascii() or not hmac.compare_digest(given, csrf_of(token)):
        raise stale()


def stale() -> Stop:
    """The page was open too long, or the form was made elsewhere."""
    return Stop(
        403,
        "This page had been open too long",
        "Nothing was changed. Open the page again and repeat what you did.",
    )
