"""Signing in and out. The answer to an address is the same page, after the same time, whoever it belongs to.

Refuses to say whether an address is known, and to sign in a browser that did not ask for the code.
"""

import secrets
import time
from collections.abc import Callable

from privet.errors import InvalidInput, RateLimited, Unauthenticated
from privet.portal.calls import Answer, Call, csrf_of, stale, verify_csrf
from privet.portal.desk import PREFIX, Desk, Me
from privet.portal.letters import sign_in_letter
from privet.portal.postman import Mail
from privet.transform.mask import mask

FLOOR_S = 0.4
"""No answer to an address or a code comes sooner than this."""
_LONGEST = 320


def sign_in(desk: Desk, call: Call) -> Answer:
    """GET: the form. POST: sends a code, if we know the address, and goes on to the next page in either case."""
    if not call.post:
        if desk.find_me(call) is not None:
            return Answer(status=303, location=PREFIX)
        return _form(desk, call)
    until = time.monotonic() + FLOOR_S
    _verify(call)
    typed = call.form.get("address", "").strip()
    visit = secrets.token_bytes(32)  # a new one: what asks and what enters are one browser
    try:
        letter = desk.sign_ins.ask(visit, typed[: _LONGEST + 1], call.peer)
    except RateLimited as error:
        minutes = max(1, round(error.retry_after / 60))
        wait = f"{minutes} minute{'' if minutes == 1 else 's'}"
        problem = f"Many codes were asked for in a short time. Please wait {wait}, then try again."
        return _form(desk, call, problem=problem, typed=typed, status=429, not_before=until)
    except InvalidInput:
        problem = "Enter an e-mail address in the right form, like name@example.org"
        return _form(desk, call, problem=problem, typed=typed, status=422, not_before=until)
    desk.post(_mail(desk, letter.code, letter.open_address))
    return Answer(status=303, location=f"{PREFIX}/code", set_visit=visit, not_before=until)


def _mail(desk: Desk, code: str, open_address: Callable[[], str | None]) -> Mail:
    if desk.mails:
        minutes, contact = desk.portal.code_minutes, desk.catalogue.contact
        return Mail(open_address, *sign_in_letter(desk.catalogue.name, code, minutes, contact))
    field = desk.sign_ins.field

    def masked() -> str | None:
        address = open_address()
        return None if address is None or field is None else str(mask(field.type, address))

    return Mail(masked, "", code)


def _form(
    desk: Desk,
    call: Call,
    *,
    problem: str = "",
    typed: str = "",
    status: int = 200,
    not_before: float = 0.0,
) -> Answer:
    visit = call.visit or secrets.token_bytes(32)
    page = desk.page(
        "sign-in.html",
        status=status,
        form_mark=csrf_of(visit),
        problem=problem,
        typed=typed[:_LONGEST],
        possible=desk.sign_ins.field is not None,
        ended=desk.portal.idle_minutes if call.query.get("ended") == "1" and not problem else 0,
    )
    return Answer(
        status=page.status,
        template=page.template,
        context=page.context,
        set_visit=visit if call.visit is None else None,
        not_before=not_before,
    )


def code(desk: Desk, call: Call) -> Answer:
    """GET: where the code is typed. POST: signs her in, with a session that no browser had before."""
    if call.visit is None:
        return Answer(status=303, location=f"{PREFIX}/sign-in")
    if not call.post:
        return _code_form(desk, call)
    until = time.monotonic() + FLOOR_S
    _verify(call)
    typed = call.form.get("code", "").strip()
    if not typed or len(typed) > 40:
        problem = "Enter the eight digits of the code"
        return _code_form(desk, call, problem=problem, status=422, not_before=until)
    try:
        token = desk.sign_ins.enter(call.visit, typed)
    except InvalidInput:
        problem = "This is not the code we sent. Check its digits and try again"
        return _code_form(desk, call, problem=problem, status=422, not_before=until)
    except Unauthenticated:
        problem = "This code has run out, or too many wrong ones were tried. Ask for a new one"
        return _form(desk, call, problem=problem, status=422, not_before=until)
    if call.session is not None:
        desk.sessions.end(call.session)
    return Answer(status=303, location=PREFIX, set_session=token, drop_visit=True, not_before=until)


def _code_form(
    desk: Desk, call: Call, *, problem: str = "", status: int = 200, not_before: float = 0.0
) -> Answer:
    mark = "" if call.visit is None else csrf_of(call.visit)
    page = desk.page(
        "code.html", status=status, form_mark=mark, problem=problem, minutes=desk.portal.code_minutes
    )
    return Answer(status=page.status, template=page.template, context=page.context, not_before=not_before)


def sign_out(desk: Desk, _call: Call, me: Me) -> Answer:
    """Ends the session, here and on the server."""
    desk.sessions.end(me.session.token)
    return Answer(
        status=303,
        location=f"{PREFIX}/signed-out",
        drop_session=True,
        headers={"clear-site-data": '"cache"'},
    )


def signed_out(desk: Desk, _call: Call) -> Answer:
    """Says so."""
    return desk.page("signed-out.html")


def _verify(call: Call) -> None:
    if call.visit is None:
        raise stale()
    verify_csrf(call.visit, call.form)
