"""`python -m tests.bench [NAME ...] [--quick] [--out DIR]`: measures, and writes build/bench/NAME.json.

Standard output gets the same JSON, a list of all figures; standard error a table for people.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from tests.bench.figures import OUT, Figure, write
from tests.services.postgres import PostgresUnavailable

BENCHES = ("embedded", "postgresql", "service", "crypto", "policy")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all ran. Names default to all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all if none")
    parser.add_argument("--quick", action="store_true", help="few and small rounds: shows that it runs")
    parser.add_argument("--out", type=Path, default=OUT, help="directory of the result files")
    asked = parser.parse_args(arguments)
    unknown = set(asked.names) - set(BENCHES)
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    everything: list[Figure] = []
    for name in asked.names or BENCHES:
        try:
            figures: list[Figure] = import_module(f"tests.bench.{name}").run(quick=asked.quick)
        except PostgresUnavailable as missing:
            print(f"\n{name}: not measured, {missing}", file=sys.stderr)
            continue
        path = write(name, figures, asked.out)
        everything += figures
        print(f"\n{name} -> {path}", file=sys.stderr)
        for one in figures:
            compared = "" if one.ratio is None else f"  {one.ratio:6.2f} x {one.against}"
            print(f"  {one.name:<88} {one.value:>11,.1f} {one.unit:<8}{compared}", file=sys.stderr)
    print(json.dumps([asdict(one) for one in everything], indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
