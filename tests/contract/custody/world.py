"""A small vault for custody tests: a real store, a real keyring file, people with facts, fields and look-ups."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from privet.audit.scribe import Scribe
from privet.crypto import blind
from privet.crypto.access import AccessRefs
from privet.crypto.envelope import SubjectKeys, new_subject_keys, unwrap_subject_keys, wrap_subject_keys
from privet.crypto.facts import open_facts, seal_facts
from privet.crypto.fields import (
    INNER,
    VALUE,
    field_aad_prefix,
    open_value,
    pack,
    parse_packed,
    seal_value,
)
from privet.crypto.keyring import FileKeyring, ScryptCost
from privet.decide.facts import encode_facts, parse_facts
from privet.domain.catalogue import Catalogue, Field, LegalBasis, Notice, Purpose, ValueType
from privet.domain.consent import ConsentStatus, FoldedConsent
from privet.domain.ids import FieldNumber, Millis, SubjectId, VaultId, WorkerId
from privet.domain.ports import IndexRow, Store, SubjectRow
from privet.domain.subject import Facts
from privet.errors import Conflict
from privet.identify.current import check_current
from privet.store.custody.anchors import Anchors, Checkpointer
from privet.store.custody.backup import BackedUp, backup
from privet.store.custody.doctor import Finding, doctor_custody
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.custody.recovery import Progress as Restoring
from privet.store.custody.recovery import Restored, restore
from privet.store.custody.rotation import Progress, Rotated, rotate
from privet.store.opening import open_store

PASSPHRASE = b"correct horse"
VAULT = VaultId(bytes(range(16)))
ORIGIN = "privet/test"
NAME, EMAIL = 1, 2


def catalogue() -> Catalogue:
    """Two fields, one of them a unique look-up, and one purpose by consent."""
    text = ValueType(kind="string", max_length=100)
    return Catalogue(
        name="Test",
        contact="help@example.org",
        fields={
            "name": Field(path="name", number=NAME, type=text, category="pd:Name"),
            "email": Field(
                path="email", number=EMAIL, type=text, category="pd:EmailAddress", lookup="unique"
            ),
        },
        collections={},
        purposes={
            "news": Purpose(name="news", dpv="dpv:DirectMarketing", basis=LegalBasis.CONSENT, notice="news")
        },
        services={},
        officers={},
        notices={"news": Notice(name="news", version="ab" * 32, text="We write to you.")},
        digest="0" * 64,
        where={},
    )


@dataclass(kw_only=True)
class World:
    """A vault in `directory`; `url` names its database."""

    directory: Path
    url: str
    store: Store
    keyring: FileKeyring
    people: dict[str, SubjectId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.worker = WorkerId(os.urandom(16))
        self.vault = VAULT
        self.catalogue = catalogue()
        self.keypack = KeypackFile(self.directory / "keypack", self.keyring, VAULT)
        self.journal = JournalFile(self.directory / "journal", self.keyring, VAULT)
        self.anchors = Anchors(self.directory / "anchors", self.keyring.signer().public)
        self.scribe = Scribe(
            keyring=self.keyring,
            vault=VAULT,
            worker=self.worker,
            policy="test",
            clock=now,
            randomness=os.urandom,
        )
        self.refs = AccessRefs(self.keyring)
        self.checkpointer = Checkpointer(store=self.store, signer=self.keyring.signer(), anchors=self.anchors)

    @classmethod
    def create(cls, directory: Path, url: str | None = None) -> "World":
        directory.mkdir(parents=True, exist_ok=True)
        url = url or f"sqlite:///{directory}/vault.db"
        keyring = FileKeyring.create(directory / "keyring.json", PASSPHRASE, cost=ScryptCost(log2_n=4))
        store = _open(url, create=True)
        with store.write() as unit:
            unit.open_epoch(1, now())
            unit.set_catalogue("0" * 64, {("field", "name"): NAME, ("field", "email"): EMAIL})
        JournalFile.create(directory / "journal", keyring, VAULT)
        (directory / "privet.toml").write_text('format = 1\nurl = "postgresql+psycopg://u:secret@h/d"\n')
        (directory / "catalogue.yaml").write_text("fields: {}\n")
        (directory / "bundles").mkdir()
        (directory / "bundles" / "ab.tar.gz").write_bytes(b"a policy")
        (directory / "notices").mkdir()
        (directory / "notices" / "news.md").write_text("We write to you.\n")
        return cls(directory=directory, url=url, store=store, keyring=keyring)

    @classmethod
    def open(
        cls, directory: Path, url: str | None = None, people: dict[str, SubjectId] | None = None
    ) -> "World":
        url = url or f"sqlite:///{directory}/vault.db"
        keyring = FileKeyring.open(directory / "keyring.json", PASSPHRASE)
        return cls(directory=directory, url=url, store=_open(url), keyring=keyring, people=dict(people or {}))

    def close(self) -> None:
        self.store.close()

    def add(self, *names: str, consent: bool = False) -> None:
        """People with a name, an email and, if asked, consent to news. Tries again when another was faster."""
        for name in names:
            for _ in range(20):
                try:
                    self._add(name, consent=consent)
                except Conflict:
                    continue
                break

    def _add(self, name: str, *, consent: bool) -> None:
        subject = SubjectId(os.urandom(16))
        keys = new_subject_keys()
        inner = blind.inner(self.keyring, VAULT, FieldNumber(EMAIL), email_of(name))
        prefix = field_aad_prefix(VAULT, subject)
        packed = pack(
            [
                seal_value(
                    keys.data_cipher, os.urandom(12), prefix, NAME, name.encode(), schema=1, revision=1
                ),
                seal_value(
                    keys.data_cipher, os.urandom(12), prefix, EMAIL, email_of(name), schema=1, revision=1
                ),
                seal_value(
                    keys.data_cipher,
                    os.urandom(12),
                    prefix,
                    EMAIL,
                    inner,
                    schema=1,
                    revision=1,
                    kind=INNER,
                ),
            ]
        )
        facts = Facts()
        if consent:
            facts = facts.with_consent("news", FoldedConsent(status=ConsentStatus.GIVEN, at=now()))
        with self.store.write() as unit:
            state = unit.state()
            check_current(self.catalogue, self.keyring, state)
            if consent:
                from privet.consent.ledger import LedgerEntry, seal_entry
                from privet.domain.consent import ConsentRecord

                record = ConsentRecord(
                    seq=1, purpose="news", status=ConsentStatus.GIVEN, at=facts.consents["news"].at, until=None,
                    notice=None, notice_version=None, actor="customer",
                )  # fmt: skip
                unit.append_ledger(
                    seal_entry(keys, os.urandom(12), VAULT, subject, LedgerEntry(record, None))
                )
            unit.insert_subject(
                SubjectRow(
                    subject,
                    state.epoch,
                    wrap_subject_keys(self.keyring, VAULT, subject, state.epoch, keys),
                    1,
                    seal_facts(keys, os.urandom(12), VAULT, subject, 1, encode_facts(facts)),
                    1,
                    packed,
                    1,
                )
            )
            unit.insert_indexes(
                [
                    IndexRow(blind.index(self.keyring, VAULT, epoch, inner), subject, EMAIL, epoch)
                    for epoch in state.epochs
                ],
                unique=True,
            )
            unit.append((self.scribe.act("put", "permit", {"actor": "test"}, keys=keys, subject=subject),))
        self.people[name] = subject

    def read(self, name: str) -> str | None:
        """The person's name as opened from the store, found by email; None when nobody is there."""
        with self.store.read() as unit:
            state = unit.state()
            check_current(self.catalogue, self.keyring, state)
            inner = blind.inner(self.keyring, VAULT, FieldNumber(EMAIL), email_of(name))
            probes = [blind.index(self.keyring, VAULT, epoch, inner) for epoch in state.epochs]
            found = {s for some in unit.find_subjects(probes).values() for s in some}
            if not found:
                return None
            (subject,) = found
            row = unit.find_rows((subject,))[subject]
        keys = self.keys(row)
        entry = next(e for e in parse_packed(row.fields) if e[:2] == (NAME, VALUE))
        return open_value(keys.data_cipher, field_aad_prefix(VAULT, subject), entry).decode()

    def row(self, name: str) -> SubjectRow:
        with self.store.read() as unit:
            return unit.find_rows((self.people[name],))[self.people[name]]

    def keys(self, row: SubjectRow) -> SubjectKeys:
        return unwrap_subject_keys(self.keyring, VAULT, row.subject, row.keys)

    def facts(self, name: str) -> Facts:
        row = self.row(name)
        return parse_facts(open_facts(self.keys(row), VAULT, row.subject, row.facts_rev, row.facts))

    def erase(self, name: str) -> None:
        """As rights do it: the journal, the transaction, the keypack."""
        row = self.row(name)
        tag = self.keys(row).tag
        self.journal.append("erase", row.subject, at=now())
        with self.store.write() as unit:
            unit.erase_subject(row.subject, tag)
            unit.append((self.scribe.act("erase", "done", {"actor": "test"}),))
        self.keypack.forget(row.subject)

    def rotate(self, progress: Progress | None = None, grace_s: float = 0.0) -> Rotated:
        return rotate(
            store=self.store,
            keyring=self.keyring,
            vault=VAULT,
            catalogue=self.catalogue,
            scribe=self.scribe,
            keypack=self.keypack,
            journal=self.journal,
            clock=now,
            progress=progress,
            grace_s=grace_s,
        )

    def backup(self, target: Path) -> BackedUp:
        return backup(
            store=self.store,
            directory=self.directory,
            target=target,
            keyring=self.keyring,
            vault=VAULT,
            journal=self.journal,
            anchors=self.anchors,
            scribe=self.scribe,
            clock=now,
        )

    def restore(self, source: Path, url: str | None = None, progress: Restoring | None = None) -> Restored:
        """As a steward would, with the vault closed. Open it anew afterwards."""
        self.close()
        return restore(
            backup=source,
            directory=self.directory,
            database_url=url or self.url,
            keyring=self.keyring,
            vault=VAULT,
            catalogue=lambda _: self.catalogue,
            keypack=self.keypack,
            journal=self.journal,
            anchors=self.anchors,
            scribe=self.scribe,
            worker=self.worker,
            clock=now,
            randomness=os.urandom,
            progress=progress,
        )

    def doctor(self, *backups: Path) -> list[Finding]:
        return doctor_custody(
            directory=self.directory,
            keyring_path=self.directory / "keyring.json",
            store=self.store,
            keyring=self.keyring,
            vault=VAULT,
            keypack=self.keypack,
            journal=self.journal,
            anchors=self.anchors,
            clock=now,
            backups=backups,
        )


def now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


def email_of(name: str) -> bytes:
    return f"{name}@example.org".encode()


def everybody(world: World, names: Sequence[str]) -> list[str | None]:
    return [world.read(name) for name in names]


def _open(url: str, *, create: bool = False) -> Store:
    return open_store(
        url,
        create=create,
        vault=VAULT if create else None,
        worker=WorkerId(os.urandom(16)),
        origin=ORIGIN,
        clock=now,
        randomness=os.urandom,
    )
