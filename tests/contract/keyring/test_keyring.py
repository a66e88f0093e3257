"""What every keyring does, whatever holds its keys."""

from collections.abc import Callable
from pathlib import Path

import pytest

from privet.crypto.keyring import FileKeyring, Keyring, MemoryKeyring, ScryptCost
from privet.errors import InvalidInput, KeyDestroyed

Make = Callable[[], Keyring]


@pytest.fixture(params=["memory", "file", "file reopened"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes fresh keyrings of one kind."""
    made = 0

    def fresh() -> Keyring:
        nonlocal made
        made += 1
        if request.param == "memory":
            return MemoryKeyring()
        path = tmp_path / f"keyring{made}"
        ring = FileKeyring.create(path, b"passphrase", cost=ScryptCost(log2_n=4))
        return ring if request.param == "file" else FileKeyring.open(path, b"passphrase")

    return fresh


def test_starts_in_epoch_one(make: Make) -> None:
    """A fresh keyring holds epoch 1 and nothing else."""
    ring = make()
    assert ring.epochs() == (1,)
    assert ring.current_epoch == 1


def test_keyrings_are_fresh(make: Make) -> None:
    """Two keyrings share no key."""
    one, two = make(), make()
    assert one.expand_root(b"x") != two.expand_root(b"x")
    assert one.expand_epoch(1, b"x") != two.expand_epoch(1, b"x")
    assert one.signer().public != two.signer().public


def test_derivations(make: Make) -> None:
    """Each info, length and key gives its own bytes, the same each time."""
    ring = make()
    ring.add_epoch()
    found = {
        ring.expand_root(b"x"),
        ring.expand_root(b"y"),
        ring.expand_epoch(1, b"x"),
        ring.expand_epoch(2, b"x"),
        ring.expand_epoch(2, b"y"),
    }
    assert len(found) == 5
    assert ring.expand_epoch(2, b"x") in found
    assert len(ring.expand_root(b"x", 64)) == 64


def test_epochs_grow(make: Make) -> None:
    """The next epoch is current at once; the old ones and the root stay."""
    ring = make()
    root, first = ring.expand_root(b"x"), ring.expand_epoch(1, b"x")
    assert [ring.add_epoch(), ring.add_epoch()] == [2, 3]
    assert ring.current_epoch == 3
    assert ring.epochs() == (1, 2, 3)
    assert (ring.expand_root(b"x"), ring.expand_epoch(1, b"x")) == (root, first)


def test_destroyed_is_gone(make: Make) -> None:
    """A destroyed epoch derives nothing, its number never returns, and destroying it again is no error."""
    ring = make()
    ring.add_epoch()
    ring.destroy_epoch(1)
    ring.destroy_epoch(1)
    ring.reload()
    assert ring.epochs() == (2,)
    with pytest.raises(KeyDestroyed):
        ring.expand_epoch(1, b"x")
    assert ring.add_epoch() == 3


@pytest.mark.parametrize("epoch", [2, 3, 0, -1])
def test_what_cannot_be_destroyed(make: Make, epoch: int) -> None:
    """The current epoch stays, and one that never was is a mistake."""
    ring = make()
    ring.add_epoch()
    with pytest.raises(InvalidInput):
        ring.destroy_epoch(epoch)
    assert ring.epochs() == (1, 2)


@pytest.mark.parametrize("epoch", [0, 2, 2**32 - 1])
def test_unknown_epochs(make: Make, epoch: int) -> None:
    """An epoch that is not held derives nothing, be it from the past, the future or a hostile row."""
    with pytest.raises(KeyDestroyed):
        make().expand_epoch(epoch, b"x")


def test_signs(make: Make) -> None:
    """The signer is one and the same for the life of the keyring."""
    ring = make()
    signature = ring.signer().sign(b"m")
    ring.add_epoch()
    ring.signer().verifier().verify(b"m", signature)
