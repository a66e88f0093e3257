"""Verifying the log: an independent rebuild, which needs no passphrase and no key but the public one.

The public key stands in one line beside the anchors, `anchors/log.vkey`; keep a copy where the administrators cannot
change it. Refuses to call a log sound that disagrees with any checkpoint or anchor.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from privet.audit.damage import Damage, Fault, FsckReport
from privet.audit.note import NoteKey, parse_vkey
from privet.audit.verify import verify_log
from privet.config.settings import Settings, load_settings
from privet.consent.receipt import verify_receipt
from privet.domain.ports import Store
from privet.errors import IntegrityError, InvalidInput, Unavailable
from privet.store.custody.anchors import Anchors
from privet.store.custody.durable import replace_file

VERIFIER_KEY = "log.vkey"


def write_verifier_key(settings: Settings, public: bytes) -> None:
    """The log's public key in C2SP form (name+id+key), for whoever verifies it."""
    replace_file(
        settings.anchors_path / VERIFIER_KEY, f"{NoteKey(name=settings.log_origin, public=public)}\n".encode()
    )


def read_verifier_key(settings: Settings, path: Path | None = None) -> NoteKey:
    """The key, from the vault's anchors or another file. Raises Unavailable, InvalidInput."""
    return parse_verifier_key(path or settings.anchors_path / VERIFIER_KEY)


def parse_verifier_key(file: Path) -> NoteKey:
    """The key in a file of one line. Raises Unavailable, InvalidInput."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Unavailable(f"the log's public key cannot be read at {file}; name it with --key FILE") from None
    return parse_vkey(text.strip())


def verify_store(
    store: Store, settings: Settings, key: NoteKey, progress: Callable[[int], None] | None = None
) -> FsckReport:
    """Rebuilds the whole log and holds it against every checkpoint and anchor. Never raises for a damaged log."""
    anchors = Anchors(settings.anchors_path, key.public)
    notes = list(anchors.notes())
    try:
        latest = anchors.find_latest()
    except IntegrityError as error:
        # One that does not verify is named by the rebuild; that the newest was removed, only here.
        missing = Damage(fault=Fault.ANCHOR, what=error.message)
        report = verify_log(store.log, public=key.public, anchors=notes, progress=progress)
        return replace(report, damages=(missing, *report.damages), total=report.total + 1)
    witnessed = None if latest is None else latest[0].origin
    return verify_log(store.log, public=key.public, anchors=notes, witnessed=witnessed, progress=progress)


def verify_receipt_file(file: Path, *, key: Path | None, directory: Path | None) -> None:
    """Checks a signed consent receipt by a public key file, or a vault's own. Raises IntegrityError, Unavailable."""
    if key is None:
        if directory is None:
            raise InvalidInput("name the vault, or its public key with --key FILE")
        vkey = read_verifier_key(load_settings(directory))
    else:
        vkey = parse_verifier_key(key)
    try:
        receipt = file.read_bytes()
    except OSError as error:
        raise Unavailable(f"{file} cannot be read ({error.strerror})") from None
    verify_receipt(receipt, vkey.public)
