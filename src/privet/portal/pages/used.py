"""Who used her data and why: every entry about her, newest first, with what was refused and the true reason."""

from privet.portal.calls import Answer, Call
from privet.portal.desk import Desk, Me
from privet.portal.words.deeds import join_looks, tell_deed

_PAGE = 20
_MOST_READ = 600
"""Entries that one page opens at most: her own looks, joined into one line, may be many."""


def used(desk: Desk, call: Call, me: Me) -> Answer:
    """One page of it. `?after=` is the id of the last entry of the page before: an audit id, and nothing about her."""
    after = call.query.get("after", "")[:32]
    found = me.customer.accesses_after(after or None)
    lines, more = join_looks(
        (tell_deed(desk.labels, access, call.now) for access in found), _PAGE, _MOST_READ
    )
    return desk.page(
        "used.html",
        me=me,
        here="used",
        lines=lines,
        after=lines[-1].id if lines and more else "",
        first=not after,
    )
