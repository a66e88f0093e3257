"""One switch a purpose: agreeing and taking it back are one press each; objections likewise. The text comes first.

Refuses a yes to another text than the one she saw, and purposes that no switch of this page is for.
"""

from typing import NamedTuple

from privet.consent.transitions import needs_explicit
from privet.domain.answer import Consent
from privet.domain.catalogue import Catalogue, LegalBasis, Purpose
from privet.errors import Conflict, IntegrityError, InvalidInput
from privet.portal.calls import Answer, Call, Stop
from privet.portal.desk import Desk, Me
from privet.portal.words.labels import basis_words
from privet.portal.words.notices import Block, parse_notice
from privet.portal.words.statuses import WORDS, is_on
from privet.portal.words.times import Moment, tell_moment
from privet.rights.restriction import may_object

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
    against: str = ""
    """A purpose above this one that she objected to: then this one is off too, and no switch of its own changes it."""
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
    known = purpose in desk.catalogue.purposes
    title = desk.labels.purpose(purpose) if known else ""
    customer = me.customer
    if not known or (wish in ("yes", "no") and not is_asked(desk.catalogue, purpose)):
        raise Stop(422, "There is no such choice", "Nothing was changed. Your choices are all on one page.")
    if wish == "yes":
        try:
            # where there is a text, the form says which one she saw: a yes to none is no yes
            has_text = desk.catalogue.purposes[purpose].notice is not None
            customer.consent(purpose, notice_version=call.form.get("notice", "") if has_text else None)
        except Conflict:
            problem = "The text has changed since you opened the page, so nothing was recorded. Please read it again"
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
        note = f"{title}: changed. You took your objection back."
    else:
        raise InvalidInput("the form names no wish that there is")
    return desk.done(me, note, "/choices")


def _page(desk: Desk, call: Call, me: Me, *, problem: str = "", at: str = "", status: int = 200) -> Answer:
    consents = {consent.purpose: consent for consent in me.customer.consents()}
    wishes = me.customer.standing()
    purposes = desk.catalogue.purposes
    # What she said of the others is kept, but nothing hangs on it; and nobody can agree to what is prohibited.
    agreed = [
        _consent(desk, call, purposes[name], consent, wishes.objected)
        for name, consent in consents.items()
        if name in purposes and is_asked(desk.catalogue, name)
    ]
    rest = [
        p
        for name, p in sorted(purposes.items())
        if name not in consents or not is_asked(desk.catalogue, name)
    ]
    objectable = [
        _plain(desk, p, on=not _objections(desk.catalogue, p.name, wishes.objected), objected=wishes.objected)
        for p in rest
        if not p.prohibited
        and (p.basis in _MAY_OBJECT or _objections(desk.catalogue, p.name, wishes.objected))
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
    """When her record does not open as it was stored, nobody can say how things stand; a no is still taken, where one
    binds: by the word that does, for the rest by the big switch."""
    purposes = [
        (_plain(desk, p, on=False), "no" if is_asked(desk.catalogue, name) else "object")
        for name, p in sorted(desk.catalogue.purposes.items())
        if not p.prohibited and (is_asked(desk.catalogue, name) or p.basis in _MAY_OBJECT)
    ]
    return desk.page("choices-damaged.html", status=500, me=me, here="choices", purposes=purposes)


def is_asked(catalogue: Catalogue, name: str) -> bool:
    """Whether her yes or no decides anything of a purpose."""
    purpose = catalogue.purposes[name]
    return not purpose.prohibited and (purpose.basis is LegalBasis.CONSENT or needs_explicit(catalogue, name))


def _objections(catalogue: Catalogue, name: str, objected: frozenset[str]) -> frozenset[str]:
    """Those of her objections that keep this purpose off: to it, or to one above it."""
    return objected & catalogue.ancestors[name] if may_object(catalogue, name) else frozenset()


def _consent(desk: Desk, call: Call, purpose: Purpose, consent: Consent, objected: frozenset[str]) -> Choice:
    notice = None if purpose.notice is None else desk.catalogue.notices[purpose.notice]
    on = is_on(consent.status)
    choice = _plain(desk, purpose, on=on, objected=objected)
    also = f", but you objected to: {choice.against}" if choice.against else ", but you also objected"
    return choice._replace(
        asked=consent.status == "requested",
        status=WORDS[consent.status]
        + (also if on and _objections(desk.catalogue, purpose.name, objected) else ""),
        at=None if consent.at is None else tell_moment(consent.at, call.now),
        until=None if consent.until is None or not on else tell_moment(consent.until, call.now),
        notice=() if notice is None else parse_notice(notice.text),
        version="" if notice is None else notice.version,
    )


def _plain(desk: Desk, purpose: Purpose, *, on: bool, objected: frozenset[str] = frozenset()) -> Choice:
    labels = desk.labels
    above = sorted(_objections(desk.catalogue, purpose.name, objected) - {purpose.name})
    return Choice(
        name=purpose.name,
        title=labels.purpose(purpose.name),
        text=labels.purpose_text(purpose.name),
        basis=basis_words(purpose),
        data=tuple(labels.data.get(purpose.name, ())),
        services=labels.services_of(purpose.name),
        on=on,
        against=labels.purpose(above[0]) if above else "",
    )
