"""Reads through the SDK in process, beside plain twins on the same disk: one at a time, and in batches of 100."""

import random
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from tests.bench.figures import Figure, Round, figure, take_turns
from tests.bench.people import FIELDS, PURPOSE, SERVICE, FilledVault, filled_vault, generate
from tests.bench.twins import LoggingTwin, PlainTwin, sqlite_engine

BATCH = 100
_PEOPLE, _QUICK_PEOPLE = 20_000, 300


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
    count = _QUICK_PEOPLE if quick else _PEOPLE
    plain = PlainTwin(engine("plain.db"), generate(count))
    logging = LoggingTwin(engine("logging.db"), generate(count))
    try:
        with filled_vault(home, count, database_url) as filled:
            singles = _singles(filled, plain, logging, 20 if quick else 200)
            batches = _batches(filled, plain, logging, 2 if quick else 10)
            rounds = 3 if quick else 31
            figures = [
                *_compared("fetch, one at a time", backend, take_turns(singles, rounds)),
                *_compared("fetch_many, batches of 100", backend, take_turns(batches, rounds)),
            ]
            imported = [filled.imports_a_second]
            return [*figures, figure("import, rows of 10 fields", backend, imported, unit="rows/s")]
    finally:
        plain.close()
        logging.close()


def _compared(name: str, backend: str, rates: dict[str, list[float]]) -> list[Figure]:
    """Ours against each twin, then each twin by itself."""
    ours = rates["privet"]
    twins = {word: taken for word, taken in rates.items() if word != "privet"}
    return [
        *(
            figure(name, backend, ours, unit="reads/s", against=word, twin=taken)
            for word, taken in twins.items()
        ),
        *(figure(f"{name}: the {word}", backend, taken, unit="reads/s") for word, taken in twins.items()),
    ]


def _singles(filled: FilledVault, plain: PlainTwin, logging: LoggingTwin, many: int) -> dict[str, Round]:
    desk = filled.vault.service(SERVICE)
    fetch = partial(desk.fetch, purpose=PURPOSE, fields=FIELDS)
    draw = random.Random(2)

    def one_by_one(read: Callable[[str], object], ids: list[str]) -> int:
        for who in draw.choices(ids, k=many):
            read(who)
        return many

    return {
        "privet": partial(one_by_one, fetch, filled.ids),
        logging.word: partial(one_by_one, logging.fetch, logging.ids),
        plain.word: partial(one_by_one, plain.fetch, plain.ids),
    }


def _batches(filled: FilledVault, plain: PlainTwin, logging: LoggingTwin, many: int) -> dict[str, Round]:
    desk = filled.vault.service(SERVICE)
    fetch_many = partial(desk.fetch_many, purpose=PURPOSE, fields=FIELDS)
    draw = random.Random(3)

    def in_batches(read: Callable[[list[str]], object], ids: list[str]) -> int:
        drawn = iter(draw.choices(ids, k=many * BATCH))
        while batch := list(islice(drawn, BATCH)):
            read(batch)
        return many * BATCH

    return {
        "privet": partial(in_batches, fetch_many, filled.ids),
        logging.word: partial(in_batches, logging.fetch_many, logging.ids),
        plain.word: partial(in_batches, plain.fetch_many, plain.ids),
    }
