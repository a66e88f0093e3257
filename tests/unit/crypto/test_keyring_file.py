"""The keyring file: what opens it, what it costs, and no key in it in clear."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from privet.crypto import keyring_file
from privet.crypto.framing import join, u32
from privet.crypto.kdf import expand
from privet.crypto.keyring import FileKeyring, ScryptCost
from privet.crypto.keyring_format import PassphraseKey
from privet.crypto.keyring_material import MAX_EPOCH, KeyMaterial
from privet.errors import Conflict, InvalidInput, Unavailable
from tests.unit.crypto.keyring_files import CHEAP, WORDS, litter


def test_reopens(path: Path, ring: FileKeyring) -> None:
    """The same keys come back with the passphrase; the file is for its owner only and holds no key."""
    ring.add_epoch()
    again = FileKeyring.open(path, WORDS)
    assert again.epochs() == (1, 2)
    assert again.expand_root(b"x") == ring.expand_root(b"x")
    assert again.expand_epoch(2, b"x") == ring.expand_epoch(2, b"x")
    assert again.signer().public == ring.signer().public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not litter(path)


def test_no_raw_key_on_disk(path: Path) -> None:
    """No key and no passphrase stands in the file, raw or in hex."""
    drawn: list[bytes] = []

    def random(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    FileKeyring.create(path, WORDS, cost=CHEAP, random=random).add_epoch()
    data = path.read_bytes()
    keys = [value for value in drawn if len(value) == 32]
    assert len(keys) == 4
    for secret in [*keys, WORDS]:
        assert secret not in data
        assert secret.hex().encode() not in data


@pytest.mark.parametrize("passphrase", [b"battery", b"correct horse ", b"Correct horse"])
def test_wrong_passphrase(path: Path, ring: FileKeyring, passphrase: bytes) -> None:
    """One sentence, no hint, nothing of the passphrase in it."""
    with pytest.raises(Unavailable, match="wrong passphrase") as caught:
        FileKeyring.open(path, passphrase)
    assert passphrase.decode() not in str(caught.value)


def test_empty_passphrase(path: Path, ring: FileKeyring) -> None:
    """An empty passphrase neither makes nor opens nor replaces."""
    with pytest.raises(InvalidInput):
        FileKeyring.create(path.with_name("other"), b"", cost=CHEAP)
    with pytest.raises(InvalidInput):
        FileKeyring.open(path, b"")
    with pytest.raises(InvalidInput):
        ring.change_passphrase(b"", cost=CHEAP)


def test_missing_and_unreadable(path: Path, tmp_path: Path) -> None:
    """No file, a directory, or a missing directory is Unavailable, with a sentence."""
    with pytest.raises(Unavailable, match="no keyring file"):
        FileKeyring.open(path, WORDS)
    with pytest.raises(Unavailable):
        FileKeyring.open(tmp_path, WORDS)
    with pytest.raises(Unavailable):
        FileKeyring.open(tmp_path / ("x" * 300), WORDS)
    with pytest.raises(Unavailable):
        FileKeyring.create(tmp_path / "none" / "keyring", WORDS, cost=CHEAP)


def test_never_replaces(path: Path, ring: FileKeyring) -> None:
    """A second create is a conflict and leaves the file and no litter."""
    before = path.read_bytes()
    with pytest.raises(Conflict):
        FileKeyring.create(path, b"other", cost=CHEAP)
    assert path.read_bytes() == before
    assert not litter(path)


def test_change_passphrase(path: Path, ring: FileKeyring) -> None:
    """The new passphrase opens the same keys, the old one nothing; this keyring works on."""
    root = ring.expand_root(b"x")
    ring.change_passphrase(b"new words", cost=ScryptCost(log2_n=2))
    assert ring.cost == ScryptCost(log2_n=2)
    assert FileKeyring.open(path, b"new words").expand_root(b"x") == root
    with pytest.raises(Unavailable):
        FileKeyring.open(path, WORDS)
    assert ring.add_epoch() == 2
    assert FileKeyring.open(path, b"new words").epochs() == (1, 2)


def test_default_cost() -> None:
    """The default is scrypt N=2^17, r=8, p=1: 128 MiB a guess; less is weak, and more than 1 GiB is refused."""
    assert ScryptCost(log2_n=17, r=8, p=1) == keyring_file.DEFAULT_COST
    assert ScryptCost().memory == 128 << 20
    assert not ScryptCost().is_weak
    assert CHEAP.is_weak
    assert ScryptCost(log2_n=17, r=4).is_weak
    with pytest.raises(InvalidInput):
        ScryptCost(log2_n=21)


def test_derivation_is_as_documented() -> None:
    """A label's key is HKDF-Expand of scrypt's output (by another implementation) over label, cost and salt."""
    salt, cost = b"0123456789abcdef", ScryptCost(log2_n=4, r=2, p=3)
    key = PassphraseKey(WORDS, salt, cost)
    scrypted = Scrypt(salt=salt, length=32, n=16, r=2, p=3).derive(WORDS)
    info = join(b"privet/keyring/v1", u32(4), u32(2), u32(3), salt, b"epoch:1")
    assert key.derive("epoch:1") == expand(scrypted, info)
    with pytest.raises(InvalidInput):
        PassphraseKey(WORDS, b"short", CHEAP)


def test_material_bounds() -> None:
    """Key material refuses what no keyring holds, and there is no epoch after the last."""
    for bad in ({}, {0: bytes(32)}, {1: bytes(31)}):
        with pytest.raises(InvalidInput):
            KeyMaterial(root=bytes(32), seed=bytes(32), keks=bad)
    last = KeyMaterial(root=bytes(32), seed=bytes(32), keks={MAX_EPOCH: bytes(32)})
    with pytest.raises(InvalidInput):
        last.with_next_epoch(os.urandom)
