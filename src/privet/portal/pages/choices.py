"""One switch a purpose: agreeing and taking it back are one press each; objections likewise. The text comes first.

Refuses a yes to another text than the one she saw, and purposes that no switch of this page is for.
"""

from typing import NamedTuple

from privet.domain.answer import Consent
from privet.domain.catalogue import LegalBasis, Purpose
from privet.errors import Conflict, IntegrityError, InvalidInput
from privet.portal.calls import Answer, Call, Stop
from privet.portal.desk import Desk, Me
from privet.portal.words.labels import basis_words
from privet.portal.words.notices import Block, parse_notice
from privet.portal.words.statuses import WORDS, is_on
from privet.portal.words.times import Moment, tell_moment

_MAY_OBJECT = (LegalBasis.LEGITIMATE_INTEREST, LegalBasis.PUBLIC_TASK)


class Choice(NamedTuple):
    """One purpose with where it stands."""

    name: str
    title: str
    text: str
    basis: str
    data: tuple[str, ...]
    services: tuple[str, ...]
    on: bool
    asked: bool = False
    status: str = ""
    at: Moment | None = None
    until: Moment | None = None
    notice: tuple[Block, ...] = ()
    version: str = ""


def choices(desk: Desk, call: Call, me: Me) -> Answer:
    """GET: all of them. POST: one press."""
    if call.post:
        return _press(desk, call, me)
    try:
        return _page(desk, call, me)
    except IntegrityError:
        return _only_no(desk, me)


def _press(desk: Desk, call: Call, me: Me) -> Answer:
    purpose, wish = call.form.get("purpose", ""), call.form.get("wish", "")
    title = desk.labels.purpose(purpose) if purpose in desk.catalogue.purposes else ""
    customer = me.customer
    if not title:
        raise Stop(422, "There is no such choice", "Nothing was changed. Your choices are all on one page.")
    if wish == "yes":
        try:
            # where there is a text, the form says which one she saw: a yes to none is no yes
            has_text = desk.catalogue.purposes[purpose].notice is not None
            customer.consent(purpose, notice_version=call.form.get("notice", "") if has_text else None)
        except Conflict:
            problem = "The text has changed since you opened the page, so nothing was recorded. Please read it again."
            return _page(desk, call, me, problem=problem, at=purpose, status=409)
        note = f"On: {title}. You can take it back at any time, with the same switch."
    elif wish == "no":
        customer.withdraw(purpose)
        note = f"Off: {title}. It counts from this moment."
    elif wish == "object":
        customer.object(purpose)
        note = f"Off: {title}. Your objection counts from this moment."
    elif wish == "unobject":
        customer.unobject(purpose)
        note = f"On: {title}. You took your objection back."
    else:
        raise InvalidInput("the form names no wish that there is")
    return desk.done(me, note, "/choices")


def _page(desk: Desk, call: Call, me: Me, *, problem: str = "", at: str = "", status: int = 200) -> Answer:
    consents = {consent.purpose: consent for consent in me.customer.consents()}
    wishes = me.customer.standing()
    purposes = desk.catalogue.purposes
    # A purpose on which she may be asked, or has spoken; but nobody can agree to what is prohibited.
    agreed = [
        _consent(desk, call, purposes[name], consent, wishes.objected)
        for name, consent in consents.items()
        if name in purposes and not purposes[name].prohibited
    ]
    rest = [p for name, p in sorted(purposes.items()) if name not in consents or p.prohibited]
    objectable = [
        _plain(desk, p, on=p.name not in wishes.objected)
        for p in rest
        if not p.prohibited and (p.basis in _MAY_OBJECT or p.name in wishes.objected)
    ]
    names = {choice.name for choice in objectable}
    return desk.page(
        "choices.html",
        me=me,
        here="choices",
        status=status,
        problem=problem,
        problem_at=at,
        asked=[choice for choice in agreed if choice.asked],
        agreed=[choice for choice in agreed if not choice.asked],
        objectable=objectable,
        needed=[_plain(desk, p, on=True) for p in rest if not p.prohibited and p.name not in names],
        never=[_plain(desk, p, on=False) for p in rest if p.prohibited],
        restricted=wishes.restricted,
    )


def _only_no(desk: Desk, me: Me) -> Answer:
    """When her record does not open as it was stored, nobody can say how things stand; a no is still taken."""
    purposes = [
        _plain(desk, p, on=False) for _, p in sorted(desk.catalogue.purposes.items()) if not p.prohibited
    ]
    return desk.page("choices-damaged.html", status=500, me=me, here="choices", purposes=purposes)


def _consent(desk: Desk, call: Call, purpose: Purpose, consent: Consent, objected: frozenset[str]) -> Choice:
    notice = None if purpose.notice is None else desk.catalogue.notices[purpose.notice]
    on = is_on(consent.status)
    return _plain(desk, purpose, on=on)._replace(
        asked=consent.status == "requested",
        status=WORDS[consent.status] + (", but you also objected" if on and purpose.name in objected else ""),
        at=None if consent.at is None else tell_moment(consent.at, call.now),
        until=None if consent.until is None or not on else tell_moment(consent.until, call.now),
        notice=() if notice is None else parse_notice(notice.text),
        version="" if notice is None else notice.version,
    )


def _plain(desk: Desk, purpose: Purpose, *, on: bool) -> Choice:
    labels = desk.labels
    return Choice(
        name=purpose.name,
        title=labels.purpose(purpose.name),
        text=labels.purpose_text(purpose.name),
        basis=basis_words(purpose),
        data=tuple(labels.data.get(purpose.name, ())),
        services=labels.services_of(purpose.name),
        on=on,
    )
