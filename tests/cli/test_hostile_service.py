"""What a service may ask, however odd, leaves a log that its officer and its customer can read."""

from contextlib import suppress
from pathlib import Path

import pytest

from privet import Vault, by
from privet.errors import AccessDenied
from tests.cli.running import PASSPHRASE

WIDE = "\U0001f994"
CONTROL = "\x01"


@pytest.mark.parametrize(
    "purpose, fields",
    [
        ("été", ["given_name"]),
        ("\x9b31m", ["\x00", '"\\', "\u2028"]),
        (CONTROL * 200, [f"{CONTROL * 196}{n:04}" for n in range(1000)]),
        (WIDE * 200, [f"{WIDE * 196}{n:04}" for n in range(1000)]),
        ("service-personalisation", ["given_name", *(f"{CONTROL * 196}{n:04}" for n in range(999))]),
        ("", ["?"]),
    ],
    ids=["accents", "controls", "a thousand escapes", "a thousand wide names", "one released", "empty"],
)  # fmt: skip
def test_no_request_makes_the_log_unreadable(purpose: str, fields: list[str], vault: Path) -> None:
    """Each is refused or answered, and the query and her own accesses go on working."""
    ada = by(email="ada@example.org")
    with Vault.open(vault, passphrase=PASSPHRASE) as opened:
        for who in (ada, by(email="nobody@example.org")):
            with suppress(AccessDenied):
                opened.service("front-desk").fetch(who, purpose=purpose, fields=fields)
        assert opened.officer("ana").audit.query()
        assert opened.customer(ada).accesses()
