"""Which status follows which, in full: every status against every wish."""

from itertools import product

import pytest

from privet.consent.transitions import Wish, get_consentable, get_known, needs_explicit, next_status, profits
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentStatus as S
from privet.errors import InvalidInput

HERS = {
    (Wish.GIVE, S.UNKNOWN): S.GIVEN,
    (Wish.GIVE, S.REQUESTED): S.GIVEN,
    (Wish.GIVE, S.GIVEN): S.RENEWED,
    (Wish.GIVE, S.RENEWED): S.RENEWED,
    (Wish.GIVE, S.EXPIRED): S.RENEWED,
    (Wish.GIVE, S.REFUSED): S.GIVEN,
    (Wish.GIVE, S.WITHDRAWN): S.GIVEN,
    (Wish.GIVE, S.INVALIDATED): S.GIVEN,
    (Wish.GIVE, S.REVOKED): S.GIVEN,
    (Wish.DECLINE, S.UNKNOWN): S.REFUSED,
    (Wish.DECLINE, S.REQUESTED): S.REFUSED,
    (Wish.DECLINE, S.GIVEN): S.WITHDRAWN,
    (Wish.DECLINE, S.RENEWED): S.WITHDRAWN,
    (Wish.DECLINE, S.EXPIRED): S.WITHDRAWN,
    (Wish.REQUEST, S.UNKNOWN): S.REQUESTED,
    (Wish.REQUEST, S.EXPIRED): S.REQUESTED,
    (Wish.REQUEST, S.REFUSED): S.REQUESTED,
    (Wish.REQUEST, S.WITHDRAWN): S.REQUESTED,
    (Wish.REQUEST, S.INVALIDATED): S.REQUESTED,
    (Wish.REQUEST, S.REVOKED): S.REQUESTED,
}


@pytest.mark.parametrize("wish, current", list(product(Wish, S)))
def test_every_transition_of_hers(wish: Wish, current: S) -> None:
    """The whole table; what is not in it changes nothing."""
    assert next_status(current, wish, by_subject=True) == HERS.get((wish, current))


@pytest.mark.parametrize("wish, current", list(product((Wish.GIVE, Wish.REQUEST), S)))
def test_no_service_turns_a_no_into_a_yes(wish: Wish, current: S) -> None:
    """From any status that is no yes and no blank, a service gets at most to requested, in any number of steps."""
    status = current
    for step in (wish, Wish.GIVE, Wish.REQUEST, Wish.GIVE):
        status = next_status(status, step, by_subject=False) or status
    if current in (S.REQUESTED, S.REFUSED, S.WITHDRAWN, S.INVALIDATED, S.REVOKED):
        assert status is S.REQUESTED


@pytest.mark.parametrize("current", list(S))
def test_after_a_no_nothing_permits(current: S) -> None:
    """Declining never leaves a status that permits."""
    status = next_status(current, Wish.DECLINE, by_subject=True) or current
    assert not status.permits


@pytest.mark.parametrize("current", [S.GIVEN, S.RENEWED])
def test_a_request_never_weakens_a_standing_consent(current: S) -> None:
    """A service that asks again does not take away what she gave."""
    assert next_status(current, Wish.REQUEST, by_subject=False) is None


def test_prohibited_and_unknown_purposes_take_no_consent(catalogue: Catalogue) -> None:
    """InvalidInput for both; a no to a prohibited one is taken."""
    for name in ("resale", "nonsense"):
        with pytest.raises(InvalidInput):
            get_consentable(catalogue, name)
    assert get_known(catalogue, "resale").prohibited
    assert get_consentable(catalogue, "marketing.email").name == "marketing.email"


def test_who_profits(catalogue: Catalogue) -> None:
    """A service that may claim the purpose does; one that only collects does not, unless the data is special."""
    services = catalogue.services
    assert profits(catalogue, services["mailer"], "marketing.email")
    assert not profits(catalogue, services["web-shop"], "marketing.email")
    assert needs_explicit(catalogue, "meals")
    assert profits(catalogue, services["web-shop"], "meals")
