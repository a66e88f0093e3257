"""Pages over a model of a history: whatever the times, the ties, the page and what is told of the times."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privet.domain.answer import History, Record, Withheld
from privet.domain.coarse import instant, last_instant
from privet.domain.paging import Pages
from privet.errors import InvalidInput

START = datetime(2024, 1, 1, tzinfo=UTC)
NONE: Mapping[str, Withheld] = {}
Told = Literal["clear", "year", "none"]
Moments = list[date | datetime]


def ask(moments: Moments, told: Told, until: date | datetime | None, limit: int) -> History:
    """As a vault answers: newest first, ties in an order of its own, `until` inclusive by true time."""
    found = [
        (instant(moment), at)
        for at, moment in enumerate(moments)
        if until is None or instant(moment) <= last_instant(until)
    ]
    found.sort(key=lambda pair: (pair[0], pair[1] * 7919 % 101), reverse=True)
    return History(
        records=tuple(
            Record(id=f"r{at}", time=tell(moments[at], told), values={}) for _, at in found[:limit]
        ),
        withheld=NONE,
        audit_id="0" * 32,
    )


def tell(moment: date | datetime, told: Told) -> date | datetime | None:
    if told == "none":
        return None
    if told == "clear":
        return moment
    if isinstance(moment, datetime):
        return moment.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return moment.replace(month=1, day=1)


moments = st.lists(
    st.one_of(
        st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours * 5, microseconds=hours)),
        st.integers(-400, 400).map(lambda days: START + timedelta(days=days)),
        st.integers(-40, 4).map(lambda days: START.date() + timedelta(days=days * 10)),
    ),
    max_size=30,
)


@given(moments, st.integers(1, 12), st.sampled_from(["clear", "year", "none"]), st.none() | st.just(START))
@example(
    [START + timedelta(hours=5), START.date()], 1, "clear", START
)  # the day of the last is more than was asked
def test_all_of_them_once_in_order(held: Moments, page: int, told: Told, until: datetime | None) -> None:
    """As in one history of no limit, ties apart; and never more pages than records, and a few."""
    asked = 0

    def vault(to: date | datetime | None, limit: int) -> History:
        nonlocal asked
        asked += 1
        assert asked <= len(held) + 4
        return ask(held, told, to, limit)

    walked = list(Pages(until, page).walk(vault))
    whole = ask(held, told, until, 10_000)
    assert sorted(record.id for record in walked) == sorted(record.id for record in whole)
    order = [instant(held[int(record.id[1:])]) for record in walked]
    assert order == sorted(order, reverse=True)


@given(moments, st.integers(1, 5))
def test_records_that_come_meanwhile_disturb_nothing(held: Moments, page: int) -> None:
    """New ones at the top: those that were there are all had, once."""
    now = list(held)

    def vault(to: date | datetime | None, limit: int) -> History:
        answer = ask(now, "clear", to, limit)
        now.append(START + timedelta(days=1000 + len(now)))
        return answer

    walked = [record.id for record in Pages(None, page).walk(vault)]
    assert len(walked) == len(set(walked))
    assert {f"r{at}" for at in range(len(held))} <= set(walked)


def test_one_page_is_asked_for_once() -> None:
    """A page that is not full is the last."""
    asked = []

    def vault(to: date | datetime | None, limit: int) -> History:
        asked.append((to, limit))
        return ask([START, START], "clear", to, limit)

    assert len(list(Pages(None, 3).walk(vault))) == 2
    assert asked == [(None, 3)]


@pytest.mark.parametrize("page", [0, -1, 10_001, True, 1.5, None])
def test_a_page_is_some_records(page: int) -> None:
    """Anything else is InvalidInput."""
    with pytest.raises(InvalidInput):
        Pages(None, page)
