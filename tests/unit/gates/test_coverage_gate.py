"""The gate that keeps branches of the parts that must not fail under test."""

import json
from pathlib import Path

import pytest

from tests.coverage_gate import PACKAGES, main


def _report(tmp_path: Path, taken: dict[str, int], of: int = 100) -> Path:
    files = {
        f"src/privet/{package}/stage.py": {
            "summary": {"covered_branches": n, "num_branches": of, "missing_branches": of - n},
            "missing_branches": [[line, -1] for line in range(1, of - n + 1)],
        }
        for package, n in taken.items()
    }
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps({"files": files}))
    return path


def test_one_package_below_the_bar_fails_and_names_the_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """94% in one package is not made up for by the others."""
    path = _report(tmp_path, {**dict.fromkeys(PACKAGES, 100), "release": 94})
    assert main(path) == 1
    said = capsys.readouterr().out
    assert "release: 94.0%" in said
    assert "branches at lines 1, 2, 3, 4, 5, 6" in said


def test_a_package_that_was_not_measured_fails(tmp_path: Path) -> None:
    """No figure is not a good figure."""
    assert main(_report(tmp_path, {"decide": 100, "release": 100, "audit": 100})) == 1


def test_all_at_the_bar_pass(tmp_path: Path) -> None:
    """95% is enough."""
    assert main(_report(tmp_path, dict.fromkeys(PACKAGES, 95))) == 0


def test_no_report_fails(tmp_path: Path) -> None:
    """A run that measured nothing has not passed."""
    assert main(tmp_path / "none.json") == 1
