"""Tickets are named by a key, and open only in their own place."""

import hashlib
import os
import pickle

import pytest

from privet.crypto.keyring_memory import MemoryKeyring
from privet.crypto.tickets import TicketBox
from privet.domain.ids import VaultId
from privet.errors import IntegrityError

VAULT = VaultId(bytes(16))


def test_a_payload_opens_only_under_its_own_ticket() -> None:
    """Swapped between tickets, kinds or vaults, or altered, it is an IntegrityError."""
    keyring = MemoryKeyring()
    box = TicketBox(keyring, VAULT, "session")
    one, two = box.id(b"one"), box.id(b"two")
    sealed = box.seal(one, b"payload", os.urandom)
    assert box.open(one, sealed) == b"payload"
    other_kind = TicketBox(keyring, VAULT, "code")
    other_vault = TicketBox(keyring, VaultId(b"\x01" * 16), "session")
    for wrong, ticket, blob in (
        (box, two, sealed),
        (other_kind, one, sealed),
        (other_vault, one, sealed),
        (box, one, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (box, one, b""),
    ):
        with pytest.raises(IntegrityError):
            wrong.open(ticket, blob)


def test_ids_tell_nothing_and_differ_by_kind_and_vault() -> None:
    """The id of a short code is no plain hash of it, and one token has another id elsewhere."""
    keyring = MemoryKeyring()
    made = {
        TicketBox(keyring, VAULT, "code").id(b"123456"),
        TicketBox(keyring, VAULT, "session").id(b"123456"),
        TicketBox(keyring, VaultId(b"\x01" * 16), "code").id(b"123456"),
        hashlib.sha256(b"123456").digest(),
    }
    assert len(made) == 4
    assert {len(one) for one in made} == {32}


def test_a_box_hides_its_keys() -> None:
    """Neither shown nor pickled."""
    box = TicketBox(MemoryKeyring(), VAULT, "code")
    assert "hidden" in repr(box)
    with pytest.raises(TypeError):
        pickle.dumps(box)
