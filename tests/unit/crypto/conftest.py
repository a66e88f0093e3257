"""Fixed ids and keys: what is tested here never depends on chance, except where hypothesis says so."""

import hashlib
from collections.abc import Callable

import pytest

from privet.crypto.envelope import SubjectKeys
from privet.crypto.keyring import MemoryKeyring
from privet.domain.ids import SubjectId, VaultId


def counted(seed: str) -> Callable[[int], bytes]:
    """A reproducible source of bytes: SHA-256 of seed and counter."""
    state = 0

    def draw(size: int) -> bytes:
        nonlocal state
        out = b""
        while len(out) < size:
            out += hashlib.sha256(f"{seed} {state}".encode()).digest()
            state += 1
        return out[:size]

    return draw


@pytest.fixture
def keyring() -> MemoryKeyring:
    return MemoryKeyring(counted("keyring"))


@pytest.fixture
def vault() -> VaultId:
    return VaultId(bytes(range(16)))


@pytest.fixture
def subject() -> SubjectId:
    return SubjectId(bytes(range(16, 32)))


@pytest.fixture
def keys() -> SubjectKeys:
    return SubjectKeys(b"d" * 32, b"a" * 32)
