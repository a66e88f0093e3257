"""Backups: no key in them, one moment of the vault, and whatever is wrong with one is named."""

import json
import stat
from pathlib import Path

import pytest

from privet.audit.verify import verify_log
from privet.errors import Conflict, IntegrityError, Unavailable
from privet.store.custody.recovery import put_back_settings
from tests.contract.custody.restored import NAMES, reopened
from tests.contract.custody.test_rotation import run_victim
from tests.contract.custody.world import World, everybody


def test_backup_holds_no_key_and_no_password(world: World, tmp_path: Path) -> None:
    """Neither keyring, keypack nor journal, nor the database's password; nothing in clear; nobody else reads it."""
    world.add(*NAMES[:5])
    world.rotate()
    world.backup(tmp_path / "backup")
    files = [file for file in (tmp_path / "backup").rglob("*") if file.is_file()]
    assert {str(file.relative_to(tmp_path / "backup")) for file in files} == {
        "manifest.json", "manifest.sig", "database", "privet.toml", "catalogue.yaml", "notices/news.md",
        "bundles/ab.tar.gz",
    }  # fmt: skip
    held = b"".join(file.read_bytes() for file in files)
    for secret in (b"secret", b"privet/keyring", b"person1", b"privet/control-log"):
        assert secret not in held
    assert (world.directory / "keypack").read_bytes()[
        48:64
    ] in held  # a subject id, so that the look is a real one
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_backup_never_overwrites(local: World, tmp_path: Path) -> None:
    """Whatever stands there stays."""
    (tmp_path / "there").write_text("mine")
    with pytest.raises(Conflict):
        local.backup(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    local.backup(tmp_path / "backup")
    before = (tmp_path / "backup" / "manifest.json").read_bytes()
    with pytest.raises(Conflict):
        local.backup(tmp_path / "backup")
    assert (tmp_path / "backup" / "manifest.json").read_bytes() == before


def test_backup_under_load_is_consistent(world: World, tmp_path: Path, fresh_url: str) -> None:
    """While another process writes: what is restored is one moment, and its log is sound."""
    world.add(*NAMES)
    writer = run_victim("write", world, "other")
    assert writer.stdout is not None
    writer.stdout.readline()
    world.backup(tmp_path / "backup")
    (world.directory / "stop").touch()
    _, err = writer.communicate(timeout=60)
    assert writer.returncode == 0, err
    done = world.restore(tmp_path / "backup", fresh_url)
    assert done.people.living > len(NAMES)
    back = reopened(world, fresh_url)
    assert everybody(back, NAMES) == NAMES
    others = done.people.living - len(NAMES)
    assert everybody(back, [f"other{n}" for n in range(others)]) == [f"other{n}" for n in range(others)]
    assert back.read(f"other{others}") is None
    assert not verify_log(back.store.log, public=back.keyring.signer().public).damages
    back.close()


@pytest.mark.parametrize(
    "name", ["database", "privet.toml", "catalogue.yaml", "notices/news.md", "bundles/ab.tar.gz", "anchor"]
)
@pytest.mark.parametrize("harm", ["alter", "truncate", "lengthen", "delete", "link"])
def test_harmed_backup_names_the_part(local: World, tmp_path: Path, name: str, harm: str) -> None:
    """Each file altered, cut short, lengthened, deleted, or turned into a link: it is named, the vault untouched."""
    local.add("ann")
    local.checkpointer.sign()
    local.backup(tmp_path / "backup")
    local.checkpointer.sign()
    file = tmp_path / "backup" / name
    data = file.read_bytes()
    file.unlink()
    if harm == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        file.symlink_to(tmp_path / "elsewhere")
    elif harm != "delete":
        middle = len(data) // 2
        file.write_bytes(
            {
                "alter": data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :],
                "truncate": data[:-1],
                "lengthen": data + b"\0",
            }[harm]
        )
    with pytest.raises(IntegrityError, match=name):
        local.restore(tmp_path / "backup")
    back = reopened(local, local.url)
    assert back.read("ann") == "ann"
    back.anchors.verify_log(back.store.log)
    back.close()


def test_harmed_manifest_is_refused(local: World, tmp_path: Path) -> None:
    """Altered, of another form, unsigned, signed by another vault, of a newer version, or none."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    manifest, signature = tmp_path / "backup" / "manifest.json", tmp_path / "backup" / "manifest.sig"
    good, signed = manifest.read_bytes(), signature.read_bytes()
    document = json.loads(good)
    for other in (
        b"", b"[]", b"{", good.replace(b'"size": ', b'"size": 1'), json.dumps({**document, "files": {}}).encode(),
    ):  # fmt: skip
        manifest.write_bytes(other)
        with pytest.raises(IntegrityError, match="manifest"):
            local.restore(tmp_path / "backup")
    manifest.write_bytes(good)
    for other in (b"", b"zz", b"00" * 64, signed[:-3]):
        signature.write_bytes(other)
        with pytest.raises(IntegrityError, match="manifest"):
            local.restore(tmp_path / "backup")
    manifest.unlink()
    with pytest.raises(Unavailable, match="no backup here"):
        local.restore(tmp_path / "backup")


def test_names_outside_the_backup_are_refused(local: World, tmp_path: Path) -> None:
    """A manifest may not name files elsewhere, signed or not: settings are put back before the keyring opens."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    file = tmp_path / "backup" / "manifest.json"
    document = json.loads(file.read_bytes())
    (tmp_path / "evil.toml").write_text("x")
    for name in ("../evil.toml", "/etc/evil.toml", "notices/../../evil.toml"):
        document["files"][name] = document["files"]["privet.toml"]
        file.write_bytes(json.dumps(document).encode())
        with pytest.raises(IntegrityError, match="manifest"):
            put_back_settings(tmp_path / "backup", tmp_path / "new")
        del document["files"][name]
    assert not (tmp_path / "new").exists()
