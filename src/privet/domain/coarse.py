"""Coarse times: the day, month or year of a record, which is all the database sees of when it was."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from privet.domain.ids import Millis, from_millis

_EPOCH = date(1970, 1, 1)


def coarse_day(coarse: Literal["day", "month", "year"], moment: int) -> int:
    """Days from 1970-01-01 to the start of the day, month or year that holds `moment` (milliseconds UTC)."""
    day = from_millis(moment).date()
    if coarse == "month":
        day = day.replace(day=1)
    elif coarse == "year":
        day = day.replace(month=1, day=1)
    return (day - _EPOCH).days


def instant(value: date | datetime) -> Millis:
    """Milliseconds UTC of a record's time; a date counts as its midnight UTC."""
    if isinstance(value, datetime):
        return Millis(int(value.timestamp() * 1000))
    return Millis((value - _EPOCH).days * 86_400_000)


def last_instant(value: date | datetime) -> Millis:
    """The last millisecond that `until` covers: of a date, its whole day."""
    if isinstance(value, datetime):
        return instant(value)
    return Millis(int((datetime.combine(value, time(), UTC) + timedelta(days=1)).timestamp() * 1000) - 1)
