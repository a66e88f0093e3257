"""Is this process still of one mind with the vault, and may who asks still ask? Both are asked in each unit of work, of
what that unit loaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.ports import VaultState
from privet.errors import Unauthenticated, Unavailable

Holds = Callable[[VaultState], bool]
_holds: ContextVar[Holds | None] = ContextVar("holds", default=None)


@contextmanager
def on_behalf(holds: Holds) -> Iterator[None]:
    """Units of work begun within, by this thread, go on only where `holds` says so of the state that they loaded: the
    caller's credential stood then. Batches of several callers are not for this; they ask for each."""
    token = _holds.set(holds)
    try:
        yield
    finally:
        _holds.reset(token)


def check_current(catalogue: Catalogue, keyring: Keyring, state: VaultState) -> None:
    """Refuses to go on under a catalogue that another process has replaced; follows a rotation. Raises Unavailable, and
    Unauthenticated when the credential of who asks no longer stands."""
    if state.catalogue_digest != catalogue.digest:
        raise Unavailable("the catalogue was changed by another process; open the vault again")
    # Also when the keyring holds more: a key that another process destroyed leaves this one's memory too.
    if set(state.epochs) != set(keyring.epochs()):
        keyring.reload()
    holds = _holds.get()
    if holds is not None and not holds(state):
        raise Unauthenticated("the credential was revoked, or has expired, since the request came")
