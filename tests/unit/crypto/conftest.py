"""Fixed ids and keys: what is tested here never depends on chance, except where hypothesis says so."""

from pathlib import Path

import pytest

from privet.crypto.envelope import SubjectKeys
from privet.crypto.keyring import FileKeyring, MemoryKeyring
from privet.domain.ids import SubjectId, VaultId
from tests.unit.crypto.keyring_files import CHEAP, WORDS
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keyring file is, or will be."""
    return tmp_path / "keyring"


@pytest.fixture
def ring(path: Path) -> FileKeyring:
    """A new keyring in its file."""
    return FileKeyring.create(path, WORDS, cost=CHEAP)
