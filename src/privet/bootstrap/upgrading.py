"""Moving a vault to the schema of this Privet. Refuses a vault that a newer one made (Unavailable)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from privet.audit.leaf import Act, Decision
from privet.bootstrap.vault import Vault
from privet.config.settings import load_settings
from privet.store.opening import upgrade_store


class Upgraded(NamedTuple):
    """Schema numbers; equal when there was nothing to do."""

    before: int
    after: int


def upgrade_vault(directory: Path, *, open_vault: Callable[[], AbstractContextManager[Vault]]) -> Upgraded:
    """Upgrades in one transaction, then opens the vault to log it. `open_vault` is called only if there was need."""
    settings = load_settings(directory)
    done = Upgraded(*upgrade_store(settings.database_url, settings.database))
    if done.before != done.after:
        with open_vault() as vault:
            parts = vault.parts
            with parts.store.write() as unit:
                private = {"actor": "steward", "before": done.before, "after": done.after}
                unit.append([parts.scribe.act(Act.UPGRADE, Decision.DONE, private)])
    return done
