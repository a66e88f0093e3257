"""The service under load, beside plain twins: 64 clients that each ask as soon as they are answered, one process each.

Ours is a real `privet serve`; the clients are tests/tools/load, the SDK, and httpx. The contestants take turns in
rounds of a second and a half; what is compared is rounds. How and with what: docs/performance.md.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from tests.bench.figures import Figure, figure
from tests.bench.people import FIELDS, PURPOSE, generate
from tests.bench.service_clients import fetch_many_rate, sdk_costs
from tests.bench.service_contestants import (
    MISSING,
    OURS,
    Contestant,
    Load,
    Prepared,
    prepare,
    serve_ours,
    serve_twin,
)
from tests.bench.twins import PlainTwin, sqlite_engine
from tests.services.opa import OpaServer, OpaUnavailable
from tests.services.postgres import PostgresServer, PostgresUnavailable

CLIENTS = 64
_PEOPLE, _QUICK_PEOPLE = 3_000, 1_000
_WELL = "well-written plain twin"
_TWINS = {"well": _WELL, "coalesced": "coalesced plain twin", "usual": "usual plain service"}

Loads = dict[str, list[Load]]


def run(*, quick: bool) -> list[Figure]:
    """On SQLite, and on PostgreSQL where there is one."""
    if MISSING:
        raise SystemExit(f"service: not measured, {MISSING}")
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as home:
        found = _measure("sqlite", Path(home), None, quick=quick)
    try:
        with tempfile.TemporaryDirectory(prefix="privet-bench-") as home, PostgresServer() as server:
            found += _measure("postgresql", Path(home), server, quick=quick)
    except PostgresUnavailable as missing:
        print(f"service on PostgreSQL: not measured, {missing}", file=sys.stderr)
    return found


def _measure(backend: str, home: Path, server: PostgresServer | None, *, quick: bool) -> list[Figure]:
    people = _QUICK_PEOPLE if quick else _PEOPLE
    url = server.url(server.create_database()) if server else None
    prepared = prepare(home, people, url)
    with ExitStack() as stack:
        contestants = {OURS: stack.enter_context(serve_ours(prepared))}
        plain = server.url(server.create_database()) if server else str(home / "plain.db")
        bodies = _fill_twin(plain, home, people)
        for kind, word in _TWINS.items():
            contestants[word] = stack.enter_context(serve_twin(kind, plain, bodies))
        rounds, seconds = (2, 0.3) if quick else (7, 1.5)
        found = []
        if server:
            found += _unsettled(contestants[OURS], rounds, seconds)
            server.settle()
        loaded = _take_turns(contestants, rounds, seconds, CLIENTS)
        idle = _take_turns(
            {name: contestants[name] for name in (OURS, _WELL)}, rounds, seconds / 2, 1, rest=0.2
        )
        ours = contestants[OURS]
        found += [
            *_compared(backend, loaded),
            *_latencies(backend, loaded, idle),
            *fetch_many_rate(backend, ours, prepared, quick=quick),
            *sdk_costs(backend, ours.url, prepared, quick=quick),
        ]
    if backend == "sqlite":
        found += _with_opa(backend, prepared, quick=quick)
    return found


def _fill_twin(plain: str, home: Path, people: int) -> Path:
    engine = create_engine(plain) if plain.startswith("postgresql") else sqlite_engine(Path(plain))
    twin = PlainTwin(engine, generate(people))
    twin.close()
    bodies = home / "twin-bodies"
    with bodies.open("w", encoding="utf-8") as file:
        for who in twin.ids:
            file.write(json.dumps({"subject": who, "purpose": PURPOSE, "fields": FIELDS}) + "\n")
    return bodies


def _take_turns(
    contestants: dict[str, Contestant], rounds: int, seconds: float, clients: int, *, rest: float = 0.0
) -> Loads:
    loads: Loads = {name: [] for name in contestants}
    for round_ in range(rounds + 1):
        for name, contestant in contestants.items():
            found = contestant.load(seconds, clients, seed=round_ + 1, warm=0.2 + rest)
            if round_:  # the first does not count
                loads[name].append(found)
    return loads


def _compared(backend: str, loads: Loads) -> list[Figure]:
    name = f"service: fetch, {CLIENTS} clients"
    ours = [load.rate for load in loads[OURS]]
    cpu = [load.cpu_us for load in loads[OURS]]
    found = []
    for word in _TWINS.values():
        rates = [load.rate for load in loads[word]]
        found.append(figure(name, backend, ours, unit="reads/s", against=word, twin=rates))
        found.append(figure(f"{name}: the {word}", backend, rates, unit="reads/s"))
    for word in _TWINS.values():
        theirs = [load.cpu_us for load in loads[word]]
        one = figure(f"{name}: processor time of the server, a read", backend, cpu, unit="µs")
        ratio = statistics.median(b / a for a, b in zip(cpu, theirs, strict=True))
        found.append(_with_ratio(one, word, ratio))
        found.append(
            figure(f"{name}: processor time of the server, a read: the {word}", backend, theirs, unit="µs")
        )
    return found


def _with_ratio(one: Figure, against: str, ratio: float) -> Figure:
    """Theirs over ours: as with rates, more is better for us."""
    return Figure(
        name=one.name,
        backend=one.backend,
        value=one.value,
        unit=one.unit,
        against=against,
        ratio=round(ratio, 3),
        runs=one.runs,
        spread=one.spread,
    )


def _latencies(backend: str, loaded: Loads, idle: Loads) -> list[Figure]:
    name = f"service: fetch, {CLIENTS} clients"
    found = []
    for word, loads in loaded.items():
        of = "" if word == OURS else f": the {word}"
        found += [
            figure(f"{name}: p50{of}", backend, [load.p50_ms for load in loads], unit="ms"),
            figure(f"{name}: p99{of}", backend, [load.p99_ms for load in loads], unit="ms"),
            figure(
                f"{name}: p99 over p50{of}", backend, [one.p99_ms / one.p50_ms for one in loads], unit="x"
            ),
        ]
    for word, loads in idle.items():
        of = "" if word == OURS else f": the {word}"
        found.append(
            figure(
                f"service: fetch, one client alone: median{of}",
                backend,
                [load.p50_ms for load in loads],
                unit="ms",
            )
        )
    return found


def _unsettled(ours: Contestant, rounds: int, seconds: float) -> list[Figure]:
    """In a cluster made a minute ago, which must make each file of its write-ahead log first."""
    loads = _take_turns({OURS: ours}, rounds, seconds, CLIENTS)[OURS]
    name = f"service: fetch, {CLIENTS} clients, write-ahead log new"
    return [
        figure(f"{name}: p99", "postgresql", [load.p99_ms for load in loads], unit="ms"),
        figure(f"{name}: p99 over p50", "postgresql", [one.p99_ms / one.p50_ms for one in loads], unit="x"),
    ]


def _with_opa(backend: str, prepared: Prepared, *, quick: bool) -> list[Figure]:
    """The same service asking a real OPA, warmed up, beside the engine in the process."""
    name = f"service: fetch, {CLIENTS} clients: policy.engine = opa"
    rounds, seconds = (2, 0.3) if quick else (7, 1.5)
    with ExitStack() as stack:
        try:
            opa = stack.enter_context(_opa(prepared))
        except OpaUnavailable as missing:
            print(f"{name}: not measured, {missing}", file=sys.stderr)
            return []
        other = prepared.copy("opa")
        contestants = {
            OURS: stack.enter_context(serve_ours(other, policy={"engine": "opa", "url": opa})),
            "policy.engine = embedded": stack.enter_context(serve_ours(prepared)),
        }
        loads = _take_turns(contestants, rounds, seconds, CLIENTS)
    rates = {word: [load.rate for load in of] for word, of in loads.items()}
    cpu = {word: [load.cpu_us for load in of] for word, of in loads.items()}
    against = "policy.engine = embedded"
    ratio = statistics.median(b / a for a, b in zip(cpu[OURS], cpu[against], strict=True))
    spent = figure(f"{name}: processor time of the server, a read", backend, cpu[OURS], unit="µs")
    return [
        figure(name, backend, rates[OURS], unit="reads/s", against=against, twin=rates[against]),
        _with_ratio(spent, against, ratio),
    ]


@contextmanager
def _opa(prepared: Prepared) -> Iterator[str]:
    """A real OPA with the vault's bundle; its URL."""
    with OpaServer(prepared.bundle) as server:
        yield server.url
