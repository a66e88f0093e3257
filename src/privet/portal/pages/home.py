"""The first page: what needs an answer, and where everything is. Opens none of her data."""

from privet.portal.calls import Answer, Call
from privet.portal.desk import Desk, Me


def home(desk: Desk, _call: Call, me: Me) -> Answer:
    """Consents that wait for her, whether she has stopped everything, and the ways on."""
    asked = [consent for consent in me.customer.consents() if consent.status == "requested"]
    return desk.page(
        "home.html", me=me, here="home", asked=len(asked), restricted=me.customer.standing().restricted
    )
