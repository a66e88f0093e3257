"""8: she is erased; what that makes unreadable at once, and what only once the keys were rotated.

The old copy of the database is tried with the keys of the day before the rotation and after it: a test that could not
succeed would prove nothing.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privet import Vault, by
from privet.config.settings import load_settings
from privet.crypto.envelope import unwrap_subject_keys
from privet.crypto.keyring_file import FileKeyring
from privet.domain.ids import Millis, SubjectId, WorkerId
from privet.errors import IntegrityError, KeyDestroyed, NotFound, PrivetError
from privet.store.opening import open_store
from privet_cli.demo.stage import DATABASE, PASSPHRASE, DemoFailed, Stage, check, get_refusal
from privet_cli.demo.story.reads import PERSONALISATION

_COLUMN = 22
JOURNAL = "journal"
_BACKUP = "backup-of-yesterday"


def tell(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(8, "Ms. Johnson is forgotten")
    stage.privet("backup", _BACKUP)
    stage.rest()
    old = shutil.copyfile(stage.directory / DATABASE, stage.work / "stray.db")
    shutil.copyfile(stage.directory / JOURNAL, stage.work / JOURNAL)
    screen.tell(
        "So there is a backup, and say a stray copy of database and journal on somebody's disk. Then she asks"
        " to be erased:"
    )
    subject, entry = _erase(stage)
    _try_before(stage, old)
    screen.tell("An old copy is worth something for as long as its key lives. So the keys are rotated:")
    stage.rest()
    stage.privet("keys", "rotate")
    _try_after(stage, old, subject)
    screen.tell("And yesterday's backup, restored with the keys of today in a copy of the vault:")
    _restore(stage)
    stage.privet("audit", "verify", passphrase=False)
    check(stage.vault.officer("ana").audit.entry(entry).sealed, "her entries can be read again")


def _erase(stage: Stage) -> tuple[SubjectId, str]:
    """Erases her. Her subject id, and the audit id of an entry about her."""
    screen, audit = stage.screen, stage.vault.officer("ana").audit
    before = audit.query(subject=stage.her, service="city-front-desk", act="read", limit=1)[0]
    check(bool(before.fields) and before.subject is not None, "her entry did not open before")
    screen.call("me.erase()")
    stage.vault.customer(stage.her).erase()
    subject = SubjectId(bytes.fromhex(before.subject or ""))
    with stage.vault.parts.store.read() as unit:
        left = (
            unit.find_rows([subject]),
            unit.records(subject),
            unit.ledger(subject),
            unit.indexes_of(subject),
        )
    check(not any(left), "something of her is left in the database")
    screen.fact(
        "her row", "gone from the database: keys, fields, stays, consents and look-ups", column=_COLUMN
    )
    try:
        stage.vault.customer(stage.her)
    except NotFound as error:
        screen.refused("her own page", error.code, error.message, column=_COLUMN)
    else:
        check(False, "she is still there")
    desk = stage.vault.service("city-front-desk")
    denied = get_refusal(
        lambda: desk.fetch(stage.her, purpose=PERSONALISATION, fields=["given_name"]),
        "the front desk, after she was erased,",
    )
    screen.refused("the front desk", ", ".join(denied.reasons), denied.message, column=_COLUMN)
    after = audit.entry(before.audit_id)
    check(after.sealed and after.subject is None and not after.fields, "her log entries still open")
    screen.fact(
        f"log entry {before.position}",
        f"still stands: {after.service} read {after.count} fields for {after.purpose}. Whose and which, and"
        " all else of its private part, opens for nobody",
        column=_COLUMN,
    )
    return subject, before.audit_id


@contextmanager
def _put_back(stage: Stage, old: Path) -> Iterator[Path]:
    """The old database and journal beside all the keys of now, by somebody who respects no anchor."""
    with stage.copy("old", database=old) as place:
        shutil.copyfile(old.with_name(JOURNAL), place / JOURNAL)
        for anchor in (place / "anchors").iterdir():
            if anchor.suffix != ".vkey":
                anchor.unlink()
        yield place


def _try_before(stage: Stage, old: Path) -> None:
    with _put_back(stage, old) as place, Vault.open(place, passphrase=PASSPHRASE) as vault:
        profile = vault.customer(stage.her).profile()
    stage.screen.fact(
        "the old copy",
        f"with the keys of today still opens: {profile['given_name']} {profile['family_name']}",
        column=_COLUMN,
    )


def _try_after(stage: Stage, old: Path, subject: SubjectId) -> None:
    screen = stage.screen
    with _put_back(stage, old) as place:
        try:
            with Vault.open(place, passphrase=PASSPHRASE) as vault:
                vault.customer(stage.her).profile()
        except PrivetError as error:
            screen.refused("the old copy, again", error.code, error.message, column=_COLUMN)
        else:
            check(False, "the old copy opens after the rotation")
        kept = _unwrap(place, subject)
    check(isinstance(kept, KeyDestroyed), f"her keys were refused for another reason: {kept.message}")
    screen.refused("her keys in its row", kept.code, kept.message, column=_COLUMN)


def _unwrap(place: Path, subject: SubjectId) -> IntegrityError:
    """Her wrapped keys, out of her row in the old database, tried with the keyring. What refuses them."""
    settings = load_settings(place)
    keyring = FileKeyring.open(settings.keyring_path, PASSPHRASE.encode())
    store = open_store(
        settings.database_url,
        worker=WorkerId(bytes(16)),
        origin="",
        clock=lambda: Millis(0),
        randomness=bytes,
    )
    try:
        with store.read() as unit:
            row = unit.find_rows([subject])[subject]
    finally:
        store.close()
    try:
        unwrap_subject_keys(keyring, settings.vault_id, subject, row.keys)
    except IntegrityError as error:
        return error
    raise DemoFailed("her keys unwrap after the rotation")


def _restore(stage: Stage) -> None:
    everybody = len(stage.guests.people)
    other = next(guest for guest in stage.guests.people if guest is not stage.johnson)
    with stage.copy("restored") as copy:
        stage.privet("restore", _BACKUP, vault=copy)
        with Vault.open(copy, passphrase=PASSPHRASE) as vault:
            with vault.parts.store.read() as unit:
                people = unit.count_subjects()
            name = vault.customer(by(email=other.email)).profile()["given_name"]
            check(
                people == everybody - 1 and name == other.given, f"{people} of {everybody} guests came back"
            )
            try:
                vault.customer(stage.her)
            except NotFound:
                pass
            else:
                check(False, "the restore brought her back")
    stage.screen.fact(
        "from the backup", f"{people:,} of {everybody:,} guests are back; Ms. Johnson is not", column=_COLUMN
    )
