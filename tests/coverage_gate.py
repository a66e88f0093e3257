"""Fails when too few branches of the parts that must not fail were taken: `python -m tests.coverage_gate FILE`.

Reads coverage's JSON report. A package without any measured file fails too.
"""

import json
import sys
from pathlib import Path
from typing import Any

LEAST = 95.0
PACKAGES = ("decide", "release", "audit", "crypto")


def measure(report: dict[str, Any], package: str) -> tuple[float, list[str]]:
    """Return the percentage of branches taken in src/privet/PACKAGE, and the files where some were not."""
    taken = total = 0
    short = []
    for name, file in sorted(report["files"].items()):
        if f"privet/{package}/" not in name.replace("\\", "/"):
            continue
        summary = file["summary"]
        taken += summary["covered_branches"]
        total += summary["num_branches"]
        if summary["missing_branches"]:
            lines = sorted({abs(start) for start, _ in file["missing_branches"]})
            short.append(f"{name}: branches at lines {', '.join(map(str, lines))}")
    return (100.0 * taken / total if total else 0.0), short


def main(path: Path) -> int:
    """Print one line a package that falls short, and return the exit code."""
    if not path.exists():
        print(f"coverage: no report at {path}: nothing of privet was measured")
        return 1
    report = json.loads(path.read_text())
    failed = False
    for package in PACKAGES:
        percent, short = measure(report, package)
        if percent < LEAST:
            failed = True
            print(f"coverage: {package}: {percent:.1f}% of branches, {LEAST:.0f}% wanted")
            for line in short:
                print(f"  {line}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
