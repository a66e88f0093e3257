"""A process to be killed: `python -m tests.contract.custody.victim WHAT DIRECTORY URL [STEP | ARGUMENT]`.

`rotate` kills itself with SIGKILL when the rotation reports STEP; `restore` likewise, of the backup in ARGUMENT;
`write` adds and reads people until it is told to stop, and prints how it went.
"""

import os
import signal
import sys
from pathlib import Path

from tests.contract.custody.world import World


def main() -> None:
    what, directory, url, *rest = sys.argv[1:]
    world = World.open(Path(directory), url)
    if what == "rotate":
        world.rotate(lambda step, _done, _total: _die_at(step, rest[0]))
    elif what == "restore":
        world.restore(Path(rest[0]), rest[1], lambda step, _done, _total: _die_at(step, rest[2]))
    elif what == "write":
        _write(world, rest[0])
    world.close()


def _die_at(step: str, wanted: str) -> None:
    if step == wanted:
        os.kill(os.getpid(), signal.SIGKILL)


def _write(world: World, prefix: str) -> None:
    """Until the file `stop` appears: one more person, then everybody so far is read by look-up."""
    count = 0
    while not (world.directory / "stop").exists():
        name = f"{prefix}{count}"
        world.add(name)
        count += 1
        for number in {0, count // 2, count - 1}:
            assert world.read(f"{prefix}{number}") == f"{prefix}{number}", number
        print(count, flush=True)


if __name__ == "__main__":
    main()
