"""The parts of an open vault, wired once. Holds keys: it has no telling repr, and refuses to be pickled."""

from dataclasses import dataclass, field
from typing import NoReturn

from privet.audit.scribe import Scribe
from privet.config.settings import Settings
from privet.crypto.access import AccessRefs
from privet.crypto.keyring import Keyring
from privet.crypto.pairwise import PairwiseIds
from privet.crypto.revision import Revisions
from privet.crypto.vaultkey import VaultKeys
from privet.decide.bundle import Bundle
from privet.decide.controls import ControlBox
from privet.decide.verdict import Judge
from privet.domain.catalogue import Catalogue
from privet.domain.decision import Remembering
from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Clock, Randomness, Store
from privet.identify.lookup import Lookups
from privet.identify.resolver import Resolver
from privet.intake.deciding import WriteDecider
from privet.intake.indexing import Indexing
from privet.intake.once import Once
from privet.intake.pipeline import Intake
from privet.intake.working import Sealer
from privet.release.deciding import Deciding
from privet.release.disclosing import Disclosing
from privet.release.identifying import Identifying
from privet.release.logging import Logging
from privet.release.pipeline import Pipeline
from privet.store.custody.anchors import Anchors, Checkpointer
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.custody.standing import JournalWatch
from privet.transform.minimise import Minimiser


@dataclass(frozen=True, kw_only=True)
class Foundations:
    """What must exist before anything is wired: settings, keys, store, catalogue."""

    settings: Settings
    catalogue: Catalogue
    store: Store
    keyring: Keyring = field(repr=False)
    vault: VaultId
    worker: WorkerId
    clock: Clock = field(repr=False)
    randomness: Randomness = field(repr=False)
    bundle: Bundle
    engine: Remembering = field(repr=False)


class Ticker:
    """Signs and anchors checkpoints as the log grows: at most one a second, and one at the end."""

    def __init__(self, checkpointer: Checkpointer, clock: Clock) -> None:
        self._checkpointer = checkpointer
        self._clock = clock

    def tick(self) -> None:
        """After a commit. Cheap: a clock and a comparison, but for once a second."""
        self._checkpointer.maybe(self._clock())

    def sign(self) -> None:
        """A checkpoint over the log as it is now. Raises Unavailable, IntegrityError."""
        self._checkpointer.sign()

    def close(self) -> None:
        self._checkpointer.sign()


@dataclass(frozen=True, kw_only=True, repr=False)
class Parts(Foundations):
    """Everything, for the sessions that callers get."""

    scribe: Scribe
    pairwise: PairwiseIds
    refs: AccessRefs
    vault_keys: VaultKeys
    controls: ControlBox
    judge: Judge
    lookups: Lookups
    resolver: Resolver
    sealer: Sealer
    indexing: Indexing
    pipeline: Pipeline
    intake: Intake
    once: Once
    journal: JournalFile
    standing: JournalWatch
    keypack: KeypackFile
    anchors: Anchors
    checkpointer: Ticker

    def __repr__(self) -> str:
        return f"Parts({str(self.settings.directory)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open vault cannot be pickled: open it again where it is needed")


def wire(base: Foundations) -> Parts:
    """Joins the parts. Opens no file but what the constructors need."""
    catalogue, keyring, vault = base.catalogue, base.keyring, base.vault
    scribe = Scribe(
        keyring=keyring,
        vault=vault,
        worker=base.worker,
        policy=base.bundle.revision,
        clock=base.clock,
        randomness=base.randomness,
    )
    pairwise = PairwiseIds(keyring, vault)
    controls = ControlBox(catalogue=catalogue, keyring=keyring, vault=vault)
    judge = Judge(catalogue=catalogue, engine=base.engine)
    lookups = Lookups(catalogue=catalogue, keyring=keyring, vault=vault)
    resolver = Resolver(lookups=lookups, pairwise=pairwise)
    sealer = Sealer(keyring=keyring, vault=vault, randomness=base.randomness)
    indexing = Indexing(lookups=lookups, sealer=sealer)
    once = Once(
        catalogue=catalogue, keyring=keyring, vault=vault, clock=base.clock, randomness=base.randomness
    )
    journal = JournalFile(base.settings.journal_path, keyring, vault, base.randomness)
    standing = JournalWatch(journal)
    pipeline = Pipeline(
        store=base.store,
        identifying=Identifying(catalogue=catalogue, resolver=resolver, keyring=keyring),
        deciding=Deciding(
            catalogue=catalogue,
            keyring=keyring,
            vault=vault,
            judge=judge,
            controls=controls,
            lookups=lookups,
            standing=standing,
            clock=base.clock,
        ),
        disclosing=Disclosing(
            catalogue=catalogue,
            keyring=keyring,
            vault=vault,
            minimiser=Minimiser(catalogue=catalogue),
            pairwise=pairwise,
            clock=base.clock,
        ),
        logging=Logging(scribe=scribe),
    )
    intake = Intake(
        store=base.store,
        catalogue=catalogue,
        keyring=keyring,
        resolver=resolver,
        decider=WriteDecider(catalogue=catalogue, judge=judge, controls=controls, scribe=scribe),
        scribe=scribe,
        sealer=sealer,
        indexing=indexing,
        once=once,
        revisions=Revisions(keyring, catalogue.services),
        standing=standing,
        clock=base.clock,
        randomness=base.randomness,
    )
    signer = keyring.signer()
    anchors = Anchors(base.settings.anchors_path, signer.public)
    return Parts(
        **{name: getattr(base, name) for name in Foundations.__dataclass_fields__},
        scribe=scribe,
        pairwise=pairwise,
        refs=AccessRefs(keyring),
        vault_keys=VaultKeys(keyring, vault),
        controls=controls,
        judge=judge,
        lookups=lookups,
        resolver=resolver,
        sealer=sealer,
        indexing=indexing,
        pipeline=pipeline,
        intake=intake,
        once=once,
        journal=journal,
        standing=standing,
        anchors=anchors,
        checkpointer=Ticker(Checkpointer(store=base.store, signer=signer, anchors=anchors), base.clock),
        keypack=KeypackFile(base.settings.keypack_path, keyring, vault),
    )
