"""The big switch: no service gets anything until she lifts it (GDPR Art. 18)."""

from privet.errors import InvalidInput
from privet.portal.calls import Answer, Call
from privet.portal.desk import Desk, Me


def stop(desk: Desk, call: Call, me: Me) -> Answer:
    """GET: what it means and how it stands. POST: sets or lifts it."""
    if not call.post:
        restricted = me.customer.standing().restricted
        return desk.page("stop.html", me=me, here="more", restricted=restricted)
    wish = call.form.get("wish", "")
    if wish == "stop":
        me.customer.restrict()
        return desk.done(me, "Stopped. From this moment no service gets anything about you.", "/stop")
    if wish == "go on":
        me.customer.unrestrict()
        return desk.done(me, "Your data may be used again, as your other choices say.", "/stop")
    raise InvalidInput("the form names no wish that there is")
