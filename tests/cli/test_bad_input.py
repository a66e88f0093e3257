"""Bad input to the command: one clear sentence on standard error, the right exit code, nothing on standard output."""

import errno
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from privet.errors import AccessDenied
from privet_cli import faults
from tests.cli.running import PASSPHRASE, PRIVET, environment, run, run_process, sentence

READ = ("read", "--as", "front-desk", "--purpose", "service-personalisation", "--field", "given_name")
ADA = ("--by", "email=ada@example.org")


def test_no_vault_named(tmp_path: Path) -> None:
    """Standing nowhere in particular, a command asks which vault: usage."""
    assert "--vault DIR" in sentence(run("doctor", cwd=tmp_path), 2)


@pytest.mark.parametrize(
    "command", [("doctor",), ("audit", "verify"), (*READ, *ADA), ("policy", "check"), ("keys", "list")]
)
def test_a_vault_that_is_not_there(command: tuple[str, ...], tmp_path: Path) -> None:
    """A directory that does not exist is an unavailable vault."""
    assert "there is no vault" in sentence(run("--vault", "nowhere", *command, cwd=tmp_path), 3)


def test_a_directory_that_is_no_vault(tmp_path: Path) -> None:
    """A directory without privet.toml is named as what it is."""
    assert "is no vault" in sentence(run("--vault", ".", "doctor", cwd=tmp_path), 3)


def test_wrong_passphrase(vault: Path) -> None:
    """Said in one sentence, and nothing is logged or changed."""
    before = (vault / "vault.db").read_bytes()
    assert "wrong passphrase" in sentence(run(*READ, *ADA, cwd=vault, passphrase="guess"), 3)
    assert (vault / "vault.db").read_bytes() == before


def test_no_passphrase_where_nobody_can_be_asked(vault: Path) -> None:
    """Without one it says how to give one."""
    assert "PRIVET_PASSPHRASE_FILE" in sentence(run(*READ, *ADA, cwd=vault, passphrase=None), 3)


@pytest.mark.parametrize("content, code", [(b"", 2), (b"\n", 2), (b"x" * 5000, 2), (None, 3)])
def test_bad_passphrase_files(content: bytes | None, code: int, vault: Path, tmp_path: Path) -> None:
    """Empty, too long, not there."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    sentence(run("--passphrase-file", str(file), *READ, *ADA, cwd=vault, passphrase=None), code)


def test_passphrase_is_never_a_flag(vault: Path) -> None:
    """`--passphrase` is refused with the reason."""
    ran = run("--passphrase", PASSPHRASE + "x", "doctor", cwd=vault)
    assert "never given on the command line" in sentence(ran, 2)


def test_passphrase_and_look_up_from_standard_input(vault: Path) -> None:
    """Both may come from standard input, a line each, in that order."""
    ran = run(
        "--passphrase-file", "-", *READ, "--by", "email=-",
        cwd=vault, passphrase=None, stdin=f"{PASSPHRASE}\nada@example.org\n",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "given_name\tAda\n")


def test_standard_input_that_ends_too_soon(vault: Path) -> None:
    """`email=-` without a line is bad input."""
    assert "standard input ended" in sentence(run(*READ, "--by", "email=-", cwd=vault), 2)


def _edit(vault: Path, statement: str) -> None:
    connection = sqlite3.connect(vault / "vault.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_vault_of_a_newer_version(vault: Path) -> None:
    """A newer schema is left alone, with the advice to upgrade Privet."""
    _edit(vault, "UPDATE vault SET schema = 999")
    for command in [(*READ, *ADA), ("audit", "verify"), ("upgrade",)]:
        assert "newer Privet" in sentence(run(*command, cwd=vault), 3)
    assert run("doctor", cwd=vault).code == 1


def test_settings_of_a_newer_version(vault: Path) -> None:
    """The same where privet.toml says so."""
    file = vault / "privet.toml"
    file.write_text(file.read_text().replace("format = 1", "format = 99"))
    assert "newer" in sentence(run(*READ, *ADA, cwd=vault), 3)


@pytest.mark.parametrize("kept", [0, 50, 100, 4096, 20_000])
def test_a_truncated_database(kept: int, vault: Path) -> None:
    """Cut short anywhere, it is refused; doctor says so too and exits 1."""
    for name in ("vault.db-wal", "vault.db-shm"):
        (vault / name).unlink(missing_ok=True)
    os.truncate(vault / "vault.db", kept)
    ran = run(*READ, *ADA, cwd=vault)
    assert ran.code in (1, 3)
    assert sentence(ran, ran.code)
    assert run("doctor", cwd=vault).code == 1


@pytest.mark.parametrize(
    "kind", ["noise", "text", "another SQLite database", "a directory", "another vault's"]
)
def test_a_foreign_database(kind: str, vault: Path, tmp_path: Path) -> None:
    """Whatever stands in its place is refused, and is as it was afterwards."""
    database = vault / "vault.db"
    if kind == "another vault's":
        run("init", "other", cwd=tmp_path)
        (tmp_path / "other" / "vault.db").replace(database)
        for name in ("vault.db-wal", "vault.db-shm"):
            (vault / name).unlink(missing_ok=True)
    else:
        for file in vault.glob("vault.db*"):
            file.unlink()
        if kind == "noise":
            database.write_bytes(os.urandom(100_000))
        elif kind == "text":
            database.write_text("customers\n" * 1000)
        elif kind == "a directory":
            database.mkdir()
        else:
            connection = sqlite3.connect(database)
            connection.execute("CREATE TABLE t (x)")
            connection.close()
    before = database.read_bytes() if database.is_file() else b""
    ran = run(*READ, *ADA, cwd=vault)
    assert ran.code in (1, 3)
    assert sentence(ran, ran.code)
    if database.is_file() and kind != "another vault's":
        assert database.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"not json", b"\xff" * 100, b'{"format": "privet/keyring", "version": 99}']
)
def test_a_damaged_keyring(damage: bytes, vault: Path) -> None:
    """A keyring that is none opens nothing."""
    (vault / "keyring.json").write_bytes(damage)
    ran = run(*READ, *ADA, cwd=vault)
    assert ran.code in (1, 3)
    assert sentence(ran, ran.code)


@pytest.mark.parametrize(
    "arguments",
    [
        ("read", "--as", "front-desk", "--purpose", "\x1b[31mred\x07", "--field", "given_name", *ADA),
        ("read", "--as", "front-desk", "--purpose", "x\udcff", "--field", "given_name", *ADA),
        ("read", "--as", "\udcff", "--purpose", "x", "--field", "given_name", *ADA),
        ("read", "--as", "front-desk", "--purpose", "p", "--field", "\udcff", *ADA),
        ("read", "--as", "front-desk", "--purpose", "p", "--field", "x" * 100_000, *ADA),
        ("read", "--as", "front-desk", "--purpose", "p" * 10_000_000, "--field", "given_name", *ADA),
        (*READ, "--by", "email=\udcff@example.org"),
        (*READ, "--by", "\x1b]0;title\x07=x"),
        (*READ, "--by", "email=" + "x" * 10_000_000),
        (*READ, "--subject", "\udcff"),
        ("\x1b[2J",),
        ("audit", "query", "--by", "email=\ud800"),
        ("audit", "query", "--subject", "zz"),
        ("audit", "show", "\udcff"),
        ("policy", "explain", "--as", "\x1b[2J", "--purpose", "\udcff", "--field", "x"),
        ("consent", "grant", *ADA, "\udcff\x00"),
        ("rights", "correct", *ADA, "given_name=\x1b[31m"),
        ("rights", "correct", *ADA, "given_name=" + "x" * 1_000_000),
        ("rights", "correct", *ADA, "\udcff=x"),
        ("rights", "export", *ADA, "no/such/place.zip"),
        ("rights", "export", *ADA, "nul\x00byte"),
        ("import", "\udcff.csv", "--map", "nowhere.yaml"),
        ("import", "nul\x00", "--map", "nul\x00"),
        ("backup", "nul\x00byte"),
        ("restore", "nowhere"),
        ("service", "show", "\x1b[31m"),
        ("keys", "passphrase", "--new-passphrase-file", "nowhere"),
    ],
)  # fmt: skip
def test_hostile_arguments(arguments: tuple[str, ...], vault: Path) -> None:
    """Control characters, lone surrogates, NULs and megabytes: refused, and no byte of them drives the terminal."""
    ran = run(*arguments, cwd=vault)
    assert ran.code in (1, 2, 3), ran
    assert len(ran.err) < 10_000
    assert not [c for c in ran.err + ran.out if c != "\n" and c != "\t" and not c.isprintable()]
    assert "fault in Privet itself" not in ran.err, ran.err


def test_undecodable_bytes_in_a_real_command_line(vault: Path) -> None:
    """The operating system hands over bytes that are no text."""
    ran = run_process("read", b"--as", b"\xff\xfe", "--purpose", "x", "--field", b"\xff", *ADA, cwd=vault)
    assert ran.code in (1, 2)


def test_a_10_mb_line_on_standard_input(vault: Path) -> None:
    """Only so much of it is read."""
    assert sentence(run(*READ, "--by", "email=-", cwd=vault, stdin=b"x" * 10_000_000), 2)


def test_what_names_a_person_is_not_repeated(vault: Path) -> None:
    """No sentence repeats an address that stood on the command line, in the right place or a wrong one."""
    for arguments in [
        (*READ, "--by", "email=secret@example"),
        (*READ, "--by", "secret@example.org"),
        (*READ, *ADA, "secret@example.org"),
        ("secret@example.org",),
        ("audit", "secret@example.org"),
        (*READ, "--by", "phone=secret@example.org"),
        (*READ, "--by", "email=secret@example.org"),
        ("consent", "status", "--by", "email=secret@example.org"),
        ("rights", "correct", *ADA, "phone=secret"),
        ("audit", "query", "--since", "secret"),
    ]:
        ran = run(*arguments, cwd=vault)
        assert ran.code in (1, 2)
        assert "secret" not in ran.err + ran.out


def test_a_closed_pipe_is_no_error_message(vault: Path) -> None:
    """`privet … | head -0`: quiet, whatever was to be printed."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PRIVET, "audit", "query", "--json"],
        cwd=vault,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (faults.EXIT_PIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_for_the_output(vault: Path) -> None:
    """Output that cannot be written is said, not lost."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PRIVET, "audit", "query"], cwd=vault, stdout=full, stderr=subprocess.PIPE, env=environment()
        )
    assert done.returncode == 3
    assert b"cannot be written" in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_an_unexpected_fault_says_no_value(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with a reference; the traceback only with PRIVET_DEBUG=1."""
    from privet import Vault

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr(Vault, "open", broken)
    ran = run(*READ, *ADA, cwd=vault)
    assert "reference" in sentence(ran, 3)
    assert "ada@example.org" not in ran.err
    assert "RuntimeError" in ran.err
    again = run(*READ, *ADA, cwd=vault)
    assert again.err == ran.err, "the same fault has another reference"


@pytest.mark.parametrize(
    "error, code",
    [
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
        (MemoryError(), 3),
        (EOFError(), 2),
        (OSError(errno.ENOSPC, "No space left on device"), 3),
        (AccessDenied("no"), 1),
        (RecursionError(), 3),
    ],
)
def test_every_way_to_end(error: BaseException, code: int) -> None:
    """Each kind of error has its exit code."""
    assert faults.report(error) == code


LONG = "v" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("--vault", LONG, "doctor"),
        ("policy", "key", LONG),
        ("policy", "bundle", f"{LONG}.tar.gz", "--key", "k", "--client", "CN=x"),
        ("service", "key", "create", "front-desk", "--out", LONG),
        ("init", LONG),
        ("audit", "prove", "0" * 32, "-o", LONG),
    ],
)
def test_a_name_that_no_file_may_have_is_no_fault_of_ours(arguments: tuple[str, ...], vault: Path) -> None:
    """Nor is one that this user may not look at: the sentence says what the system said."""
    ran = run(*arguments, cwd=vault)
    assert ran.code in (1, 3)
    assert "fault in Privet itself" not in ran.err, ran.err


@pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM, errno.EMFILE, errno.ELOOP])
def test_what_this_user_may_not_look_at_is_said(
    error: int, monkeypatch: pytest.MonkeyPatch, vault: Path
) -> None:
    """Standing in another's directory, for one: no reference of a fault, and where to look."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, "is_file", refused)
    assert os.strerror(error) in sentence(run("doctor", cwd=vault), 3)


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_the_caller_closed(closed: tuple[int, ...], vault: Path) -> None:
    """Output that goes nowhere is said where it can be; no file of the vault takes a stream's number."""

    def close() -> None:
        for number in closed:
            os.close(number)

    done = subprocess.run(
        [*PRIVET, "service", "list"],
        cwd=vault,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=close,
    )
    assert done.returncode == (3 if 1 in closed else 0), done
    assert b"Traceback" not in done.stderr
    if 2 not in closed:
        assert b"cannot be written" in done.stderr
    if 1 not in closed:
        assert b"front-desk" in done.stdout
