"""The benchmarks run, compare what they say they compare, and write what `make bench` promises."""

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.figures import figure, take_turns
from tests.bench.people import FIELDS, generate
from tests.bench.twins import IndexedTwin, LoggingTwin, PlainTwin, access_log, sqlite_engine

KEYS = {"name", "backend", "value", "unit", "against", "ratio", "runs", "spread"}
TWINS = {"plain twin with a log row", "plain twin"}


@pytest.mark.parametrize("name", ["embedded", "crypto", "policy"])
def test_a_quick_run_writes_its_figures(tmp_path: Path, name: str) -> None:
    """A list of figures, each with the keys that readers of the file rely on, and a value above nothing."""
    assert main([name, "--quick", "--out", str(tmp_path)]) == 0
    figures = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert all(set(one) == KEYS for one in figures)
    assert all(one["value"] > 0 for one in figures if one["unit"] != "%")
    assert all((one["against"] is None) == (one["ratio"] is None) for one in figures)
    if name == "embedded":
        for way in ("fetch, one at a time", "fetch_many, batches of 100"):
            against = {one["against"] for one in figures if one["name"].startswith(way) and one["ratio"]}
            assert against == TWINS


def test_an_unknown_bench_is_refused(tmp_path: Path) -> None:
    """Usage error, nothing written."""
    with pytest.raises(SystemExit) as refused:
        main(["nothing", "--out", str(tmp_path / "none")])
    assert refused.value.code == 2
    assert not (tmp_path / "none").exists()


def test_the_twins_read_what_was_stored_and_log_each_read(tmp_path: Path) -> None:
    """A twin that skipped its work would flatter us less than it cheats: values and log rows are looked at."""
    people = list(generate(20))
    for kind, logged in ((PlainTwin, 0), (LoggingTwin, 21), (IndexedTwin, 21)):
        twin = kind(sqlite_engine(tmp_path / kind.__name__), people)
        expected = [{name.replace(".", "_"): one[name] for name in FIELDS} for one in people]
        assert [_plain(values) for values in twin.fetch_many(twin.ids)] == expected
        assert _plain(twin.fetch(twin.ids[7])) == expected[7]
        table = twin.insert.table.name if isinstance(twin, LoggingTwin) else access_log.name
        with sqlite_engine(tmp_path / kind.__name__).connect() as connection:
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == logged
        twin.close()


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {name.replace(".", "_"): value for name, value in values.items() if name != "id"}


def test_ratios_are_of_rounds() -> None:
    """Round by round, so that a slow moment of the machine, which hits both, does not count."""
    one = figure(
        "x", "sqlite", [10.0, 1.0, 10.0], unit="reads/s", against="plain twin", twin=[20.0, 2.0, 20.0]
    )
    assert one.ratio == 0.5


def test_a_contestant_that_does_nothing_is_an_error() -> None:
    """No rate of nothing."""
    with pytest.raises(ValueError, match="did nothing"):
        take_turns({"idle": lambda: 0}, 1)
