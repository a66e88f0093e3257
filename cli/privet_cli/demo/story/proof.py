"""7: the officer asks the log, the log proves itself, and one altered byte is found and named."""

import re
from pathlib import Path
from typing import cast

from privet.domain.ids import EntryId
from privet.domain.ports import LoggedRow
from privet_cli.demo.stage import DATABASE, Stage, check

_NONCE = 17  # where it begins in a sealed part: what stands before it is the same in other entries


def tell(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(7, "The officer, and a log that proves itself")
    screen.tell("Ana is the compliance officer. She sees who did what and why, never what it said.")
    text = stage.privet(
        "audit", "query", "--as", "ana", "--by", f"email={stage.johnson.email}", "--decision", "refuse"
    )
    check(
        "purpose_prohibited" in text and "consent_withdrawn" in text,
        "the query does not show the true reasons",
    )
    stage.privet("audit", "verify", passphrase=False)
    entry = _broker_entry(stage)
    with stage.copy("copy") as copy:
        alter(copy / DATABASE, entry.sealed)
        screen.tell(
            f"Somebody who can write to the disk alters one byte in a copy of the vault: in entry {entry.pos}, the"
            " broker's refusal. Verifying needs no passphrase:"
        )
        text = stage.privet("audit", "verify", vault=copy, expect=1, passphrase=False)
    check(re.search(rf"\bentry {entry.pos}\b", text) is not None, "verify did not name the entry")


def _broker_entry(stage: Stage) -> LoggedRow:
    line = stage.vault.officer("ana").audit.query(subject=stage.her, service="data-broker", limit=1)[0]
    entry = stage.vault.parts.store.log.find_entry(EntryId(bytes.fromhex(line.audit_id)))
    check(entry is not None, "the log does not have the entry that it named")
    return cast("LoggedRow", entry)


def alter(database: Path, sealed: bytes) -> None:
    """Alters one byte of this sealed part in a database file. Raises DemoFailed when it is not there."""
    data = bytearray(database.read_bytes())
    place = data.find(sealed[_NONCE : _NONCE + 24])
    check(place >= 0, "the entry is not in the database file")
    data[place + 20] ^= 1
    database.write_bytes(data)
