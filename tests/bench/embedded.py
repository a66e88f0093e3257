"""Reads through the SDK in process, beside plain twins on the same disk: one at a time, and in batches of 100."""

import random
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from time import perf_counter

from sqlalchemy import Engine

from privet_cli.demo.sampling import STAGES, shares
from tests.bench.figures import Figure, Round, figure, take_turns
from tests.bench.people import (
    ENROLMENT,
    FIELDS,
    PURPOSE,
    SERVICE,
    WRITER,
    FilledVault,
    filled_vault,
    generate,
)
from tests.bench.twins import IndexedTwin, LoggingTwin, PlainTwin, sqlite_engine

BATCH = 100
_PEOPLE, _QUICK_PEOPLE = 20_000, 300
_OURS = "privet"


def run(*, quick: bool) -> list[Figure]:
    """On SQLite."""
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as home:
        return measure("sqlite", Path(home), lambda name: sqlite_engine(Path(home) / name), quick=quick)


def measure(
    backend: str,
    home: Path,
    engine: Callable[[str], Engine],
    *,
    quick: bool,
    database_url: str | None = None,
) -> list[Figure]:
    """All figures of one backend. `engine` opens a database of its own for a twin."""
    people = _QUICK_PEOPLE if quick else _PEOPLE
    twins: list[PlainTwin] = []
    try:
        twins.extend(
            kind(engine(kind.__name__.lower()), generate(people))
            for kind in (LoggingTwin, IndexedTwin, PlainTwin)
        )
        with filled_vault(home, people, database_url) as filled:
            rounds = 3 if quick else 31
            singles = _singles(filled, twins, 20 if quick else 200)
            batches = _batches(filled, twins, 2 if quick else 10)
            return [
                *_compared("fetch, one at a time", backend, twins, take_turns(singles, rounds)),
                *_compared("fetch_many, batches of 100", backend, twins, take_turns(batches, rounds)),
                *_shares("fetch, one at a time", backend, singles[_OURS], quick=quick),
                *_shares("fetch_many, batches of 100", backend, batches[_OURS], quick=quick),
                *_others(backend, filled, quick=quick),
            ]
    finally:
        for twin in twins:
            twin.close()


def _compared(
    name: str, backend: str, twins: Sequence[PlainTwin], rates: dict[str, list[float]]
) -> list[Figure]:
    """Ours against each twin, then each twin by itself."""
    unit = "reads/s"
    return [
        *(
            figure(
                name + twin.detail,
                backend,
                rates[_OURS],
                unit=unit,
                against=twin.word,
                twin=rates[_label(twin)],
            )
            for twin in twins
        ),
        *(
            figure(f"{name}: the {twin.word}{twin.detail}", backend, rates[_label(twin)], unit=unit)
            for twin in twins
        ),
    ]


def _label(twin: PlainTwin) -> str:
    return type(twin).__name__


def _singles(filled: FilledVault, twins: Sequence[PlainTwin], many: int) -> dict[str, Round]:
    desk = filled.vault.service(SERVICE)
    draw = random.Random(2)

    def one_by_one(read: Callable[[str], object], ids: list[str]) -> int:
        for who in draw.choices(ids, k=many):
            read(who)
        return many

    fetch = partial(desk.fetch, purpose=PURPOSE, fields=FIELDS)
    return {
        _OURS: partial(one_by_one, fetch, filled.ids),
        **{_label(twin): partial(one_by_one, twin.fetch, twin.ids) for twin in twins},
    }


def _batches(filled: FilledVault, twins: Sequence[PlainTwin], many: int) -> dict[str, Round]:
    desk = filled.vault.service(SERVICE)
    draw = random.Random(3)

    def in_batches(read: Callable[[list[str]], object], ids: list[str]) -> int:
        drawn = iter(draw.choices(ids, k=many * BATCH))
        while batch := list(islice(drawn, BATCH)):
            read(batch)
        return many * BATCH

    fetch_many = partial(desk.fetch_many, purpose=PURPOSE, fields=FIELDS)
    return {
        _OURS: partial(in_batches, fetch_many, filled.ids),
        **{_label(twin): partial(in_batches, twin.fetch_many, twin.ids) for twin in twins},
    }


def _shares(name: str, backend: str, round_: Round, *, quick: bool) -> list[Figure]:
    """Where the time goes, in percent: the innermost part of ours on the stack, looked at each millisecond."""
    times = 1 if quick else 20
    found = shares(lambda: [round_() for _ in range(times)])
    return [figure(f"{name}: share of {stage}", backend, [100 * found[stage]], unit="%") for stage in STAGES]


def _others(backend: str, filled: FilledVault, *, quick: bool) -> list[Figure]:
    """What else callers do, without a twin."""
    desk, shop = filled.vault.service(SERVICE), filled.vault.service(WRITER)
    people = list(generate(len(filled.ids)))
    draw, numbers = random.Random(4), count()

    def find() -> int:
        for person in draw.choices(people, k=20):
            assert desk.find(email=person["email"], purpose=PURPOSE) is not None
        return 20

    def put() -> int:
        for who in draw.choices(filled.writer_ids, k=20):
            shop.put(who, {"points": next(numbers)}, purpose=ENROLMENT)
        return 20

    rates = take_turns({"find": find, "put": put}, 2 if quick else 11)
    start = perf_counter()
    report = filled.vault.officer("ana").audit.verify()
    verified = report.size / (perf_counter() - start)
    return [
        figure("find by email", backend, rates["find"], unit="finds/s"),
        figure("put of one field", backend, rates["put"], unit="puts/s"),
        figure("import of 10 fields", backend, [filled.imports_a_second], unit="rows/s"),
        figure("audit verify", backend, [verified], unit="entries/s"),
    ]
