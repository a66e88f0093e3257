"""The keyring in a file under a passphrase: embedded vaults and single servers.

A change is a new file: written beside, fsynced, renamed over the old, the directory fsynced. After a crash
the old file or the new one is there, whole. Writers of several processes take turns by a lock on the file.
The old bytes are *not* overwritten first: on SSDs and journaling file systems that reaches nothing; what
bounds the life of a destroyed epoch is that the disk and its copies hold it only under the passphrase
(SECURITY.md). Refuses to replace an existing keyring.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from privet.crypto.keyring_format import (
    MAX_FILE,
    SALT_SIZE,
    PassphraseKey,
    ScryptCost,
    parse_keyring,
    render,
    verify_keyring,
)
from privet.crypto.keyring_material import KeyMaterial, Random
from privet.crypto.secrecy import Secret
from privet.crypto.signing import Signer
from privet.errors import Conflict, Unavailable

DEFAULT_COST = ScryptCost()
LOCK_WAIT_S = 5.0


class FileKeyring(Secret):
    """Made by `create` or `open`. Threads may share it; `reload` sees what other processes did."""

    __slots__ = ("_key", "_lock", "_material", "_path", "_random", "_seen")

    def __init__(
        self, path: Path, key: PassphraseKey, material: KeyMaterial, seen: bytes, random: Random
    ) -> None:
        self._path = path
        self._key = key
        self._material = material
        self._seen = seen
        self._random = random
        self._lock = threading.RLock()

    @classmethod
    def create(
        cls, path: Path, passphrase: bytes, *, cost: ScryptCost = DEFAULT_COST, random: Random = os.urandom
    ) -> "FileKeyring":
        """A new keyring in epoch 1, mode 0600. Conflict if the file exists, InvalidInput for an empty passphrase."""
        key = PassphraseKey(passphrase, random(SALT_SIZE), cost)
        material = KeyMaterial.generate(random)
        data = render(material, key)
        _write(path, data, new=True)
        return cls(path, key, material, data, random)

    @classmethod
    def open(cls, path: Path, passphrase: bytes, *, random: Random = os.urandom) -> "FileKeyring":
        """Open an existing keyring. Unavailable for no file, a wrong passphrase or a newer version,
        IntegrityError for a damaged one, InvalidInput for an empty passphrase.

        No lower bound on the cost is needed here: it is bound into every key, so that an edited file does not open.
        """
        data = _read(path)
        found = parse_keyring(data)
        key = PassphraseKey(passphrase, found.salt, found.cost)
        return cls(path, key, verify_keyring(found, key), data, random)

    @property
    def cost(self) -> ScryptCost:
        """What a guess at the passphrase costs; `cost.is_weak` is for `doctor`."""
        return self._key.cost

    @property
    def current_epoch(self) -> int:
        return self._material.current_epoch

    def epochs(self) -> tuple[int, ...]:
        return self._material.epochs()

    def signer(self) -> Signer:
        return self._material.signer()

    def expand_root(self, info: bytes, length: int = 32) -> bytes:
        return self._material.expand_root(info, length)

    def expand_epoch(self, epoch: int, info: bytes) -> bytes:
        """As the port says; an epoch past the newest known is looked for in the file first: another process rotated."""
        if epoch > self._material.current_epoch:
            self.reload()
        return self._material.expand_epoch(epoch, info)

    def reload(self) -> None:
        """Read the file if it changed. Unavailable if its passphrase was changed: the process must be started anew."""
        with self._lock:
            # By content: inode numbers return, and two changes fit into one tick of a file system's clock.
            data = _read(self._path)
            if data == self._seen:
                return
            found = parse_keyring(data)
            if found.salt != self._key.salt or found.cost != self._key.cost:
                raise Unavailable(
                    "the keyring's passphrase was changed: open the vault again with the new one"
                )
            self._material = verify_keyring(found, self._key)
            self._seen = data

    def add_epoch(self) -> int:
        """Open the next epoch, durably. After Unavailable it may or may not be there: `reload` tells."""
        return self._change(lambda material: material.with_next_epoch(self._random)).current_epoch

    def destroy_epoch(self, epoch: int) -> None:
        """Destroy an epoch's key, durably; again is no error. InvalidInput for the current one."""
        self._change(lambda material: material.without_epoch(epoch))

    def change_passphrase(self, passphrase: bytes, *, cost: ScryptCost = DEFAULT_COST) -> None:
        """Seal the same keys under another passphrase and salt. Copies of the old file still open with the old one."""
        key = PassphraseKey(passphrase, self._random(SALT_SIZE), cost)
        self._change(lambda material: material, key)

    def _change(
        self, change: Callable[[KeyMaterial], KeyMaterial], key: PassphraseKey | None = None
    ) -> KeyMaterial:
        with self._lock, _locked(self._path):
            self.reload()
            key = key or self._key
            material = change(self._material)
            data = render(material, key)
            _write(self._path, data, new=False)
            self._key = key
            self._material = material
            self._seen = data
            return material


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise Unavailable("there is no keyring file where the vault expects it") from None
    except OSError as error:
        raise _disk(error) from None


def _write(path: Path, data: bytes, *, new: bool) -> None:
    """Replace (or, if new, make) the file so that a crash leaves the old one or the whole new one."""
    beside = path.with_name(f".{path.name}.new")
    try:
        # One fixed name: what a crash left there (it may hold an epoch since destroyed) goes with the next change.
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(beside, path)  # unlike a rename, fails if the file exists
            beside.unlink()
        else:
            beside.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except FileExistsError:
        beside.unlink(missing_ok=True)
        raise Conflict("there is a keyring file already: it is never replaced") from None
    except OSError as error:
        raise _disk(error) from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock. A writer before us renames the file away from under it: then take the new one's."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            held = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise _disk(error) from None
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable("another process is changing the keyring: try again") from None
                time.sleep(0.02)
                continue
            if _is_current(held, path):
                yield
                return
        finally:
            os.close(held)


def _is_current(held: int, path: Path) -> bool:
    """Whether the open file is still the one of that name. It is open, so its inode number is not another's."""
    try:
        return os.path.samestat(os.fstat(held), path.stat())
    except OSError as error:
        raise _disk(error) from None


def _disk(error: OSError) -> Unavailable:
    return Unavailable(f"the keyring file cannot be used: {error.strerror or 'input/output error'}")
