"""The steward's session: imports, keys, backups. Everything is logged; nothing here shows a profile value.

Refuses nothing on its own: each act refuses what its own module says.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from privet.bootstrap.parts import Parts
from privet.domain.request import By
from privet.store.custody.backup import BackedUp, backup
from privet.store.custody.rotation import Rotated, rotate

if TYPE_CHECKING:
    from privet.bootstrap.importing.run import ImportSummary
    from privet.rights.retention import Swept


class Steward:
    """Who runs the vault. The caller vouches that it is the steward: whoever knows the passphrase."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def import_file(
        self,
        file: str | Path,
        map_file: str | Path,
        *,
        rejects: str | Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "ImportSummary":
        """Imports a CSV or JSON Lines file. Stopped and run again, it goes on where it was.

        `progress` gets bytes done and in all. Raises InvalidInput for a bad map or header, Unavailable.
        """
        from privet.bootstrap.importing.run import Importer

        return Importer(self._parts).run(
            Path(file),
            Path(map_file),
            rejects=None if rejects is None else Path(rejects),
            progress=progress,
        )

    def rotate(self, *, progress: Callable[[str, int, int], None] | None = None) -> Rotated:
        """Rotates the keys once, or finishes a rotation that did not end. `progress`: step, done, total."""
        parts = self._parts
        rotated = rotate(
            store=parts.store,
            keyring=parts.keyring,
            vault=parts.vault,
            catalogue=parts.catalogue,
            scribe=parts.scribe,
            keypack=parts.keypack,
            journal=parts.journal,
            clock=parts.clock,
            progress=progress,
        )
        parts.checkpointer.sign()
        return rotated

    def sweep(self, *, field: str | None = None) -> "Swept":
        """Removes what has run out; with `field`, that field of everybody, so that the catalogue may drop it.

        Raises InvalidInput for a field the catalogue does not know, or that records cannot be without.
        """
        from privet.bootstrap.subjects import wire_rights

        retention = wire_rights(self._parts).retention
        swept = retention.sweep() if field is None else retention.drop(field)
        self._parts.checkpointer.tick()
        return swept

    def hold(self, who: By, *, reason: str, until: str | None = None) -> str:
        """Sets a legal hold: neither erasure nor retention takes anything of hers. Returns the audit id."""
        return self._set_hold(who, True, reason, until)

    def release(self, who: By, *, reason: str = "") -> str:
        """Lifts a legal hold. Returns the audit id."""
        return self._set_hold(who, False, reason, None)

    def _set_hold(self, who: By, on: bool, reason: str, until: str | None) -> str:
        from privet.bootstrap.subjects import get_subject, wire_rights

        subject = get_subject(self._parts, who)
        return wire_rights(self._parts).flags.hold(subject, on, reason=reason, until=until, actor="steward")

    def backup(self, target: str | Path, *, progress: Callable[[int, int], None] | None = None) -> BackedUp:
        """A consistent backup, made online, without the keyring. Raises Conflict when `target` exists, Unavailable."""
        parts = self._parts
        return backup(
            store=parts.store,
            directory=parts.settings.directory,
            target=Path(target),
            keyring=parts.keyring,
            vault=parts.vault,
            journal=parts.journal,
            anchors=parts.anchors,
            scribe=parts.scribe,
            clock=parts.clock,
            progress=progress,
        )
