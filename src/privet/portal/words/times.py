"""Moments in words, beside their exact form for machines. In UTC, and says so. Refuses naive datetimes (TypeError)."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Moment(NamedTuple):
    """`words` for people; `exact` for the datetime attribute of a <time>."""

    words: str
    exact: str


def tell_moment(at: datetime, now: datetime) -> Moment:
    """ "today at 14:05 UTC", "yesterday at …", "on Tuesday 3 May at …", with the year when it is another one."""
    if at.tzinfo is None:
        raise TypeError("naive datetime")
    with suppress(
        OverflowError
    ):  # the first hours of the year 1, the last of 9999: told as they stand, "UTC+05:00"
        at = at.astimezone(UTC)
    exact = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    clock = f"{at:%H:%M} {at.tzname()}"
    day = at.date()
    today = now.astimezone(UTC).date()
    if day == today:
        return Moment(f"today at {clock}", exact)
    if day == today - timedelta(days=1):
        return Moment(f"yesterday at {clock}", exact)
    year = "" if day.year == today.year else f" {day.year}"
    return Moment(f"on {_DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}{year} at {clock}", exact)


def tell_date(day: date) -> Moment:
    """ "3 May 2026"."""
    return Moment(f"{day.day} {MONTHS[day.month - 1]} {day.year}", day.isoformat())


def tell_stay(days: int) -> str:
    """How long a field is kept: "3 years", "18 months", "90 days"."""
    for length, one in ((365, "year"), (30, "month")):
        count, rest = divmod(days, length)
        if count and rest <= count:  # P3Y is 1095 or 1096 days
            return f"{count} {one}{'' if count == 1 else 's'}"
    return f"{days} day{'' if days == 1 else 's'}"
