"""One line of "who used my data" as a sentence to her: who, what, what for, and what was refused and why.

Refuses to hide an act that it does not know: it is shown by its own name.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from privet.domain.answer import Access
from privet.portal.words.labels import Labels, plain
from privet.portal.words.reasons import tell_reason
from privet.portal.words.times import Moment, tell_moment
from privet.portal.words.values import safe_text

_YOU: Mapping[str, str] = {
    "access": "You looked at your data",
    "consent": "You said yes",
    "withdraw": "You said no",
    "object": "You objected",
    "unobject": "You took your objection back",
    "correct": "You corrected your data",
    "restrict": "You told us to stop using your data",
    "unrestrict": "You let us use your data again",
    "export": "You took a copy of everything",
    "sign-in": "You signed in",
    "sign-in-code": "A sign-in code was sent to you",
}
_FAILED: Mapping[str, str] = {
    "sign-in": "A wrong sign-in code was typed, and nobody got in",
    "correct": "A code for a correction was wrong",
}
_OTHERS: Mapping[str, str] = {
    "access": "{who} looked at your data for you",
    "consent": "{who} made a note about your agreement",
    "withdraw": "{who} passed on that you said no",
    "object": "{who} recorded your objection",
    "unobject": "{who} took your objection back for you",
    "correct": "{who} corrected your data",
    "restrict": "{who} stopped the use of your data for you",
    "unrestrict": "{who} let your data be used again",
    "export": "{who} made a copy of everything for you",
    "import": "Your data was taken over from another system",
    "retention": "What had been kept long enough was deleted",
    "hold": "A legal hold was set or lifted",
    "put": "{who} stored or changed data",
    "record": "{who} added to your history",
    "read": "{who} used your data",
    "find": "{who} looked you up",
    "history": "{who} looked at your history",
    "consent-status": "{who} asked whether you had agreed",
    "consent-receipt": "{who} asked for a receipt of your agreement",
}
_REFUSED: Mapping[str, str] = {
    "put": "{who} wanted to store data, and was refused",
    "record": "{who} wanted to add to your history, and was refused",
    "consent": "{who} wanted to make a note about your agreement, and was refused",
    "consent-status": "{who} asked whether you had agreed, and was told nothing",
    "consent-receipt": "{who} asked for a receipt of your agreement, and got none",
    "find": "{who} looked you up, and was told nothing",
}
_AGREEMENTS = frozenset({"consent", "withdraw", "consent-status", "consent-receipt"})
_WRITES = frozenset({"put", "record", "import", "correct", "retention"})


class Refused(NamedTuple):
    what: tuple[str, ...]
    why: str


class Deed(NamedTuple):
    """`tone`: "used", "refused" or "own". `times`: how many looks of her own this one line stands for."""

    id: str
    title: str
    at: Moment
    tone: str
    purpose: str
    purpose_name: str
    label: str
    fields: tuple[str, ...]
    refused: tuple[Refused, ...]
    times: int = 1


def tell_deed(labels: Labels, access: Access, now: datetime) -> Deed:
    """The sentence and its parts."""
    who = _who(labels, access.service)
    own = access.service in ("customer", "") and access.act in _YOU
    turned_down = access.decision in ("refuse", "failed")
    if own:
        title = _FAILED.get(access.act, _YOU[access.act]) if turned_down else _YOU[access.act]
    elif turned_down:
        title = _REFUSED.get(access.act, "{who} asked for your data, and got nothing").format(who=who)
    else:
        title = _OTHERS.get(access.act, "{who}: " + plain(access.act[:60])).format(who=who)
    tone = "own" if own and not turned_down else "refused" if turned_down else "used"
    return Deed(
        id=access.audit_id,
        title=title,
        at=tell_moment(access.at, now),
        tone=tone,
        purpose=labels.purpose(safe_text(access.purpose[:200])) if access.purpose else "",
        purpose_name=access.purpose if access.purpose in labels.catalogue.purposes else "",
        label="What changed" if access.act in _WRITES else "What was used",
        fields=labels.join(map(safe_text, access.fields)),
        refused=_refused(labels, access),
    )


def join_looks(deeds: Iterable[Deed], most: int, read: int) -> tuple[list[Deed], bool]:
    """Her own looks in a row as one line; at most `most` lines, of at most `read` deeds. Whether there are more.

    The id of the last line is that of the oldest entry it stands for: the next page goes on from there.
    """
    joined: list[Deed] = []
    for taken, deed in enumerate(deeds):
        if taken == read:
            return joined, True
        last = joined[-1] if joined else None
        if last is not None and deed.title == last.title == _YOU["access"] and last.times < _MOST_JOINED:
            joined[-1] = last._replace(id=deed.id, times=last.times + 1)
        elif len(joined) == most:
            return joined, True
        else:
            joined.append(deed)
    return joined, False


_MOST_JOINED = 200


def _who(labels: Labels, name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "officer" and rest:
        return "A compliance officer"
    if name == "steward":
        return "The people who run this system"
    if kind == "service" and rest:
        name = rest
    return labels.service(safe_text(name)) if name else "Somebody"


def _refused(labels: Labels, access: Access) -> tuple[Refused, ...]:
    by_reason: dict[str, list[str]] = {}
    for path, code in sorted(access.withheld.items()):
        by_reason.setdefault(code, []).extend([safe_text(path)] if path else [])
    about = access.act in _AGREEMENTS
    return tuple(
        Refused(labels.join(paths), tell_reason(code, of_agreement=about))
        for code, paths in by_reason.items()
    )
