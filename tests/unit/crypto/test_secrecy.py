"""Objects that hold keys do not print, pickle or copy them."""

import copy
import pickle
from pathlib import Path

import pytest

from privet.crypto.access import AccessRefs
from privet.crypto.aead import FieldCipher
from privet.crypto.bundle_signing import BundleSigner
from privet.crypto.envelope import SubjectKeys
from privet.crypto.kdf import PreparedKey
from privet.crypto.keyring import FileKeyring, MemoryKeyring, ScryptCost
from privet.crypto.keyring_format import PassphraseKey
from privet.crypto.keyring_material import KeyMaterial
from privet.crypto.pairwise import PairwiseIds
from privet.crypto.revision import Revisions
from privet.crypto.secrecy import Secret
from privet.crypto.signing import Signer
from privet.crypto.siv import Siv
from privet.crypto.tickets import TicketBox
from privet.crypto.vaultkey import VaultKeys
from privet.domain.ids import VaultId

KEY = b"SECRETKEY-SECRETKEY-SECRETKEY-32"
VAULT = VaultId(bytes(16))
CHEAP = ScryptCost(log2_n=4)


def holders(directory: Path) -> list[Secret]:
    ring = MemoryKeyring(lambda size: (KEY * 3)[:size])
    return [
        FieldCipher(KEY),
        SubjectKeys(KEY, KEY),
        PreparedKey(KEY),
        Signer(KEY),
        Siv(KEY + KEY),
        KeyMaterial(root=KEY, seed=KEY, keks={1: KEY}),
        PassphraseKey(KEY, bytes(16), CHEAP),
        ring,
        FileKeyring.create(directory / "keyring", KEY, cost=CHEAP),
        AccessRefs(ring),
        PairwiseIds(ring, VAULT),
        VaultKeys(ring, VAULT),
        TicketBox(ring, VAULT, "session"),
        Revisions(ring, ["front-desk"]),
        BundleSigner.generate(),
    ]


def test_all_holders(tmp_path: Path) -> None:
    """repr and str hide, pickling and copying raise, and no instance has a __dict__ for vars() to show."""
    for holder in holders(tmp_path):
        for shown in (repr(holder), str(holder), f"{holder}", repr([holder])):
            assert shown.strip("[]") == f"<{type(holder).__name__}: hidden>"
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="cannot be pickled"):
                pickle.dumps(holder, protocol)
        with pytest.raises(TypeError):
            copy.copy(holder)
        with pytest.raises(TypeError):
            copy.deepcopy([holder])
        with pytest.raises(TypeError):
            holder.__getstate__()
        assert not hasattr(holder, "__dict__")


def test_every_holder_is_listed(tmp_path: Path) -> None:
    """A new key holder must be added here, and so be tested."""
    ours = {kind for kind in Secret.__subclasses__() if kind.__module__.startswith("privet.crypto.")}
    assert {type(holder) for holder in holders(tmp_path)} == ours
