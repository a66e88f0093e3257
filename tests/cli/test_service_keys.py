"""`privet service key`: the key alone on standard output, once; ids everywhere else; exit codes and sentences."""

import json
import os
import re
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.running import PRIVET, Ran, environment, run

KEY = re.compile(r"privet_([a-z2-7]{8})_[A-Za-z0-9_-]{43}\n")


def key(vault: Path, *arguments: str, **more: bool) -> Ran:
    return run("service", "key", *arguments, cwd=vault, **more)  # type: ignore[arg-type]


def make(vault: Path, *arguments: str) -> str:
    """Makes a key; gives its id."""
    made = key(vault, "create", *arguments)
    assert made.code == 0, made.err
    found = KEY.fullmatch(made.out)
    assert found is not None, made.out
    assert made.out.strip() not in made.err
    return found[1]


def test_a_key_is_printed_alone_and_once(vault: Path) -> None:
    """So that `> file` keeps just the key; the list and the notes name its id."""
    key_id = make(vault, "front-desk")
    listed = key(vault, "list")
    assert listed.out.split("\t")[:2] == [key_id, "front-desk"]
    assert listed.out.rstrip().endswith("live")
    assert "privet_" not in listed.out + listed.err
    assert key(vault, "list", "front-desk").out == listed.out
    assert key(vault, "list", "newsletter").out == ""
    assert "no API keys" in key(vault, "list", "newsletter").err


def test_a_key_goes_to_a_file_of_its_owner(vault: Path) -> None:
    """Mode 0600 whatever the umask, the key alone in it and on no stream; JSON names the file."""
    before = os.umask(0)
    try:
        made = key(vault, "create", "front-desk", "--out", "desk.key")
    finally:
        os.umask(before)
    assert made.code == 0, made.err
    file = vault / "desk.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KEY.fullmatch(file.read_text())
    assert made.out == "key  desk.key\n"
    assert "privet_" not in made.err
    told = json.loads(key(vault, "create", "newsletter", "--out", "more.key", "--json").out)
    assert told == {**told, "file": "more.key"}
    assert "key" not in told


def test_a_key_that_can_be_put_nowhere_is_not_made(vault: Path) -> None:
    """Not over a file, and not for a folder that is not there: no key is left that nobody has."""
    (vault / "desk.key").write_text("mine")
    refused = key(vault, "create", "front-desk", "--out", "desk.key")
    assert (refused.code, refused.out) == (1, "")
    assert "exists already" in refused.err
    assert (vault / "desk.key").read_text() == "mine"
    refused = key(vault, "create", "front-desk", "--out", "nowhere/desk.key")
    assert refused.code == 3
    assert "nowhere/desk.key cannot be written" in refused.err
    assert key(vault, "list").out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_key_that_nobody_could_be_shown_is_not_left(vault: Path, more: tuple[str, ...]) -> None:
    """A full disk or a pipe that nobody reads, where the output goes: it does not stand as one of the two."""
    reader, writer = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("wb") as full, os.fdopen(writer, "wb") as pipe:
        for output, code in ((full, 3), (pipe, 141)):
            done = subprocess.run(
                [*PRIVET, "service", "key", "create", "front-desk", *more],
                cwd=vault,
                stdout=output,
                stderr=subprocess.PIPE,
                env=environment(),
            )
            assert done.returncode == code, done
            assert b"privet_" not in done.stderr
    assert key(vault, "list").out == ""


def test_a_key_is_told_though_the_vault_closes_badly(vault: Path) -> None:
    """It stands; that its anchor could not be written is the error."""
    shutil.rmtree(vault / "anchors")
    (vault / "anchors").write_text("no folder")
    done = key(vault, "create", "front-desk")
    assert done.code == 3
    shown = KEY.fullmatch(done.out)
    assert shown is not None
    (vault / "anchors").unlink()
    assert key(vault, "list").out.startswith(f"{shown[1]}\tfront-desk\t")


def test_json_has_the_same(vault: Path) -> None:
    """For scripts: one object, the key in it."""
    made = json.loads(key(vault, "create", "front-desk", "--json").out)
    assert set(made) == {"id", "service", "key", "expires"}
    assert made["key"].startswith(f"privet_{made['id']}_")
    (line,) = key(vault, "list", "--json").out.splitlines()
    listed = json.loads(line)
    assert (listed["id"], listed["state"], listed["expires"]) == (made["id"], "live", None)
    assert "key" not in listed


def test_a_third_key_is_refused_and_one_revoked_makes_room(vault: Path) -> None:
    """The sentence is the command to run."""
    first, second = make(vault, "front-desk"), make(vault, "front-desk")
    refused = key(vault, "create", "front-desk")
    assert (refused.code, refused.out) == (1, "")
    command = re.search(r"`privet (service key revoke [a-z2-7]{8})`", refused.err)
    assert command is not None
    gone = run(*command[1].split(), cwd=vault)
    assert gone.code == 0
    assert first in gone.out
    assert "front-desk" in gone.out
    make(vault, "front-desk")
    assert second in key(vault, "list").out


def test_an_end_is_named_in_days_or_as_a_date(vault: Path) -> None:
    """90d from now; a date is its whole day; an instant as it stands."""
    make(vault, "front-desk", "--expires", "90d")
    make(vault, "front-desk", "--expires", "2099-12-31")
    make(vault, "newsletter", "--expires", "2099-12-31T12:00+01:00")
    ends = sorted(json.loads(line)["expires"] for line in key(vault, "list", "--json").out.splitlines())
    soon = datetime.fromisoformat(ends[0])
    assert abs(soon - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert [datetime.fromisoformat(one) for one in ends[1:]] == [
        datetime(2099, 12, 31, 11, tzinfo=UTC),
        datetime(2100, 1, 1, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (("create", "nobody"), 2, "services here"),
        (("create",), 2, "SERVICE"),
        (("create", "front-desk", "--expires", "yesterday"), 2, "write a date"),
        (("create", "front-desk", "--expires", "2099-12-31T12:00"), 2, "time zone"),
        (("create", "front-desk", "--expires", "2001-01-01"), 2, "expired already"),
        (("create", "front-desk", "--expires", "999999w"), 2, "write a date"),
        (("create", "front-desk", "--expires", "9999-12-31T23:59-05:00"), 2, "write a date"),
        (("create", "front-desk", "--expires", "3m"), 2, "in hours, days or weeks (12h, 90d, 8w)"),
        (("list", "nobody"), 2, "services here"),
        (("revoke", "aaaaaaaa"), 1, "no key of that id"),
        (("revoke", "nonsense!"), 2, "8 letters"),
        (("revoke", "privet_aaaaaaaa_" + "A" * 43), 2, "8 letters"),
    ],
)
def test_what_is_wrong_is_said(vault: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    """In a sentence, with the code of whose fault it is; a key typed where an id belongs is not repeated."""
    done = key(vault, *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "A" * 43 not in done.err
