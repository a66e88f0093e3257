"""Verifying the log: an independent rebuild, which needs no passphrase and no key but the public one.

The public key stands in one line beside the anchors, `anchors/log.vkey`; keep a copy where the administrators cannot
change it. Refuses to call a log sound that disagrees with any checkpoint or anchor.
"""

from collections.abc import Callable
from pathlib import Path

from privet.audit.damage import FsckReport
from privet.audit.note import NoteKey, parse_vkey
from privet.audit.verify import verify_log
from privet.config.settings import Settings
from privet.domain.ports import Store
from privet.errors import Unavailable
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
    file = path or settings.anchors_path / VERIFIER_KEY
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Unavailable(f"the log's public key cannot be read at {file}; name it with --key FILE") from None
    return parse_vkey(text.strip())


def verify_store(
    store: Store, settings: Settings, key: NoteKey, progress: Callable[[int], None] | None = None
) -> FsckReport:
    """Rebuilds the whole log and holds it against every checkpoint and anchor. Never raises for a damaged log."""
    return verify_log(
        store.log,
        public=key.public,
        anchors=Anchors(settings.anchors_path, key.public).notes(),
        progress=progress,
    )
