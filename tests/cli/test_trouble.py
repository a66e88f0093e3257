"""Trouble while a command runs: another writer, a full disk, Ctrl-C, a log that was altered."""

import json
import os
import pty
import re
import resource
import select
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.cli.running import PRIVET, checked, environment, run, run_process, sentence
from tests.cli.running import Ran as Result

ADA = ("--by", "email=ada@example.org")
READ = ("read", "--as", "front-desk", "--purpose", "service-personalisation", "--field", "given_name", *ADA)
IMPORT = ("--vault", "guests.privet", "import", "many.csv", "--map", "guests.yaml")


def _many(home: Path, count: int) -> None:
    rows = (f"M-{n},Given{n},Family{n},guest{n}@example.org,,no" for n in range(count))
    (home / "many.csv").write_text("id,first,last,mail,phone,newsletter\n" + "\n".join(rows) + "\n")


def _lock(vault: Path) -> sqlite3.Connection:
    """Takes the write lock. For commands in another process: SQLite's locks do not hold within one."""
    connection = sqlite3.connect(vault / "vault.db", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_second_writer_is_waited_for(vault: Path) -> None:
    """While another process writes, a command waits, and then does its work."""
    held = _lock(vault)
    timer = threading.Timer(2.5, held.rollback)
    timer.start()
    started = time.monotonic()
    ran = run_process(*READ, cwd=vault)
    timer.join()
    held.close()
    assert (ran.code, ran.out) == (0, "given_name\tAda\n")
    assert time.monotonic() - started > 2


def test_a_writer_that_does_not_end_gets_one_sentence(vault: Path) -> None:
    """After 5 s the command gives up: unavailable."""
    held = _lock(vault)
    try:
        assert "another process" in sentence(run_process(*READ, cwd=vault), 3)
    finally:
        held.close()


def test_a_full_disk_in_an_import(home: Path) -> None:
    """No room: one sentence, exit code 3; what was in stays in, and the log is sound. With room it goes on."""
    _many(home, 3000)
    size = (home / "guests.privet" / "vault.db").stat().st_size
    limit = max(size, 1 << 19) + (1 << 20)

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    done = subprocess.run(
        [*PRIVET, *IMPORT], cwd=home, capture_output=True, text=True, env=environment(), preexec_fn=small
    )
    checked(Result(done.stdout, done.stderr, done.returncode))
    assert done.returncode == 3, done
    assert done.stderr.startswith("privet: ")
    assert run("--vault", "guests.privet", "audit", "verify", cwd=home).code == 0
    again = run(*IMPORT, "--json", cwd=home)
    told = json.loads(again.out)
    assert (told["rows"], told["imported"], told["rejected"]) == (3000, 3000, 0)


def test_ctrl_c_in_an_import_and_on_it_goes(home: Path) -> None:
    """Stopped, it says how to go on, exits 130; run again, the counts add up and nothing is there twice."""
    _many(home, 4000)
    database = home / "guests.privet" / "vault.db"
    process = subprocess.Popen(
        [*PRIVET, *IMPORT],
        cwd=home,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wal = database.with_name("vault.db-wal")
    until = time.monotonic() + 60
    while time.monotonic() < until and (wal.stat().st_size if wal.exists() else 0) < 400_000:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    checked(Result(out, err, process.returncode))
    assert process.returncode == 130, (out, err)
    assert "goes on from there" in err
    told = json.loads(run(*IMPORT, "--json", cwd=home).out)
    assert told["resumed"] > 0
    assert (told["rows"], told["imported"], told["created"]) == (4000, 4000, 4000)
    listed = json.loads(run("--vault", "guests.privet", "keys", "list", "--json", cwd=home).out)
    assert listed["people"] == 4002


def _on_terminal(arguments: tuple[str, ...], cwd: Path, answers: bytes = b"", **env: str) -> tuple[str, int]:
    """Runs a command with a real terminal for all its streams."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execvpe(PRIVET[0], [*PRIVET, *arguments], {**environment(env), "TERM": "xterm", "COLUMNS": "100"})
    said = b""
    until = time.monotonic() + 100
    while time.monotonic() < until:
        ready, _, _ = select.select([fd], [], [], 0.5)
        if not ready:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        said += data
        if answers and said.rstrip().endswith(b":"):
            line, _, answers = answers.partition(b"\n")
            os.write(fd, line + b"\n")
            said += b"\n"
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    text = said.decode()
    assert "Traceback" not in text
    return text, os.waitstatus_to_exitcode(status)


def test_progress_stands_on_terminals_only(home: Path) -> None:
    """On a terminal an import shows a bar; in a pipe standard error has the notes alone."""
    _many(home, 1500)
    text, code = _on_terminal(IMPORT, home)
    assert code == 0
    assert "importing many.csv" in text
    (home / "guests.privet" / "x").mkdir()
    assert "importing many.csv" not in run_process(*IMPORT, cwd=home).err


def test_colour_on_terminals_and_without_no_color(vault: Path) -> None:
    """Colour stands on a terminal, and not with NO_COLOR."""
    command = (*READ, "--field", "email")
    assert "\x1b[3" in _on_terminal(command, vault, NO_COLOR="")[0]
    assert "\x1b[3" not in _on_terminal(command, vault, NO_COLOR="1")[0]


def test_the_passphrase_is_asked_for_twice_and_never_shown(tmp_path: Path) -> None:
    """`init` on a terminal asks twice, again when they differ, and echoes nothing."""
    arguments = ("init", "new.privet")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        env = {k: v for k, v in environment().items() if k != "PRIVET_PASSPHRASE"}
        os.execvpe(PRIVET[0], [*PRIVET, *arguments], env)
    said = b""
    for answer in (b"first secret", b"other secret", b"third secret", b"third secret"):
        while not re.search(rb"(passphrase|Again): $", said, re.IGNORECASE):
            said += os.read(fd, 65536)
        time.sleep(0.05)
        os.write(fd, answer + b"\n")
        said += b"|"
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        said += data
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert b"not the same" in said
    assert b"secret" not in said
    assert run("--vault", "new.privet", "keys", "list", cwd=tmp_path, passphrase="third secret").code == 0


def test_an_altered_entry_is_named(vault: Path) -> None:
    """One byte of one entry: verify names it on standard output and exits 1, with no passphrase at hand."""
    run(*READ, cwd=vault)
    connection = sqlite3.connect(vault / "vault.db")
    pos, sealed = connection.execute("SELECT pos, sealed FROM entry ORDER BY pos LIMIT 1 OFFSET 2").fetchone()
    altered = bytes([sealed[0]]) + bytes([sealed[1] ^ 1]) + sealed[2:]
    with connection:
        connection.execute("UPDATE entry SET sealed = ? WHERE pos = ?", (altered, pos))
    connection.close()
    ran = run("audit", "verify", cwd=vault, passphrase=None)
    assert ran.code == 1
    assert f"entry {pos} " in ran.out
    assert "the log is damaged" in ran.err
    told = json.loads(run("audit", "verify", "--json", cwd=vault, passphrase=None).out)
    assert (told["ok"], told["damages"][0]["first"], told["damages"][0]["fault"]) == (False, pos, "sealed")


def test_verify_with_a_key_that_is_not_the_log_s(vault: Path, tmp_path: Path) -> None:
    """Checkpoints signed by another key are damage; a file that is no key is bad input."""
    run("init", "other", cwd=tmp_path)
    ran = run("audit", "verify", "--key", str(tmp_path / "other/anchors/log.vkey"), cwd=vault)
    assert ran.code == 1
    assert run("audit", "verify", "--key", str(vault / "privet.toml"), cwd=vault).code == 2
    assert run("audit", "verify", "--key", "nowhere", cwd=vault).code == 3


def test_an_older_database_opens_only_through_restore(vault: Path) -> None:
    """Anchors ahead of the log: a sentence that names `privet restore`."""
    old = (vault / "vault.db").read_bytes()
    run(*READ, cwd=vault)
    for file in vault.glob("vault.db*"):
        file.unlink()
    (vault / "vault.db").write_bytes(old)
    assert "privet restore" in sentence(run(*READ, cwd=vault), 3)
    assert run("audit", "verify", cwd=vault).code == 1
    ran = run("doctor", cwd=vault)
    assert ran.code == 1
    assert "fail" in ran.out


@pytest.mark.parametrize("loose", ["privet.toml", "vault.db", "."])
def test_doctor_warns_of_loose_modes(loose: str, vault: Path) -> None:
    """Files that others may read are named, with the chmod that mends it."""
    (vault / loose).chmod(0o755)
    ran = run("doctor", cwd=vault)
    assert ran.code == 0
    assert "chmod" in ran.out


@pytest.mark.parametrize("name", ["privet.toml", "vault.db", "journal", "."])
def test_doctor_fails_where_anybody_may_write(name: str, vault: Path) -> None:
    """Whoever may change the settings chooses the database and the policy: no mere warning."""
    (vault / name).chmod(0o777)
    ran = run("doctor", cwd=vault)
    assert ran.code == 1
    assert f"fail\tanybody on this machine can change {vault / name}" in ran.out
    assert "chmod" in ran.out
    (vault / name).chmod(0o770)
    ran = run("doctor", cwd=vault)
    assert ran.code == 0
    assert "others of its group can change" in ran.out


def test_doctor_of_a_vault_whose_database_is_gone(vault: Path) -> None:
    """Its keys and journal are there, so it is no new vault: restore, and no word of init."""
    for file in vault.glob("vault.db*"):
        file.unlink()
    ran = run("doctor", cwd=vault)
    assert ran.code == 1
    assert "`privet restore`" in ran.out
    assert "init" not in ran.out
    assert "`privet restore`" in sentence(run(*READ, cwd=vault), 3)


def test_doctor_does_not_send_to_itself(vault: Path) -> None:
    """A damaged file: what to do, which is not to run what has just been run."""
    database = vault / "vault.db"
    database.write_bytes(database.read_bytes()[:4_096] + bytes(8_192))
    ran = run("doctor", cwd=vault)
    assert ran.code == 1
    assert "privet restore" in ran.out
    assert "privet doctor" not in ran.out


def test_doctor_without_the_passphrase_looks_at_the_rest(vault: Path) -> None:
    """What needs no key is still looked at; that the rest was not is a finding."""
    ran = run("doctor", cwd=vault, passphrase=None)
    assert ran.code == 1
    assert "ok\tthe database file is whole" in ran.out
    assert "were not looked at" in ran.out


def test_doctor_says_where_the_keyring_belongs(vault: Path) -> None:
    """The path it is missed at, and the setting that names another."""
    (vault / "keyring.json").rename(vault.parent / "keyring.json")
    ran = run("doctor", cwd=vault)
    assert ran.code == 1
    assert f"put your copy of it at {vault / 'keyring.json'}, or set keyring.path" in ran.out


def test_doctor_says_where_the_database_server_is_named(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer: the setting to look at, and no word of its password."""
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PRIVET_DATABASE__URL", "postgresql+psycopg://x:hushhush@127.0.0.1:9/x")
    ran = run("doctor", cwd=vault)
    assert ran.code == 1
    assert "the database at 127.0.0.1 port 9: the database server is not reachable" in ran.out
    assert "look at database.url" in ran.out
    assert "hushhush" not in ran.out + ran.err


def test_deeply_nested_json_rows_are_rejected(home: Path) -> None:
    """A row nested past all reason goes to the rejects file; the rest is in."""
    deep = "[" * 5000 + "]" * 5000
    good = '{"id": "J-1", "first": "Jo", "last": "Doe", "mail": "jo@example.org", "phone": null, "newsletter": true}'
    (home / "many.jsonl").write_text(f'{{"id": {deep}}}\n{good}\n{{"id": "\\ud800"}}\nnot json\n')
    ran = run("--vault", "guests.privet", "import", "many.jsonl", "--map", "guests.yaml", "--json", cwd=home)
    told = json.loads(ran.out)
    assert (ran.code, told["rows"], told["imported"], told["rejected"]) == (1, 4, 1, 3)
    rejects = home / "many.jsonl.rejects.csv"
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert [line.split(",")[0] for line in rejects.read_text().splitlines()] == ["line", "1", "3", "4"]


def test_a_spreadsheet_gets_no_formula(vault: Path) -> None:
    """What a service wrote as its purpose is not a formula in the CSV."""
    run("read", "--as", "front-desk", "--purpose", "=1+1", "--field", "given_name", *ADA, cwd=vault)
    ran = run("audit", "query", "--csv", cwd=vault)
    assert ",'=1+1," in ran.out
    assert ",=1+1," not in ran.out


def test_doctor_of_a_catalogue_that_was_edited(vault: Path) -> None:
    """A new field has no number until the vault is next opened, which is no fault: every check is made."""
    before = run("doctor", cwd=vault)
    file = vault / "catalogue.yaml"
    text = file.read_text(encoding="utf-8")
    assert "\nfields:\n" in text
    file.write_text(
        text.replace(
            "\nfields:\n",
            "\nfields:\n  shoe: {type: string, category: pd:Name, allow: [service-personalisation]}\n",
            1,
        ),
        encoding="utf-8",
    )
    ran = run("doctor", cwd=vault)
    assert "shoe" not in ran.err, ran.err
    assert "ok\teverybody's keys unwrap" in ran.out
    assert ran.code == before.code


def test_doctor_of_a_database_that_cannot_be_opened(vault: Path) -> None:
    """SQLite takes no path so long: what it says, and no advice to restore, nor a fault of ours."""
    deep = vault.joinpath(*["d" * 200] * 3)
    deep.mkdir(parents=True)
    for file in vault.glob("vault.db*"):
        file.rename(deep / file.name)
    ran = run("doctor", cwd=vault, env={"PRIVET_DATABASE__URL": f"sqlite:///{deep}/vault.db"})
    assert ran.code == 1
    assert "fault in Privet itself" not in ran.err
    assert "look at its path and permissions" in ran.out
    assert "restore" not in ran.out
    assert "ok\tthe keyring opens" in ran.out or "warn\ta guess at the passphrase" in ran.out


@pytest.mark.parametrize(
    "name, value",
    [
        ("PRIVET_DATABASE__URL", "postgresql+psycopg://u:hushhush@[::1/x"),
        ("PRIVET_DATABASE__URL", "sqlite:///" + "d" * 300),
        ("PRIVET_KEYRING__PATH", "k" * 300),
    ],
)
def test_doctor_names_what_a_setting_has_wrong(name: str, value: str, vault: Path) -> None:
    """And goes on to the rest."""
    ran = run("doctor", cwd=vault, env={name: value})
    assert ran.code == 1
    assert "fault in Privet itself" not in ran.err
    assert "ok\tthe catalogue is sound" in ran.out
    assert "hushhush" not in ran.out + ran.err
