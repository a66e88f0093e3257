"""What a worker is told when it starts, as one line of JSON through a socket.

Refuses to show the passphrase: it stands in no repr, no argument and no environment.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from privet.config.settings.serving import ServeSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What a worker is told."""

    directory: Path
    passphrase: bytes = field(repr=False)
    settings: ServeSettings
    show_codes: bool


def encode_orders(orders: Orders, place: int) -> bytes:
    """One line of JSON."""
    settings = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(orders.settings).items()
    }
    told = {
        "directory": str(orders.directory.absolute()),
        "passphrase": orders.passphrase.hex(),
        "settings": settings,
        "show_codes": orders.show_codes,
        "place": place,
    }
    return json.dumps(told).encode() + b"\n"


def decode_orders(line: bytes) -> tuple[Orders, int]:
    """The orders, and the worker's place."""
    told = json.loads(line)
    given = told["settings"]
    paths = {
        name: Path(value)
        for name, value in given.items()
        if value is not None and "Path" in str(ServeSettings.__annotations__[name])
    }
    orders = Orders(
        directory=Path(told["directory"]),
        passphrase=bytes.fromhex(told["passphrase"]),
        settings=ServeSettings(**{**given, **paths}),
        show_codes=told["show_codes"],
    )
    return orders, told["place"]
