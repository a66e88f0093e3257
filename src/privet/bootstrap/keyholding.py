"""The vault's keys, as the steward may look at them: epochs and what each wraps; and a change of passphrase, logged.

Refuses to show a key.
"""

from dataclasses import dataclass
from datetime import datetime

from privet.audit.leaf import Act, Decision
from privet.bootstrap.parts import Parts
from privet.crypto.keyring_file import FileKeyring
from privet.domain.ids import from_millis
from privet.errors import InvalidInput
from privet.store.custody.rotation import find_unfinished


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochHeld:
    """One epoch. `state`: open, closing or destroyed; `people`: rows whose keys it wraps."""

    epoch: int
    state: str
    opened: datetime
    people: int
    key_held: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysHeld:
    epochs: tuple[EpochHeld, ...]
    unfinished: str | None
    """What an interrupted rotation left, in a few words."""


def list_keys(parts: Parts) -> KeysHeld:
    """Every epoch that there ever was, oldest first."""
    parts.keyring.reload()
    held = parts.keyring.epochs()
    with parts.store.read() as unit:
        rows = sorted(unit.epochs())
        people = {row.epoch: unit.count_subjects(epoch=row.epoch) for row in rows}
    return KeysHeld(
        epochs=tuple(
            EpochHeld(
                epoch=row.epoch,
                state=row.state,
                opened=from_millis(row.opened),
                people=people[row.epoch],
                key_held=row.epoch in held,
            )
            for row in rows
        ),
        unfinished=find_unfinished(parts.keyring, tuple(rows)),
    )


def change_passphrase(parts: Parts, passphrase: bytes) -> None:
    """Seals the keyring under another passphrase. Copies of the old file still open with the old one."""
    keyring = parts.keyring
    if not isinstance(keyring, FileKeyring):
        raise InvalidInput("this vault's keys are not in a file with a passphrase")
    with parts.store.write() as unit:
        private = {"actor": "steward", "step": "passphrase", "epoch": keyring.current_epoch}
        unit.append([parts.scribe.act(Act.ROTATE, Decision.DONE, private)])
    keyring.change_passphrase(passphrase)
