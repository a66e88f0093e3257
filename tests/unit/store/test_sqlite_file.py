"""What stands where a vault should: foreign, cut short, newer, older. One sentence each, and nothing changed."""

import os
import re
import sqlite3
import stat
from pathlib import Path

import pytest

from privet.domain.ids import Millis, VaultId, WorkerId
from privet.domain.ports import Store
from privet.errors import InvalidInput, PrivetError, Unavailable
from privet.store import sqlite_file
from privet.store.opening import open_store, upgrade_store
from tests.contract.store.rows import Rows
from tests.unit.store.conftest import Open


def alter(path: Path, statement: str) -> None:
    """Changes the database behind the vault's back."""
    connection = sqlite_file.get_driver().connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def refusal(open_sqlite: Open, path: Path) -> str:
    """The sentence with which opening is refused; the file is byte for byte what it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(Unavailable) as caught:
        open_sqlite(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    return caught.value.message


def test_no_file(open_sqlite: Open, path: Path) -> None:
    """A missing database says how one is had back, and is not made by looking."""
    assert "privet restore" in refusal(open_sqlite, path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"not a database" * 99])
def test_a_foreign_file(open_sqlite: Open, path: Path, content: bytes) -> None:
    """Empty, cut within the header, or not SQLite at all."""
    path.write_bytes(content)
    assert "database file" in refusal(open_sqlite, path)


def test_another_applications_database(open_sqlite: Open, path: Path) -> None:
    """A sound SQLite database without our mark is left alone."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE vault (id BLOB)")
    connection.close()
    assert "not a Privet vault" in refusal(open_sqlite, path)


def test_a_directory_in_its_place(open_sqlite: Open, path: Path) -> None:
    """A directory is named as such."""
    path.mkdir()
    assert "directory" in refusal(open_sqlite, path)


@pytest.mark.parametrize("keep", [101, 4096, 8192, -4096])
def test_a_truncated_file(open_sqlite: Open, path: Path, store: Store, rows: Rows, keep: int) -> None:
    """A vault cut short at any place is refused with one sentence."""
    with store.write() as unit:
        unit.append(rows.entries(300))
    store.close()
    path.write_bytes(path.read_bytes()[:keep])
    assert re.search("damaged|cut short", refusal(open_sqlite, path))


def test_a_newer_schema(open_sqlite: Open, path: Path, store: Store) -> None:
    """A vault of a newer Privet says to upgrade Privet."""
    store.close()
    alter(path, "UPDATE vault SET schema = 99")
    assert "upgrade Privet" in refusal(open_sqlite, path)


def test_an_older_schema(open_sqlite: Open, path: Path, store: Store) -> None:
    """A vault of an older Privet says how to bring it up."""
    store.close()
    alter(path, "UPDATE vault SET schema = 0")
    assert "privet upgrade" in refusal(open_sqlite, path)


def test_an_unknown_format(open_sqlite: Open, path: Path, store: Store) -> None:
    """Sealed bytes of a format we do not know are not guessed at."""
    store.close()
    alter(path, "UPDATE vault SET format = 9")
    assert "format 9" in refusal(open_sqlite, path)


def test_no_vault_row(open_sqlite: Open, path: Path, store: Store) -> None:
    """A database that lost its vault row is not opened as a new one."""
    store.close()
    alter(path, "DELETE FROM vault")
    assert "holds no vault" in refusal(open_sqlite, path)


def test_creation_never_overwrites(open_sqlite: Open, path: Path, store: Store) -> None:
    """Creating over an existing vault, or anything else, is refused."""
    store.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="already"):
        open_sqlite(path, create=True)
    assert path.read_bytes() == before


def test_creation_in_no_directory(open_sqlite: Open, tmp_path: Path) -> None:
    """The directory is the caller's to make."""
    with pytest.raises(Unavailable, match="directory"):
        open_sqlite(tmp_path / "none" / "vault.db", create=True)


def test_a_failed_creation_leaves_nothing(
    open_sqlite: Open, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the schema cannot be made, no half-made file stays."""

    def fail(*_: object) -> None:
        raise Unavailable("no")

    monkeypatch.setattr("privet.store.schema.migrate", fail)
    with pytest.raises(Unavailable):
        open_sqlite(path, create=True)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_ours_alone(path: Path, store: Store) -> None:
    """Mode 0600 for the file and what stands beside it, and our mark in its header."""
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == sqlite_file.APPLICATION_ID


def test_pragmas(store: Store) -> None:
    """Durable commits, zeroed deletions, WAL."""
    with store.writing() as connection:  # type: ignore[attr-defined]
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "secure_delete", "journal_mode", "foreign_keys")
        }
    assert values == {"synchronous": 2, "secure_delete": 1, "journal_mode": "wal", "foreign_keys": 0}


def test_an_unsafe_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions that can corrupt a WAL are not used, and the sentence says what to install."""
    monkeypatch.setattr(sqlite_file.get_driver(), "sqlite_version_info", (3, 51, 2))
    with pytest.raises(Unavailable, match="pysqlite3"):
        sqlite_file.get_driver()


def test_a_forked_child_is_refused(store: Store) -> None:
    """A child after fork() gets one sentence, and does not close what is its parent's."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with store.read():
                pass
        except PrivetError as error:
            store.close()
            status = 0 if "fork" in error.message else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with store.read() as unit:
        assert unit.state().epoch == 1


@pytest.mark.parametrize("name", ["a b", "50%20off", "what?x=1", "one#two", "a@b:c", "né"])
def test_odd_paths_are_taken_literally(open_sqlite: Open, tmp_path: Path, name: str) -> None:
    """Nothing in a path is decoded, cut or understood as part of a URL."""
    folder = tmp_path / name
    folder.mkdir()
    open_sqlite(folder / "vault.db", create=True).close()
    assert [file.name for file in folder.iterdir()] == ["vault.db"]
    open_sqlite(folder / "vault.db")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://h/d", "a:b:c"]
)
def test_other_urls_are_bad_input(url: str) -> None:
    """Only files and PostgreSQL."""
    for opening in (upgrade_store, open_anything):
        with pytest.raises(InvalidInput):
            opening(url)


def open_anything(url: str) -> object:
    return open_store(
        url, worker=WorkerId(b"w" * 16), origin="", clock=lambda: Millis(0), randomness=os.urandom
    )


def test_a_file_that_init_did_not_finish(open_sqlite: Open, path: Path) -> None:
    """Our mark, but no tables: one sentence, and the file stays."""
    sqlite_file.create_file(sqlite_file.get_driver(), path)
    assert "not a whole" in refusal(open_sqlite, path)


def test_a_moved_working_directory_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means where it pointed when the store was opened."""
    monkeypatch.chdir(tmp_path)
    store = open_store(
        "sqlite:///vault.db",
        create=True,
        vault=VaultId(b"v" * 16),
        worker=WorkerId(b"w" * 16),
        origin="o",
        clock=lambda: Millis(0),
        randomness=os.urandom,
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with store.write() as unit:
        unit.set_service_note("k", b"v")
    store.close()
    assert list((tmp_path / "elsewhere").iterdir()) == []
