"""Reads NIST's and the RFCs' `name = value` files."""

from pathlib import Path


def parse_pairs(path: Path, *, start: str) -> list[dict[str, str]]:
    """One dict a case; a case begins at the name `start`. A line without `=` (FAIL) becomes a name without value;
    what stands in brackets holds for the cases after it."""
    cases: list[dict[str, str]] = []
    section: dict[str, str] = {}
    for raw in path.read_text().splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, _, value = (part.strip() for part in line.strip("[]").partition("="))
        if line.startswith("["):
            section[name] = value
            continue
        if name == start:
            cases.append(dict(section))
        if cases:
            cases[-1][name] = value
    return cases
