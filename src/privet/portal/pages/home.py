"""The first page: what needs an answer, and where everything is. Opens none of her data."""

from privet.errors import IntegrityError
from privet.portal.calls import Answer, Call
from privet.portal.desk import Desk, Me
from privet.portal.pages.choices import is_asked


def home(desk: Desk, _call: Call, me: Me) -> Answer:
    """Consents that wait for her, whether she has stopped everything, and the ways on; with a damaged record too."""
    asked, restricted, damaged = 0, False, False
    try:
        restricted = me.customer.standing().restricted
        asked = sum(
            consent.status == "requested" and is_asked(desk.catalogue, consent.purpose)
            for consent in me.customer.consents()
        )
    except IntegrityError:
        damaged = True
    return desk.page(
        "home.html",
        status=500 if damaged else 200,
        me=me,
        here="home",
        asked=asked,
        restricted=restricted,
        damaged=damaged,
    )
