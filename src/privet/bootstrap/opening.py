"""Opening a vault directory: settings, catalogue, keys, store, engine. Refuses a database of another vault."""

from collections.abc import Callable
from pathlib import Path

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.bootstrap.adopting import adopt
from privet.bootstrap.engine import open_policy_engine
from privet.bootstrap.parts import Foundations, Parts, wire
from privet.bootstrap.passphrase import get_passphrase
from privet.config.catalogue import FILE, load_catalogue
from privet.config.settings import Settings, load_settings
from privet.crypto.keyring import Keyring
from privet.crypto.keyring_file import FileKeyring
from privet.decide.bundle import Bundle, build_bundle
from privet.decide.replay import keep_bundle
from privet.domain.catalogue import Catalogue
from privet.domain.ids import Millis, WorkerId
from privet.domain.ports import EntryRow, Store
from privet.errors import IntegrityError, Unavailable
from privet.store.custody.anchors import Anchors
from privet.store.custody.recovery import verify_not_restoring
from privet.store.opening import open_store

BUNDLES = "bundles"
"""Folder of every policy revision that ever decided here, so that a decision can be made again."""


def open_parts(
    directory: Path,
    *,
    passphrase: str | bytes | None,
    prompt: Callable[[], str] | None,
    clock: Callable[[], Millis],
    randomness: Callable[[int], bytes],
) -> Parts:
    """As Vault.open says."""
    settings = load_settings(directory)
    verify_not_restoring(directory)
    catalogue = load_catalogue(directory)
    secret = get_passphrase(passphrase, prompt=prompt)
    keyring = FileKeyring.open(settings.keyring_path, secret)
    worker = WorkerId(randomness(16))
    store = open_store(
        settings.database_url,
        database=settings.database,
        worker=worker,
        origin=settings.log_origin,
        clock=clock,
        randomness=randomness,
    )
    try:
        _verify_identity(settings, store)
        Anchors(settings.anchors_path, keyring.signer().public).verify_log(store.log)
        return _open(settings, catalogue, keyring, store, worker, clock, randomness)
    except BaseException:
        store.close()
        raise


def _verify_identity(settings: Settings, store: Store) -> None:
    if store.identity().vault != settings.vault_id:
        raise IntegrityError(
            "the database belongs to another vault than privet.toml; put the right one in its place"
        )


def _open(
    settings: Settings,
    catalogue: Catalogue,
    keyring: Keyring,
    store: Store,
    worker: WorkerId,
    clock: Callable[[], Millis],
    randomness: Callable[[int], bytes],
) -> Parts:
    def entry(numbered: Catalogue, before: str) -> EntryRow:
        bundle = build_bundle(numbered)
        scribe = Scribe(
            keyring=keyring,
            vault=settings.vault_id,
            worker=worker,
            policy=bundle.revision,
            clock=clock,
            randomness=randomness,
        )
        private = {"actor": "steward", "before": before, "after": numbered.digest}
        return scribe.act(Act.CATALOGUE if before else Act.OPEN, Decision.DONE, private)

    bundle = build_bundle(catalogue)
    # First, so that a vault that its OPA would not decide for leaves no trace in the database.
    engine = open_policy_engine(settings, bundle)
    try:
        numbered = adopt(store, catalogue, entry, file=FILE, keyring=keyring, vault=settings.vault_id)
        _keep(settings, bundle)
        return wire(
            Foundations(
                settings=settings,
                catalogue=numbered,
                store=store,
                keyring=keyring,
                vault=settings.vault_id,
                worker=worker,
                clock=clock,
                randomness=randomness,
                bundle=bundle,
                engine=engine,
            )
        )
    except BaseException:
        engine.close()
        raise


def _keep(settings: Settings, bundle: Bundle) -> None:
    try:
        keep_bundle(settings.directory / BUNDLES, bundle)
    except OSError as error:
        raise Unavailable(f"the policy bundle cannot be kept in {BUNDLES}/ ({error.strerror})") from None
