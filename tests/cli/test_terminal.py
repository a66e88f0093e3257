"""The rules of the text interface, one by one."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from privet_cli.options import Moment
from privet_cli.terminal import as_text, counted, plain, safe, width
from tests.cli.running import run, sentence

ADA = ("--by", "email=ada@example.org")


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain é 漢 🦔", "plain é 漢 🦔"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b31m\x07", "\\x9b31m\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
    ],
)
def test_no_text_drives_a_terminal(text: str, shown: str) -> None:
    """Control characters, C1, bidi overrides and surrogates are spelt out."""
    assert safe(text) == shown


def test_long_text_is_cut() -> None:
    """A sentence does not flood the screen."""
    assert len(safe("x" * 1_000_000)) < 2_100


@pytest.mark.parametrize("text, columns", [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("", 0)])
def test_width(text: str, columns: int) -> None:
    """Wide characters take two columns, combining ones none."""
    assert width(text) == columns


def test_values_as_people_read_them() -> None:
    """Nothing held is a dash, yes and no are words, lists stand on one line, numbers keep their digits."""
    assert [as_text(v) for v in (None, True, False, ["a", "b"], Decimal("1.10"), 3)] == [
        "-", "yes", "no", "a, b", "1.10", "3",
    ]  # fmt: skip
    assert plain(datetime(2026, 5, 1, tzinfo=UTC)) == "2026-05-01T00:00:00+00:00"
    assert [counted(n, "row") for n in (0, 1, 1000)] == ["0 rows", "1 row", "1,000 rows"]


@pytest.mark.parametrize(
    "text, last, instant",
    [
        ("2026-05-01", False, "2026-05-01T00:00:00+00:00"),
        ("2026-05-01", True, "2026-05-01T23:59:59.999000+00:00"),
        ("2026-05-01T12:00Z", True, "2026-05-01T12:00:00+00:00"),
        ("2026-05-01T12:00+02:00", False, "2026-05-01T12:00:00+02:00"),
    ],
)
def test_times(text: str, last: bool, instant: str) -> None:
    """A date is its whole day; an instant says its zone."""
    assert Moment(last=last).convert(text, None, None).isoformat() == instant


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-05-01T12:00", "999999w", "0001-01-01T00:00+23:59x"]
)
def test_times_that_are_none(text: str, vault: Path) -> None:
    """Each is bad input."""
    sentence(run("audit", "query", "--since", text, cwd=vault), 2)


def test_json_is_one_object_a_line_and_clean(vault: Path) -> None:
    """Also on a terminal; C1 controls in it are escaped."""
    ran = run("read", "--as", "front-desk", "--purpose", "\x9b31m", "--field", "given_name", *ADA, "--json",
              cwd=vault, terminal=True)  # fmt: skip
    assert ran.code == 1
    assert json.loads(ran.out)["reasons"] == ["unknown_purpose"]
    ran = run("audit", "query", "--json", cwd=vault, terminal=True)
    assert ran.code == 0, ran
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert lines[0]["purpose"] == "\x9b31m"
    assert "\x9b" not in ran.out


def test_erasing_asks_somebody_who_sits_there(vault: Path) -> None:
    """On a terminal it wants a `yes`; anything else leaves the person as she is."""
    ran = run("rights", "erase", *ADA, cwd=vault, stdin="no\n", terminal=True)
    assert (ran.code, ran.out) == (1, "")
    assert run("subject", "show", *ADA, cwd=vault).code == 0
    assert run("rights", "erase", *ADA, cwd=vault, stdin="yes\n", terminal=True).code == 0
    assert run("subject", "show", *ADA, cwd=vault).code == 1


def test_init_leaves_nothing_of_what_failed(home: Path) -> None:
    """A faulty catalogue, a place that cannot be: no directory is left."""
    (home / "bad").mkdir()
    (home / "bad" / "catalogue.yaml").write_text("fields: {x: {type: nonsense}}\n")
    assert run("init", "new.privet", "--catalogue", "bad", cwd=home).code == 2
    assert not (home / "new.privet").exists()
    sentence(run("init", "guests.csv/new.privet", cwd=home), 3)
    sentence(run("init", "new.privet", "--database", "mysql://host/x", cwd=home), 2)
    assert not (home / "new.privet").exists()
    sentence(run("init", "new.privet", "--catalogue", "nowhere", cwd=home), 3)
    assert not (home / "new.privet").exists()


def test_proofs_and_backups_are_never_written_over(vault: Path) -> None:
    """A file that exists is left as it is."""
    found = json.loads(run("audit", "query", "--limit", "1", "--json", cwd=vault).out)["audit_id"]
    sentence(run("audit", "prove", found, "-o", "privet.toml", cwd=vault), 1)
    sentence(run("backup", "notices", cwd=vault), 1)
    printed = run("audit", "prove", found, cwd=vault)
    (vault / "proof").write_text(printed.out)
    assert run("audit", "check-proof", "proof", cwd=vault).code == 0
    (vault / "proof").write_text(printed.out.replace("index ", "index 1"))
    sentence(run("audit", "check-proof", "proof", cwd=vault), 1)
