"""What all these pages share: the vault's parts, her session, the templates. A handler takes a desk and a call.

Refuses to show a page of hers without a session that stands, and to take a form without its session's mark.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from privet.bootstrap.customer import Customer
from privet.bootstrap.lettering import LetterLimits
from privet.bootstrap.parts import Parts
from privet.bootstrap.sessions import Session, Sessions
from privet.bootstrap.signin import SignIns
from privet.errors import Unavailable
from privet.portal.calls import Answer, Call, Stop, csrf_of, verify_csrf
from privet.portal.letters import spaced
from privet.portal.postman import Mail, Postman
from privet.portal.words.contacts import contact_pieces
from privet.portal.words.labels import Labels

PREFIX = "/my"


class Me(NamedTuple):
    """She who has signed in: her rights, and the session by which we know her."""

    customer: Customer
    session: Session


Handler = Callable[["Desk", Call], Answer]
OwnHandler = Callable[["Desk", Call, Me], Answer]


class Desk:
    """One for all requests. Handlers run in threads."""

    def __init__(self, parts: Parts, postman: Postman, *, style: str, mails: bool) -> None:
        self.parts = parts
        self.catalogue = parts.catalogue
        self.labels = Labels(parts.catalogue)
        self.sessions = Sessions(parts)
        self.sign_ins = SignIns(parts, self.sessions)
        self.letters = LetterLimits(parts)
        self.portal = parts.settings.serving.portal
        self.mails = mails
        """False where codes are shown on the terminal instead."""
        self._postman = postman
        self._pages = Environment(
            loader=PackageLoader("privet.portal"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters["spaced"] = spaced
        self._pages.globals.update(
            prefix=PREFIX,
            style=style,
            organisation=parts.catalogue.name or "this organisation",
            contact=contact_pieces(parts.catalogue.contact, parts.catalogue.name),
            labels=self.labels,
        )

    def page(self, template: str, *, status: int = 200, me: Me | None = None, **context: Any) -> Answer:
        """A page. With `me` as one of hers: with the way around, and what her session has to tell."""
        shared: dict[str, Any] = {"signed_in": me is not None, "note": "", "form_mark": ""}
        if me is not None:
            shared |= {"note": me.session.note, "form_mark": csrf_of(me.session.token)}
            if me.session.note:
                self._leave_note(me, "")
        return Answer(status=status, template=template, context={**shared, **context})

    def render(self, template: str, context: Mapping[str, Any]) -> bytes:
        """The page's HTML."""
        return self._pages.get_template(template).render(context).encode("utf-8", "replace")

    def done(self, me: Me, note: str, path: str) -> Answer:
        """After a form of hers: back to a page, which tells what was done."""
        self._leave_note(me, note)
        return Answer(status=303, location=PREFIX + path)

    def _leave_note(self, me: Me, note: str) -> None:
        with suppress(Unavailable):  # what was done is done: no page may say that nothing was changed
            self.sessions.leave_note(me.session.token, note)

    def find_me(self, call: Call) -> Me | None:
        """Who asks, if she has signed in and is no longer than that away."""
        session = None if call.session is None else self.sessions.find(call.session)
        return None if session is None else Me(Customer.of(self.parts, session.subject), session)

    def post(self, mail: Mail) -> None:
        self._postman.post(mail)


def own(handler: OwnHandler) -> Handler:
    """A page of hers: signed in or nothing; and a form only from a page of this very session."""

    def handle(desk: Desk, call: Call) -> Answer:
        me = desk.find_me(call)
        if me is None and call.post:
            raise Stop(
                401,
                "You had been signed out",
                "That happens after a while without a click. Nothing was changed. Sign in, and try again.",
            )
        if me is None:
            ended = "" if call.session is None else "?ended=1"
            return Answer(status=303, location=f"{PREFIX}/sign-in{ended}", drop_session=bool(ended))
        if call.post:
            verify_csrf(me.session.token, call.form)
        return handler(desk, call, me)

    return handle
