"""Writes that are refused whole, by every face: nothing is acknowledged that was not stored."""

import pytest

from privet.errors import AccessDenied
from tests.contract.sdk.faces import FacedWorld


@pytest.mark.parametrize(
    "values",
    [
        {"stays.room": "9"},
        {"stays.room": 9},
        {"stays.room": None},
        {"given_name": "Eve", "stays.room": "9"},
        {"given_name": "Eve", "no.such.field": 1},
    ],
)
def test_a_put_of_what_is_no_profile_field_is_refused_whole(
    shared: FacedWorld, values: dict[str, object]
) -> None:
    """A collection's field, or none at all: `unknown_field`, and nothing of the write is stored."""
    who = shared.guest(given_name="Ada")
    desk = shared.service("front-desk")
    with pytest.raises(AccessDenied) as refused:
        desk.put(who, values, purpose="stay")
    assert refused.value.reasons == ("unknown_field",)
    assert set(refused.value.withheld) == set(values) - {"given_name"}
    assert desk.fetch(who, purpose="stay", fields=["given_name"])["given_name"] == "Ada"
