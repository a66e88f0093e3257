"""Is this process still of one mind with the vault? Asked in each unit of work, of what that unit loaded."""

from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.ports import VaultState
from privet.errors import Unavailable


def check_current(catalogue: Catalogue, keyring: Keyring, state: VaultState) -> None:
    """Refuses to go on under a catalogue that another process has replaced; follows a rotation. Raises Unavailable."""
    if state.catalogue_digest != catalogue.digest:
        raise Unavailable("the catalogue was changed by another process; open the vault again")
    # Also when the keyring holds more: a key that another process destroyed leaves this one's memory too.
    if set(state.epochs) != set(keyring.epochs()):
        keyring.reload()
