"""Keyring files of tests: a cost that takes no time, the passphrase, and what can be done to the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from privet.crypto.keyring import ScryptCost

CHEAP = ScryptCost(log2_n=1, r=1)
WORDS = b"correct horse"


def litter(path: Path) -> list[str]:
    """What else lies beside the keyring."""
    return [found.name for found in path.parent.iterdir() if found != path]


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
