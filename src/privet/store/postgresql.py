"""The store on PostgreSQL. Being written: refuses to open."""

from sqlalchemy import URL

from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Clock, Randomness, Store
from privet.errors import Unavailable


def open_postgresql(
    url: URL,
    *,
    vault: VaultId | None,
    worker: WorkerId,
    origin: str,
    clock: Clock,
    randomness: Randomness,
) -> Store:
    """Unavailable."""
    raise Unavailable("PostgreSQL is not there yet")
