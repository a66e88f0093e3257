"""Metrics, dashboard, alerts and their page tell of the same names."""

import json
import re
from pathlib import Path
from typing import Any, cast

import yaml
from prometheus_client import Metric

from privet.bootstrap.parts import Parts
from privet.serving.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
NAME = re.compile(r"privet_[a-z_]+")


def exposed() -> dict[str, Metric]:
    """Each family by the name under which Prometheus knows it."""
    registry = Metrics(cast("Parts", None))._registry
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family
        for family in registry.collect()
    }


def base(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_every_metric_is_documented_and_none_else() -> None:
    """The table of the page is the list of the code, labels too."""
    rows = {
        row[0].strip(" `"): set(re.findall(r"`(\w+)`", row[1]))
        for row in (line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `privet_"))
    }
    assert set(rows) == set(exposed())
    metrics = Metrics(cast("Parts", None))
    labels = {
        getattr(made, "_name", ""): set(getattr(made, "_labelnames", ())) for made in vars(metrics).values()
    }
    assert {name: labels[name.removesuffix("_total")] for name in rows} == rows


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    """Each query names only metrics of ours, and each metric stands on some panel, with a title and a place."""
    board = json.loads((ROOT / "deploy" / "grafana" / "privet.json").read_text(encoding="utf-8"))
    asked = {
        base(name)
        for panel in board["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    assert asked == set(exposed())
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["title"] and panel["datasource"]["uid"] == "${datasource}" for panel in board["panels"])
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_alerts_ask_for_metrics_that_there_are() -> None:
    """And each says what it means and what to do."""
    rules: list[Any] = yaml.safe_load((ROOT / "deploy" / "prometheus-alerts.yaml").read_text())["groups"][0][
        "rules"
    ]
    for rule in rules:
        assert {base(name) for name in NAME.findall(rule["expr"])} <= set(exposed()), rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["labels"]["severity"] in ("page", "ticket")
    (nobody,) = (rule["expr"] for rule in rules if rule["alert"] == "PrivetServesNobody")
    assert "or absent(privet_ready)" in nobody  # a process that is gone has no series to be less than one
