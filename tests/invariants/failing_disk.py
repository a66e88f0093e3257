"""The child of the failing disk: works, switches its disk to failing, tries everything, switches it back.

Started with the shim of failing.c preloaded. Prints what became of each act: its error's class, or ACKNOWLEDGED.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from privet.bootstrap.vault import Vault
from privet.domain.request import by
from privet.errors import PrivetError
from tests.invariants.world import PASSPHRASE, rotate_keys


def main(directory: str, switch: str, how: str) -> None:
    """`how`: f, fsync fails; w, writes fail as on a full disk."""
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        shop, desk = vault.service("web-shop"), vault.service("front-desk")
        first, gone = by(email="first@example.org"), by(email="gone@example.org")
        shop.put(first, {"given_name": "First"}, purpose="enrolment")
        shop.put(gone, {"given_name": "Gone"}, purpose="enrolment")
        me, other = vault.customer(first), vault.customer(gone)
        me.consent("surveys")
        print("well", flush=True)
        stay = {"arrived": "2024-05-01", "booking": "lost", "room": "1"}
        with tempfile.TemporaryDirectory(dir=Path(directory).parent) as folder:
            Path(switch).write_text(how)
            print("failing", flush=True)
            attempts: list[Callable[[], object]] = [
                lambda: shop.put(first, {"notes": "lost"}, purpose="enrolment"),
                lambda: shop.put(by(email="never@example.org"), {"notes": "lost"}, purpose="enrolment"),
                lambda: desk.record(first, "stays", stay, purpose="stay"),
                lambda: desk.fetch(first, purpose="stay", fields=["given_name"]),
                me.profile,
                lambda: me.consent("meals"),
                lambda: me.withdraw("surveys"),
                me.restrict,
                other.erase,
                lambda: me.export(Path(folder) / "export.zip"),
                lambda: rotate_keys(vault),
                lambda: vault.steward().backup(Path(folder) / "backup"),
            ]
            for attempt in attempts:
                try:
                    attempt()
                except PrivetError as error:
                    print(type(error).__name__, error.message, flush=True)
                else:
                    print("ACKNOWLEDGED", attempt.__code__.co_firstlineno, flush=True)
            Path(switch).unlink()
        print("well again", flush=True)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        after = by(email="after@example.org")
        vault.service("web-shop").put(after, {"given_name": "After"}, purpose="enrolment")
        vault.customer(gone).erase()
    print("end", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
