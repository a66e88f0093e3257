"""Restoring a vault from a backup, with its keyring, keypack and journal: bootstrap's half of `privet restore`.

Refuses what `store.custody.recovery` refuses; opens no session.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from privet.audit.scribe import Scribe
from privet.bootstrap.adopting import number
from privet.bootstrap.passphrase import get_passphrase
from privet.bootstrap.vault import system_clock
from privet.config.catalogue import load_catalogue
from privet.config.settings import load_settings
from privet.crypto.keyring_file import FileKeyring
from privet.decide.bundle import build_bundle
from privet.domain.catalogue import Catalogue
from privet.domain.ids import WorkerId
from privet.domain.ports import Clock, Randomness
from privet.store.custody.anchors import Anchors
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.custody.recovery import Restored, put_back_settings, restore

__all__ = ["Restored", "restore_vault"]


def restore_vault(
    backup: Path,
    directory: Path,
    *,
    passphrase: str | bytes | None = None,
    prompt: Callable[[], str] | None = None,
    clock: Clock = system_clock,
    randomness: Randomness,
    progress: Callable[[str, int, int], None] | None = None,
) -> Restored:
    """Brings the vault in `directory` back from `backup`: the living, never a withdrawn consent or an erased person.

    Settings and catalogue that the directory lacks are put back first; keyring, keypack and journal must be in place.
    Raises Unavailable, IntegrityError; the live database then is as it was.
    """
    put_back_settings(backup, directory)
    settings = load_settings(directory)
    catalogue = load_catalogue(directory)
    keyring = FileKeyring.open(settings.keyring_path, get_passphrase(passphrase, prompt=prompt))
    vault = settings.vault_id
    worker = WorkerId(randomness(16))

    def numbered(numbers: Mapping[tuple[str, str], int]) -> Catalogue:
        return number(catalogue, numbers)

    scribe = Scribe(
        keyring=keyring,
        vault=vault,
        worker=worker,
        policy=build_bundle(catalogue).revision,
        clock=clock,
        randomness=randomness,
    )
    return restore(
        backup=backup,
        directory=directory,
        database_url=settings.database_url,
        database=settings.database,
        keyring=keyring,
        vault=vault,
        catalogue=numbered,
        keypack=KeypackFile(settings.keypack_path, keyring, vault),
        journal=JournalFile(settings.journal_path, keyring, vault, randomness),
        anchors=Anchors(settings.anchors_path, keyring.signer().public),
        scribe=scribe,
        worker=worker,
        clock=clock,
        randomness=randomness,
        progress=progress,
    )
