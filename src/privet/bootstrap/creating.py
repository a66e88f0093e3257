"""Making a new vault directory: keyring, database, journal, catalogue, and last of all `privet.toml`.

Refuses a directory that holds a vault, or anything else. `privet.toml` is written last, so that what failed half way is
no vault; its files are removed again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from privet.bootstrap.passphrase import get_passphrase
from privet.bootstrap.verifying import write_verifier_key
from privet.config.catalogue import FILE, NOTICES, load_catalogue
from privet.config.settings import Settings, default_settings, write_settings
from privet.config.starter import write_starter
from privet.crypto.keyring_file import DEFAULT_COST, FileKeyring
from privet.crypto.keyring_format import ScryptCost
from privet.domain.ids import Millis, VaultId, WorkerId
from privet.errors import Conflict, Unavailable
from privet.store.custody.journal import JournalFile
from privet.store.opening import open_store


def create_vault(
    directory: Path,
    *,
    passphrase: str | bytes | None,
    prompt: Callable[[], str] | None,
    catalogue: Path | None,
    database_url: str | None,
    clock: Callable[[], Millis],
    randomness: Callable[[int], bytes],
    cost: ScryptCost = DEFAULT_COST,
) -> None:
    """As Vault.create says, without opening it. `cost` is bound into the keyring; a low one is for tests."""
    secret = get_passphrase(passphrase, prompt=prompt)
    try:
        existed = directory.exists()
        if existed and (not directory.is_dir() or any(directory.iterdir())):
            raise Conflict(f"{directory} is not empty; name a new directory")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{directory} cannot be made ({error.strerror})") from None
    try:
        _fill(directory, secret, catalogue, database_url, clock, randomness, cost)
    except BaseException:
        _clear(directory, keep=existed)
        raise


def _fill(
    directory: Path,
    secret: bytes,
    catalogue: Path | None,
    database_url: str | None,
    clock: Callable[[], Millis],
    randomness: Callable[[int], bytes],
    cost: ScryptCost,
) -> None:
    if catalogue is None:
        write_starter(directory)
    else:
        _copy_catalogue(catalogue, directory)
    load_catalogue(directory)
    vault = VaultId(randomness(16))
    settings = default_settings(directory, vault, **({"database_url": database_url} if database_url else {}))
    keyring = FileKeyring.create(settings.keyring_path, secret, cost=cost)
    write_verifier_key(settings, keyring.signer().public)
    JournalFile.create(settings.journal_path, keyring, vault, randomness)
    _create_database(settings, keyring.current_epoch, clock, randomness)
    write_settings(directory, settings)


def _copy_catalogue(source: Path, directory: Path) -> None:
    try:
        shutil.copyfile(source / FILE, directory / FILE)
        if (source / NOTICES).is_dir():
            shutil.copytree(source / NOTICES, directory / NOTICES)
    except OSError as error:
        raise Unavailable(f"the catalogue at {source} cannot be copied ({error.strerror})") from None


def _create_database(
    settings: Settings, epoch: int, clock: Callable[[], Millis], randomness: Callable[[int], bytes]
) -> None:
    store = open_store(
        settings.database_url,
        database=settings.database,
        create=True,
        vault=settings.vault_id,
        worker=WorkerId(randomness(16)),
        origin=settings.log_origin,
        clock=clock,
        randomness=randomness,
    )
    try:
        with store.write() as unit:
            unit.open_epoch(epoch, clock())
    finally:
        store.close()


def _clear(directory: Path, *, keep: bool) -> None:
    """Removes what was made. The directory was empty or absent before, so all of it is ours."""
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if not keep:
        directory.rmdir()
