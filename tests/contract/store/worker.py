"""Another process at work on the same vault: `worker.py URL COMMAND ARGUMENT`, spoken to over stdin and stdout.

It says `ready`, waits for a line, does what it was told, and prints one line a step.
"""

import os
import sys
import time
from collections.abc import Callable

from privet.domain.ids import EntryId, Millis, SubjectId, WorkerId
from privet.domain.ports import EntryRow, Store, SubjectRow
from privet.errors import Conflict
from privet.store.opening import open_store


def say(word: str) -> None:
    print(word, flush=True)


def wait() -> None:
    sys.stdin.readline()


def entry() -> EntryRow:
    name = time.time_ns() // 1_000_000
    return EntryRow(
        EntryId(name.to_bytes(6, "big") + os.urandom(10)),
        b'{"leaf":1}',
        os.urandom(64),
        os.urandom(32),
        os.urandom(32),
    )


def hold(store: Store, argument: str) -> None:
    """Changes one subject and keeps the transaction open until told."""
    with store.write() as unit:
        unit.swap_facts(SubjectId(bytes.fromhex(argument)), 1, b"held")
        unit.count_subjects()
        say("holding")
        wait()
    say("done")


def swap(store: Store, argument: str) -> None:
    try:
        with store.write() as unit:
            unit.swap_facts(SubjectId(bytes.fromhex(argument)), 1, b"swapped")
        say("won")
    except Conflict:
        say("lost")


def append(store: Store, argument: str) -> None:
    """Appends and sequences; says each id once it is durable."""
    for _ in range(int(argument)):
        entries = [entry(), entry()]
        with store.write() as unit:
            unit.append(entries)
        for row in entries:
            say(row.id.hex())
        store.sequence()
    say("done")


def enrol(store: Store, argument: str) -> None:
    """Makes subjects under an epoch until that is refused."""
    made = 0
    while True:
        row = SubjectRow(SubjectId(os.urandom(16)), int(argument), b"k", 1, b"f", 1, b"d", 1)
        try:
            with store.write() as unit:
                unit.insert_subject(row)
        except Conflict:
            say(f"refused after {made}")
            return
        made += 1
        if made == 3:
            say("busy")


COMMANDS: dict[str, Callable[[Store, str], None]] = {
    "hold": hold,
    "swap": swap,
    "append": append,
    "enrol": enrol,
}


def main(url: str, command: str, argument: str) -> None:
    store = open_store(
        url,
        worker=WorkerId(os.urandom(16)),
        origin="",
        clock=lambda: Millis(0),
        randomness=os.urandom,
    )
    say("ready")
    wait()
    COMMANDS[command](store, argument)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
