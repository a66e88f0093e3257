"""A vault, opened in the process: the way in for everybody else.

Refuses a directory that is no vault, a wrong passphrase, a vault made by a newer Privet, a policy engine that gives a
wrong known answer, and a database that is older than its anchors.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from privet.bootstrap.creating import create_vault
from privet.bootstrap.opening import open_parts
from privet.bootstrap.parts import Parts
from privet.bootstrap.service import ServiceSession
from privet.domain.ids import Millis
from privet.domain.request import By
from privet.errors import InvalidInput

if TYPE_CHECKING:
    from privet.bootstrap.customer import Customer
    from privet.bootstrap.officer import Officer
    from privet.bootstrap.steward import Steward


def system_clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


class Vault:
    """An open vault. Threads may share it; close it, or use it as a context manager."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._closed = False

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        passphrase: str | bytes | None = None,
        prompt: Callable[[], str] | None = None,
        catalogue: str | os.PathLike[str] | None = None,
        database_url: str | None = None,
        clock: Callable[[], Millis] = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> "Vault":
        """Makes a new vault and opens it. `catalogue`: a directory with catalogue.yaml and notices/; None: the starter.

        Raises Conflict when something is there already, CatalogueError, InvalidInput, Unavailable. What failed half
        way is removed.
        """
        create_vault(
            Path(directory),
            passphrase=passphrase,
            prompt=prompt,
            catalogue=None if catalogue is None else Path(catalogue),
            database_url=database_url,
            clock=clock,
            randomness=randomness,
        )
        return cls.open(directory, passphrase=passphrase, prompt=prompt, clock=clock, randomness=randomness)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        passphrase: str | bytes | None = None,
        prompt: Callable[[], str] | None = None,
        clock: Callable[[], Millis] = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> "Vault":
        """Opens a vault directory. The passphrase: the argument, PRIVET_PASSPHRASE, PRIVET_PASSPHRASE_FILE, `prompt`.

        Raises Unavailable (no vault, wrong passphrase, newer version), RestoreNeeded, CatalogueError, IntegrityError.
        """
        return cls(
            open_parts(
                Path(directory), passphrase=passphrase, prompt=prompt, clock=clock, randomness=randomness
            )
        )

    def service(self, name: str) -> ServiceSession:
        """The session of an internal service. Raises InvalidInput for one the catalogue does not know."""
        known = self.parts.catalogue.services
        if name not in known:
            raise InvalidInput(
                f"the catalogue has no such service; services here: {', '.join(sorted(known)) or 'none'}",
                field="service",
            )
        return ServiceSession(self.parts, name)

    def customer(self, who: By) -> "Customer":
        """A customer's own session; the caller vouches that it is she. Raises NotFound for nobody."""
        from privet.bootstrap.customer import Customer

        return Customer(self.parts, who)

    def officer(self, name: str) -> "Officer":
        """A compliance officer's session. Raises InvalidInput for one the catalogue does not know."""
        from privet.bootstrap.officer import Officer

        known = self.parts.catalogue.officers
        if name not in known:
            raise InvalidInput(
                f"the catalogue has no such officer; officers here: {', '.join(sorted(known)) or 'none'}",
                field="officer",
            )
        return Officer(self.parts, name)

    def steward(self) -> "Steward":
        """Who runs the vault: imports, keys, backups."""
        from privet.bootstrap.steward import Steward

        return Steward(self.parts)

    def close(self, *, sign: bool = True) -> None:
        """Signs a last checkpoint and closes the files. Again is no error."""
        if not self._closed:
            self._closed = True
            try:
                if sign:
                    self.parts.checkpointer.close()
            finally:
                self.parts.engine.close()
                self.parts.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # an error under way is what the caller must hear: no second wait for a disk or a lock
        self.close(sign=error is None)

    def __repr__(self) -> str:
        return f"Vault({str(self.parts.settings.directory)!r})"
