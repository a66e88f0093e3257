"""Rates: a burst, a steady rate after it, and bounded memory whoever asks."""

import pytest

from privet.bootstrap.peers import place_of
from privet.errors import RateLimited
from privet.http.rates import Buckets


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: Buckets, name: str, tries: int) -> int:
    """How many of so many tries pass."""
    passed = 0
    for _ in range(tries):
        try:
            buckets.take(name)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_a_burst_then_the_steady_rate() -> None:
    """The burst at once, then as many a second as the rate says, and the burst again after rest."""
    clock = Clock()
    buckets = Buckets(per_second=10, burst=20, clock=clock)
    assert taken(buckets, "a", 100) == 20
    clock.now += 1
    assert taken(buckets, "a", 100) == 10
    clock.now += 100
    assert taken(buckets, "a", 100) == 20


def test_one_caller_does_not_slow_another() -> None:
    """Each has its own bucket."""
    buckets = Buckets(per_second=1, burst=5, clock=Clock())
    assert taken(buckets, "a", 10) == 5
    assert taken(buckets, "b", 10) == 5


def test_the_answer_says_when_to_come_again() -> None:
    """Not before, and then indeed."""
    clock = Clock()
    buckets = Buckets(per_second=0.5, burst=1, clock=clock)
    buckets.take("a")
    with pytest.raises(RateLimited) as refused:
        buckets.take("a")
    assert refused.value.retry_after == pytest.approx(2.0, abs=0.01)
    clock.now += 1.99
    assert taken(buckets, "a", 1) == 0
    clock.now += 0.02
    assert taken(buckets, "a", 1) == 1


def test_checking_takes_nothing() -> None:
    """Only failures count; a look does not."""
    buckets = Buckets(per_second=1, burst=2, clock=Clock())
    for _ in range(100):
        buckets.check("a")
    assert taken(buckets, "a", 10) == 2
    with pytest.raises(RateLimited):
        buckets.check("a")


def test_memory_is_bounded_and_newcomers_share_when_it_is_full() -> None:
    """A million names leave no more than the table holds, and gain no more than one bucket between them."""
    clock = Clock()
    buckets = Buckets(per_second=1, burst=3, most=100, clock=clock)
    passed = sum(taken(buckets, f"name {at}", 1) for at in range(10_000))
    assert passed == 100 + 3
    assert len(buckets) <= 101
    with pytest.raises(RateLimited):
        buckets.check("somebody new")
    clock.now += 10  # all are idle, and forgotten
    assert sum(taken(buckets, f"later {at}", 1) for at in range(100)) >= 99
    assert len(buckets) <= 101


def test_who_was_limited_stays_limited_in_a_flood() -> None:
    """Filling the table does not push one's own bucket out of it."""
    buckets = Buckets(per_second=0.001, burst=2, most=50, clock=Clock())
    assert taken(buckets, "flooder", 10) == 2
    for at in range(1_000):
        taken(buckets, f"other {at}", 1)
    assert taken(buckets, "flooder", 10) == 0


@pytest.mark.parametrize(
    "address, place",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "local"),
        ("/run/privet.sock", "local"),
    ],
)
def test_an_address_stands_for_its_network(address: str, place: str) -> None:
    """Whoever has a /64 has 2^64 addresses, and is one caller."""
    assert place_of(address) == place
