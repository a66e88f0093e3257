# ruff: noqa: E501 - a call reads best on its line
"""Opening and creating: what is refused, in one sentence, with nothing changed; and what a changed catalogue does."""

import os
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from privet import Vault, by
from privet.bootstrap.passphrase import get_passphrase
from privet.bootstrap.verifying import read_verifier_key, verify_store
from privet.config.settings import load_settings
from privet.config.starter import write_starter
from privet.domain.ids import WorkerId
from privet.errors import AccessDenied, CatalogueError, Conflict, IntegrityError, InvalidInput, Unavailable
from privet.store.opening import open_store
from privet.store.sqlite_file import get_driver
from privet.testing import PASSPHRASE, StoppedClock, make_vault, open_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A vault with one person, closed."""
    with make_vault(tmp_path / "v", CATALOGUE, NOTICES) as vault:
        vault.service("register").put(by(crm_id="C1"), {"given_name": "Ann", "size": 38}, purpose="enrolment")
    return tmp_path / "v"


def test_the_starter_vault_is_made_private(tmp_path: Path) -> None:
    """`privet init`: the directory is its owner's alone, and so is every file with a secret."""
    with Vault.create(tmp_path / "v", passphrase=PASSPHRASE) as vault:
        assert vault.parts.catalogue.services
    assert stat.S_IMODE((tmp_path / "v").stat().st_mode) == 0o700
    for name in ("keyring.json", "vault.db", "privet.toml"):
        assert stat.S_IMODE((tmp_path / "v" / name).stat().st_mode) == 0o600, name
    for name in ("catalogue.yaml", "notices", "anchors/log.vkey"):
        assert (tmp_path / "v" / name).exists()


def test_a_directory_in_use_is_left_as_it_is(tmp_path: Path) -> None:
    """Creating over anything is a conflict, and touches nothing."""
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "letter.txt").write_text("keep me")
    with pytest.raises(Conflict):
        Vault.create(tmp_path / "v", passphrase=PASSPHRASE)
    assert [p.name for p in (tmp_path / "v").iterdir()] == ["letter.txt"]


def test_what_failed_half_way_leaves_nothing(tmp_path: Path) -> None:
    """A catalogue with a fault, a database that cannot be made: the directory is gone again."""
    with pytest.raises(CatalogueError):
        make_vault(tmp_path / "v", "fields: {a: {type: nonsense}}\n")
    assert not (tmp_path / "v").exists()
    with pytest.raises(InvalidInput):
        make_vault(tmp_path / "v", CATALOGUE, NOTICES, database_url="mysql://nowhere")
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("wrong", ["", "wrong", "only for tests\n"])
def test_a_wrong_passphrase_opens_nothing(closed: Path, wrong: str) -> None:
    """Unavailable (empty: InvalidInput), and the right one still opens it."""
    with pytest.raises((Unavailable, InvalidInput)):
        Vault.open(closed, passphrase=wrong)
    open_vault(closed).close()


def test_no_vault_is_unavailable_in_one_sentence(tmp_path: Path) -> None:
    """A directory that is not there, is empty, or is a file."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name in ("none", "file", "empty"):
        with pytest.raises(Unavailable) as refused:
            Vault.open(tmp_path / name, passphrase=PASSPHRASE)
        assert "\n" not in str(refused.value)


def test_the_database_of_another_vault_is_refused(closed: Path, tmp_path: Path) -> None:
    """Swapped files do not open: neither vault's keys would fit anyway, and this says why."""
    make_vault(tmp_path / "other", CATALOGUE, NOTICES).close()
    (tmp_path / "other" / "vault.db").replace(closed / "vault.db")
    with pytest.raises(Exception, match="another vault"):
        open_vault(closed)


def test_an_older_database_opens_only_by_restore(closed: Path) -> None:
    """The anchors are ahead of it: it is a rollback, or the wrong copy."""
    old = (closed / "vault.db").read_bytes()
    with open_vault(closed) as vault:
        vault.service("register").put(by(crm_id="C2"), {"given_name": "Bo"}, purpose="enrolment")
    (closed / "vault.db").write_bytes(old)
    with pytest.raises(Unavailable, match="privet restore"):
        open_vault(closed)


def test_a_new_catalogue_is_one_leaf_and_numbers_stay(closed: Path) -> None:
    """Fields come in with new numbers; what was stored still opens; an unchanged catalogue logs nothing."""
    with open_vault(closed) as vault:
        before = {path: f.number for path, f in vault.parts.catalogue.every_field.items()}
        size = vault.parts.store.log.size()
    path = closed / "catalogue.yaml"
    path.write_text(
        path.read_text().replace(
            "  phone:",
            "  nickname: {type: string, category: pd:Name, allow: [service-personalisation]}\n  phone:",
        )
    )
    with open_vault(closed) as vault:
        after = {path: f.number for path, f in vault.parts.catalogue.every_field.items()}
        assert {path: after[path] for path in before} == before
        assert after["nickname"] not in before.values()
        assert vault.parts.store.log.size() == size + 1
        assert vault.officer("ana").audit.query(act="catalogue")[0].actor == "steward"
        assert dict(vault.customer(by(crm_id="C1")).profile())["given_name"] == "Ann"


def test_a_field_that_holds_data_cannot_be_dropped(closed: Path) -> None:
    """Nor given another type; one that holds none can. The refusal names the field, and the old catalogue still opens."""
    path = closed / "catalogue.yaml"
    text = path.read_text()
    size_line = next(line for line in text.splitlines() if line.startswith("  size:"))
    for changed in (
        text.replace(size_line + "\n", "").replace("email, size, allergies", "email, allergies"),
        text.replace("size:       {type: integer", "size:       {type: string"),
    ):
        path.write_text(changed)
        with pytest.raises(CatalogueError, match=r"catalogue\.yaml: fields\.size: still holds data"):
            open_vault(closed)
    born = next(line for line in text.splitlines() if line.startswith("  born:"))
    path.write_text(text.replace(born + "\n", ""))
    open_vault(closed).close()


def test_a_session_under_an_old_catalogue_is_told_so(closed: Path) -> None:
    """Another process adopted a new revision: this one must be opened again, and releases nothing."""
    with open_vault(closed) as old:
        path = closed / "catalogue.yaml"
        path.write_text(path.read_text().replace("consent_for: P2Y", "consent_for: P1Y"))
        open_vault(closed).close()
        with pytest.raises(Unavailable, match="catalogue was changed"):
            old.service("desk").fetch(by(email="a@example.org"), purpose="care", fields=["given_name"])


def test_a_closed_vault_may_be_closed_again_and_does_not_pickle(closed: Path) -> None:
    """Keys never leave the process by accident."""
    import pickle

    vault = open_vault(closed)
    with pytest.raises(TypeError):
        pickle.dumps(vault)
    vault.close()
    vault.close()


def test_the_passphrase_comes_from_where_it_is_said(tmp_path: Path) -> None:
    """The argument, then the environment, then the file it names, then the prompt; nothing at all is Unavailable."""
    file = tmp_path / "pass"
    file.write_bytes(b"geheim\r\n")
    both = {"PRIVET_PASSPHRASE": "env", "PRIVET_PASSPHRASE_FILE": str(file)}
    assert get_passphrase("arg", environment=both) == b"arg"
    assert get_passphrase(None, environment=both) == b"env"
    assert get_passphrase(None, environment={"PRIVET_PASSPHRASE_FILE": str(file)}) == b"geheim"
    assert get_passphrase(None, environment={}, prompt=lambda: "typed") == b"typed"
    with pytest.raises(Unavailable, match="set PRIVET_PASSPHRASE_FILE"):
        get_passphrase(None, environment={})
    missing = tmp_path / "none"
    with pytest.raises(Unavailable, match=f"{missing} cannot be read"):
        get_passphrase(None, environment={"PRIVET_PASSPHRASE_FILE": str(missing)})
    for bad in ("", "x" * 5000):
        with pytest.raises(InvalidInput):
            get_passphrase(bad)


def test_a_leaf_altered_in_the_newest_entries_is_named(closed: Path) -> None:
    """No full tile covers it yet; the hash beside it says which one it is. And the vault does not open over it."""
    with open_vault(closed) as vault, pytest.raises(AccessDenied):
        vault.service("letters").fetch(by(crm_id="C1"), purpose="marketing.email", fields=["email"])
    with closing(get_driver().connect(closed / "vault.db")) as raw:
        (leaf,) = raw.execute("SELECT leaf FROM entry WHERE pos = 2").fetchone()
        raw.execute("UPDATE entry SET leaf = ? WHERE pos = 2", (leaf.replace(b'"refuse"', b'"permit"'),))
        raw.commit()
    with pytest.raises(IntegrityError, match="altered"):
        open_vault(closed)
    settings = load_settings(closed)
    store = open_store(
        settings.database_url,
        worker=WorkerId(bytes(16)),
        origin="",
        clock=StoppedClock(),
        randomness=os.urandom,
    )
    report = verify_store(store, settings, read_verifier_key(settings))
    store.close()
    assert report.first is not None
    assert (report.first.first, report.first.last) == (2, 2)


@pytest.mark.parametrize("there", [False, True])
def test_of_two_who_make_a_vault_at_once_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Whoever saw an empty directory and was slower is refused, and takes nothing of the other's vault away."""
    directory, mkdir = tmp_path / "v", Path.mkdir
    if there:
        directory.mkdir()

    def slow(path: Path, *given: Any, **more: Any) -> None:
        if path == directory:
            monkeypatch.undo()
            make_vault(directory, CATALOGUE, NOTICES).close()
        mkdir(path, *given, **more)

    monkeypatch.setattr(Path, "mkdir", slow)
    with pytest.raises(Conflict, match="is not empty"):
        Vault.create(directory, passphrase=PASSPHRASE)
    open_vault(directory).close()
    assert not list(directory.glob(".privet*"))


def test_a_directory_that_another_fills_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has begun, and nothing of its vault is there yet."""
    directory, mkdir = tmp_path / "v", Path.mkdir

    def slow(path: Path, *given: Any, **more: Any) -> None:
        mkdir(path, *given, **more)
        (path / ".privet-init").touch()

    monkeypatch.setattr(Path, "mkdir", slow)
    with pytest.raises(Conflict, match="another process makes a vault there"):
        Vault.create(directory, passphrase=PASSPHRASE)
    assert [path.name for path in directory.iterdir()] == [".privet-init"]


def test_why_a_vault_was_not_made_is_what_is_told(tmp_path: Path) -> None:
    """Whatever of it cannot be removed again."""

    def unlucky(size: int) -> bytes:
        (tmp_path / "v").rename(tmp_path / "w")
        raise Unavailable(f"no {size} random bytes")

    with pytest.raises(Unavailable, match="no 16 random bytes"):
        Vault.create(tmp_path / "v", passphrase=PASSPHRASE, randomness=unlucky)


@pytest.mark.parametrize("part", ["KEYRING", "JOURNAL", "ANCHORS", "DATABASE"])
def test_no_vault_is_made_that_its_environment_would_not_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The variable is named and nothing is made, there or elsewhere; one that says the same is no matter."""
    name, there = f"PRIVET_{part}__{'URL' if part == 'DATABASE' else 'PATH'}", tmp_path / "elsewhere" / "it"
    monkeypatch.setenv(name, f"sqlite:///{there}" if part == "DATABASE" else str(there))
    monkeypatch.setenv("PRIVET_SERVE__PORT", "9000")
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        Vault.create(tmp_path / "v", passphrase=PASSPHRASE)
    assert not list(tmp_path.iterdir())
    default = {"KEYRING": "keyring.json", "DATABASE": "sqlite:///vault.db"}.get(part, part.lower())
    monkeypatch.setenv(name, default)
    make_vault(tmp_path / "v", CATALOGUE, NOTICES).close()
    open_vault(tmp_path / "v").close()


def test_a_database_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    """`privet.toml` could not name it: no vault is left that does not open."""
    with pytest.raises(InvalidInput, match="not valid text"):
        Vault.create(tmp_path / "v", passphrase=PASSPHRASE, database_url=f"sqlite:///{tmp_path}/\udcff.db")
    assert not list(tmp_path.iterdir())


def test_a_notice_that_is_no_file_is_told(tmp_path: Path) -> None:
    """Copied, it would be waited for for ever; the sentence has a reason."""
    source = tmp_path / "source"
    source.mkdir()
    write_starter(source)
    os.mkfifo(source / "notices" / "pipe.md")
    with pytest.raises(Unavailable, match=r"cannot be copied \(one of its notices"):
        Vault.create(tmp_path / "v", passphrase=PASSPHRASE, catalogue=source)
    assert not (tmp_path / "v").exists()
