"""ISO 8601 durations to whole days: a year is 365.25 days, a month 30.4375, rounded down.

Refuses times of day, zero, and more than 200 years: a retention is a promise in days.
"""

import re

_DURATION = re.compile(r"P(?=[0-9])(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?")
_MOST_DAYS = 73_050


def find_days(text: str) -> int | None:
    """Days of `P3Y`, `P6M`, `P2W`, `P30D` or a mix of them; None when it is not such a duration."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    total = (years * 365_2500 + months * 30_4375) // 10_000 + weeks * 7 + days
    return total if 0 < total <= _MOST_DAYS else None
