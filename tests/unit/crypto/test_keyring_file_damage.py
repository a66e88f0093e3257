"""The keyring file: damaged, cut, foreign, newer, or edited by one without the passphrase."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privet.crypto.keyring import FileKeyring, ScryptCost
from privet.crypto.keyring_format import MAX_FILE, parse_keyring
from privet.errors import IntegrityError, Unavailable
from tests.unit.crypto.keyring_files import WORDS, edited


def test_every_byte_counts(path: Path, ring: FileKeyring) -> None:
    """A flip anywhere gives a typed refusal, or, in white space or the case of a hex digit, the same keys."""
    ring.add_epoch()
    data = path.read_bytes()
    refused = 0
    for at in range(len(data)):
        for flip in (0x01, 0x20):
            path.write_bytes(data[:at] + bytes((data[at] ^ flip,)) + data[at + 1 :])
            try:
                found = FileKeyring.open(path, WORDS)
            except (IntegrityError, Unavailable):
                refused += 1
            else:
                assert found.epochs() == (1, 2)
                assert found.expand_root(b"x") == ring.expand_root(b"x")
                assert found.expand_epoch(2, b"x") == ring.expand_epoch(2, b"x")
    assert refused > len(data)


def test_every_truncation(path: Path, ring: FileKeyring) -> None:
    """A file cut short at any byte is damage, not a traceback."""
    data = path.read_bytes()
    for size in range(len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(IntegrityError, match="damaged"):
            FileKeyring.open(path, WORDS)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"null",
        b'"privet/keyring"',
        b'{"format": "age"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": "privet/keyring", "version": 1}',
        b'{"format": "privet/keyring", "version": "1"}',
        b'{"format": "privet/keyring", "version": 0}',
        b'{"format": "privet/keyring", "version": true}',
        b" " * (MAX_FILE + 1),
    ],
    ids=lambda content: content[:44].decode("latin-1"),
)
def test_foreign_files(path: Path, content: bytes) -> None:
    """JSON of something else, no JSON, deep JSON and huge files are damage."""
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"):
        FileKeyring.open(path, WORDS)


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "kdf no object": lambda d: d.update(kdf=[]),
    "kdf a number": lambda d: d.update(kdf=7),
    "kdf unknown": lambda d: d["kdf"].update(name="argon2"),
    "kdf extra": lambda d: d["kdf"].update(extra=1),
    "cost a string": lambda d: d["kdf"].update(log2_n="17"),
    "cost a boolean": lambda d: d["kdf"].update(p=True),
    "cost zero": lambda d: d["kdf"].update(r=0),
    "cost negative": lambda d: d["kdf"].update(log2_n=-1),
    "cost over 1 GiB": lambda d: d["kdf"].update(log2_n=25, r=64),
    "salt short": lambda d: d["kdf"].update(salt="00"),
    "salt no hex": lambda d: d["kdf"].update(salt="zz" * 16),
    "keys a list": lambda d: d.update(keys=[]),
    "no keys": lambda d: d.update(keys={}),
    "no root": lambda d: d["keys"].pop("root"),
    "no seed": lambda d: d["keys"].pop("signing"),
    "no epoch": lambda d: d["keys"].pop("epoch:1"),
    "key a number": lambda d: d["keys"].update(root=1),
    "key short": lambda d: d["keys"].update(root="00"),
    "unknown key": lambda d: d["keys"].update({"rout": "00" * 40}),
    "epoch zero": lambda d: d["keys"].update({"epoch:0": "00" * 40}),
    "epoch padded": lambda d: d["keys"].update({"epoch:01": "00" * 40}),
    "epoch too large": lambda d: d["keys"].update({"epoch:4294967296": "00" * 40}),
    "epoch huge": lambda d: d["keys"].update({"epoch:" + "9" * 5000: "00" * 40}),
    "epoch foreign digits": lambda d: d["keys"].update({"epoch:٣": "00" * 40}),
    "mac missing": lambda d: d.pop("mac"),
    "mac short": lambda d: d.update(mac="00"),
    "something extra": lambda d: d.update(extra=1),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(path: Path, ring: FileKeyring, name: str) -> None:
    """Every part is checked before any key is derived."""
    edited(path, MALFORMED[name])
    with pytest.raises(IntegrityError, match="damaged"):
        parse_keyring(path.read_bytes())


def test_newer_version(path: Path, ring: FileKeyring) -> None:
    """A newer file says to upgrade, whatever else it holds."""
    edited(path, lambda d: d.update(version=2, kdf="new"))
    with pytest.raises(Unavailable, match="upgrade"):
        FileKeyring.open(path, WORDS)


def test_no_downgrade(path: Path, ring: FileKeyring) -> None:
    """Cost and salt are bound: an edited file does not open, so nobody makes guesses cheaper."""
    FileKeyring.create(path.with_name("dear"), WORDS, cost=ScryptCost(log2_n=4))
    edited(path.with_name("dear"), lambda d: d["kdf"].update(log2_n=1))
    with pytest.raises(Unavailable, match="wrong passphrase"):
        FileKeyring.open(path.with_name("dear"), WORDS)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["keys"].pop("epoch:1"),
        lambda d: d["keys"].update({"epoch:1": d["keys"]["epoch:2"]}),
        lambda d: d["keys"].update({"epoch:9": d["keys"]["epoch:2"]}),
        lambda d: d["keys"].update({"signing": d["keys"]["epoch:2"]}),
        lambda d: d.update(mac="00" * 32),
    ],
    ids=["epoch dropped", "epoch swapped", "epoch added", "seed swapped", "mac"],
)
def test_edited_by_one_without_the_passphrase(
    path: Path, ring: FileKeyring, change: Callable[[dict[str, Any]], object]
) -> None:
    """Keys cannot be dropped, added or moved to another label."""
    ring.add_epoch()
    edited(path, change)
    with pytest.raises(IntegrityError, match="altered"):
        FileKeyring.open(path, WORDS)


def test_root_swapped(path: Path, ring: FileKeyring) -> None:
    """A root that is another key's wrap looks like a wrong passphrase: neither opens."""
    edited(path, lambda d: d["keys"].update(root=d["keys"]["signing"]))
    with pytest.raises(Unavailable, match="wrong passphrase"):
        FileKeyring.open(path, WORDS)
