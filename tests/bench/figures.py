"""How a figure is taken: contestants take turns in short rounds, and what is compared is rounds, never runs.

On a shared machine the speed of everything drifts from second to second, so absolute figures mean little. In each
round every contestant does the same number of operations, one right after the other; the ratio is the median of the
rounds' own ratios. Refuses to report a contestant that did nothing.
"""

import gc
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

OUT = Path(__file__).parents[2] / "build" / "bench"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One line of a result file. `ratio` is ours over the twin's, in the same rounds; `spread` the middle half of the
    rounds' values, as a share of the median."""

    name: str
    backend: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    runs: int
    spread: float


Round = Callable[[], int]
"""Does a round's work and returns how many operations that was."""


def take_turns(contestants: Mapping[str, Round], rounds: int) -> dict[str, list[float]]:
    """Operations a second of each contestant in each round, after one round that does not count."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for round_ in contestants.values():
        round_()
    for _ in range(rounds):
        for name, round_ in contestants.items():
            gc.collect()  # nobody pays for another's rubbish; the collector stays on within the round
            start = perf_counter()
            done = round_()
            seconds = perf_counter() - start
            if done < 1:
                raise ValueError(f"{name} did nothing")
            rates[name].append(done / seconds)
    return rates


def figure(
    name: str,
    backend: str,
    rates: Sequence[float],
    *,
    unit: str,
    against: str | None = None,
    twin: Sequence[float] = (),
) -> Figure:
    """The median of a contestant's rounds, and of their ratios to the twin's."""
    ratio = None
    if against is not None:
        ratio = round(statistics.median(a / b for a, b in zip(rates, twin, strict=True)), 3)
    median = statistics.median(rates)
    low, _, high = statistics.quantiles(rates, n=4) if len(rates) > 1 else (median, median, median)
    return Figure(
        name=name,
        backend=backend,
        value=round(median, 1 if median >= 100 else 3),
        unit=unit,
        against=against,
        ratio=ratio,
        runs=len(rates),
        spread=round((high - low) / median, 3) if median else 0.0,
    )


def micro(name: str, operation: Callable[[], object], *, quick: bool) -> Figure:
    """Microseconds of one small operation: the median of rounds of many, as the fastest of three each."""
    many = 200 if quick else 5_000
    taken = []
    for _ in range(3 if quick else 15):
        best = float("inf")
        for _ in range(3):
            start = perf_counter()
            for _ in range(many):
                operation()
            best = min(best, perf_counter() - start)
        taken.append(best / many * 1e6)
    return figure(name, "memory", taken, unit="µs")


def write(bench: str, figures: Sequence[Figure], out: Path = OUT) -> Path:
    """The result file of one bench."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{bench}.json"
    path.write_text(
        json.dumps([asdict(one) for one in figures], indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return path
