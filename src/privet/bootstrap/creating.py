"""Making a new vault directory: keyring, database, journal, catalogue, and last of all `privet.toml`.

Refuses a directory that holds a vault, or anything else. `privet.toml` is written last, so that what failed half way is
no vault; its files are removed again.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from privet.bootstrap.asking import is_text
from privet.bootstrap.passphrase import get_passphrase
from privet.bootstrap.verifying import write_verifier_key
from privet.config.catalogue import FILE, NOTICES, load_catalogue
from privet.config.settings import Settings, default_settings, find_elsewhere, write_settings
from privet.config.starter import write_starter
from privet.crypto.keyring_file import DEFAULT_COST, FileKeyring
from privet.crypto.keyring_format import ScryptCost
from privet.domain.ids import Millis, VaultId, WorkerId
from privet.errors import Conflict, InvalidInput, Unavailable
from privet.store.custody.journal import JournalFile
from privet.store.opening import open_store

_CLAIM = ".privet-init"
"""Stands in the directory while it is filled."""


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
        _claim(directory)
    except OSError as error:
        raise Unavailable(f"{directory} cannot be made ({error.strerror})") from None
    try:
        _fill(directory, secret, catalogue, database_url, clock, randomness, cost)
        (directory / _CLAIM).unlink()
    except BaseException:
        _clear(directory, keep=existed)
        raise


def _claim(directory: Path) -> None:
    """Takes the empty directory for this process: whoever comes second would remove the first one's vault."""
    claim = directory / _CLAIM
    try:
        os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Conflict(f"{directory}: another process makes a vault there; name a new directory") from None
    if any(entry.name != _CLAIM for entry in directory.iterdir()):
        claim.unlink()
        raise Conflict(f"{directory} is not empty; name a new directory")


def _fill(
    directory: Path,
    secret: bytes,
    catalogue: Path | None,
    database_url: str | None,
    clock: Callable[[], Millis],
    randomness: Callable[[int], bytes],
    cost: ScryptCost,
) -> None:
    if not is_text(database_url or ""):
        raise InvalidInput(
            "the database's address is not valid text, so privet.toml cannot hold it", field="database"
        )
    if catalogue is None:
        write_starter(directory)
    else:
        _copy_catalogue(catalogue, directory)
    load_catalogue(directory)
    vault = VaultId(randomness(16))
    settings = default_settings(directory, vault, **({"database_url": database_url} if database_url else {}))
    elsewhere = find_elsewhere(settings)
    if elsewhere:
        raise InvalidInput(
            f"{', '.join(elsewhere)}: the vault would be made in one place and looked for in another; unset it until "
            "the vault is made and its file moved there (a database: name the same with --database)"
        )
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
        why = (
            error.strerror or "one of its notices cannot be read, or is no file"
        )  # shutil's own error has none
        raise Unavailable(f"the catalogue at {source} cannot be copied ({why})") from None


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
    """Removes what was made. The directory was empty or absent before and then claimed, so all of it is ours.

    What cannot be removed stays: why the making failed is what must be heard.
    """
    with suppress(OSError):
        for entry in sorted(directory.iterdir(), key=lambda entry: entry.name == _CLAIM):  # the claim last
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        if not keep:
            directory.rmdir()
