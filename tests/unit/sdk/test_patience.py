"""Pauses and deadlines by a clock that a test moves: full jitter, bounds, Retry-After, the forgiven connection."""

import pytest

from privet.errors import Unavailable
from privet.sdk.patience import Deadline, Effort, Patience, parse_retry_after

GONE = Unavailable("gone")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pauses(chance: float, retries: int) -> list[float]:
    effort = Effort(Patience(1000.0, retries), clock=Clock(), chance=lambda: chance)
    return [effort.pause(GONE) for _ in range(retries)]


def test_pauses_double_up_to_a_bound_and_are_random_from_nothing() -> None:
    """Full jitter: anything between none and the bound."""
    assert pauses(1.0, 8) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert pauses(0.0, 3) == [0.0, 0.0, 0.0]
    assert pauses(0.5, 2) == [0.05, 0.1]


def test_retry_after_is_the_least() -> None:
    """And the jitter may be longer."""
    effort = Effort(Patience(1000.0, 5), clock=Clock(), chance=lambda: 1.0)
    assert effort.pause(GONE, wait=2.0) == 2.0
    assert effort.pause(GONE, wait=0.01) == 0.2


def test_no_pause_goes_past_the_deadline() -> None:
    """The error under way is raised instead, at once."""
    clock = Clock()
    effort = Effort(Patience(3.0, 5), clock=clock, chance=lambda: 0.0)
    with pytest.raises(Unavailable) as raised:
        effort.pause(GONE, wait=3.0)
    assert raised.value is GONE
    clock.now += 2.5
    assert effort.remaining() == pytest.approx(0.5)
    clock.now += 0.5
    with pytest.raises(Unavailable, match="within 3 s"):
        effort.remaining()


def test_the_seconds_told_are_those_that_were_given() -> None:
    """Not what was left of them when this request began."""
    clock = Clock()
    effort = Effort(Patience(10.0, 0), Deadline(clock.now + 0.00335, 0.02), clock=clock)
    clock.now += 1
    with pytest.raises(Unavailable, match=r"within 0\.02 s;"):
        effort.remaining()


def test_a_stale_connection_is_forgiven_once() -> None:
    """Without counting; the next is a retry as any other."""
    effort = Effort(Patience(10.0, 1), clock=Clock(), chance=lambda: 1.0)
    assert effort.pause(GONE, at_once=True) == 0.0
    assert effort.pause(GONE, at_once=True) == 0.1
    with pytest.raises(Unavailable):
        effort.pause(GONE, at_once=True)


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("3", 3.0),
        (" 3 ", 3.0),
        (None, 0),
        ("", 0),
        ("-1", 0),
        ("1.5", 0),
        ("soon", 0),
        ("9" * 20, 0),
        ("٣", 0),
    ],
)
def test_retry_after_is_read_strictly(header: str | None, seconds: float) -> None:
    """Whole seconds; anything else is none."""
    assert parse_retry_after(header) == seconds
