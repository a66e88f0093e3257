"""Fixed ids and keys: what is tested here never depends on chance, except where hypothesis says so."""

import pytest

from privet.crypto.envelope import SubjectKeys
from privet.crypto.keyring import MemoryKeyring
from privet.domain.ids import SubjectId, VaultId
from tests.vectors.make_crypto_golden import counted


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
