"""Retention in ISO 8601: whole days, rounded down so that nothing is kept longer than was said."""

import pytest

from privet.config.catalogue.durations import find_days


@pytest.mark.parametrize(
    "text, days",
    [("P3Y", 1095), ("P4Y", 1461), ("P10Y", 3652), ("P6M", 182), ("P1M", 30), ("P2W", 14), ("P30D", 30), ("P1Y6M", 547),
     ("P1Y2M3W4D", 451), ("P1D", 1), ("P200Y", 73_050)],
)  # fmt: skip
def test_a_duration_is_whole_days(text: str, days: int) -> None:
    """A year is 365.25 days and a month 30.4375."""
    assert find_days(text) == days


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "3Y",
        "P0D",
        "P-1Y",
        "P1.5Y",
        "PT5H",
        "P1YT1H",
        "p3y",
        "P3Y ",
        "P1D1Y",
        "P201Y",
        "P99999Y",
        "P٣Y",
        "P3Y\n",
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    """Hours, fractions, zero, small letters and more than 200 years."""
    assert find_days(text) is None
