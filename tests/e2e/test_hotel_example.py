"""examples/hotel: its README's commands run as they stand, and its files are what the demo's generator makes."""

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from privet_cli.demo.guests import make_guests

ROOT = Path(__file__).parents[2]
HOTEL = ROOT / "examples" / "hotel"
MADE_ON, BOOKINGS = date(2026, 7, 1), 100
"""How guests.csv and stays.csv were made."""


def _commands() -> list[str]:
    text = (HOTEL / "README.md").read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


@pytest.mark.timeout(300)
def test_the_readme_s_commands(tmp_path: Path) -> None:
    """A vault is made, guests and stays move in, and the ten-line service gets what it may have."""
    shutil.copytree(HOTEL, tmp_path / "examples" / "hotel")
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(_commands())],
        cwd=tmp_path,
        env={
            **os.environ,
            "PRIVET_PASSPHRASE": "only for tests",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    values, withheld = done.stdout.splitlines()[-2:]
    assert "'given_name': 'Eleanor'" in values
    assert "'room.bed': 'king'" in values
    assert "example.org" not in values
    assert withheld == (
        "{'email': 'city-front-desk may not use email for service-personalisation; "
        "email is not among the fields of city-front-desk'}"
    )


def test_ten_lines(tmp_path: Path) -> None:
    """The example is as short as it says."""
    code = (HOTEL / "front_desk.py").read_text(encoding="utf-8").partition("import os")[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 11


def test_the_files_are_the_generator_s(tmp_path: Path) -> None:
    """Nobody has put anybody real into them."""
    make_guests(MADE_ON, most=BOOKINGS).write(tmp_path / "guests.csv", tmp_path / "stays.csv")
    for name in ("guests.csv", "stays.csv"):
        assert (HOTEL / name).read_bytes() == (tmp_path / name).read_bytes()


def test_the_source_is_named() -> None:
    """Attribution, as the licence asks, beside the data in both places."""
    for file in (HOTEL / "README.md", ROOT / "cli" / "privet_cli" / "demo" / "hotel" / "README.md"):
        text = file.read_text(encoding="utf-8")
        for words in (
            "Hotel booking demand datasets",
            "Antonio",
            "Almeida",
            "Nunes",
            "CC BY 4.0",
            "hotel_rates",
        ):
            assert words in text, f"{file.name}: {words}"
        assert "invented" in text.lower()
