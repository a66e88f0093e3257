"""Erasure: for good, at once, after one word typed by hand. Under a legal hold it says why not, and until when."""

from contextlib import suppress

from privet.errors import Conflict, Unavailable
from privet.portal.calls import Answer, Call
from privet.portal.desk import Desk, Me

WORD = "ERASE"


def erase(desk: Desk, call: Call, me: Me) -> Answer:
    """GET: what it means. POST with the word: she is no longer here, and signed out."""
    if not call.post:
        return desk.page("erase.html", me=me, here="more", word=WORD, problem="")
    if call.form.get("word", "").strip().upper() != WORD:
        problem = f"Type the word {WORD} to confirm. Nothing was erased"
        return desk.page("erase.html", me=me, here="more", word=WORD, problem=problem, status=422)
    try:
        me.customer.erase()
    except Conflict as hold:
        problem = f"Nothing was erased: {hold.message}"
        return desk.page("erase.html", me=me, here="more", word=WORD, problem=problem, status=409)
    with suppress(Unavailable):  # she is erased all the same, and no session leads to her any more
        desk.sessions.end(me.session.token)
    page = desk.page("erased.html")
    return Answer(
        template=page.template,
        context=page.context,
        drop_session=True,
        headers={"clear-site-data": '"cache"'},
    )
