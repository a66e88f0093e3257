"""Changing what holds for the whole vault: one unit of work, its leaf in it, tried again when another was faster."""

from collections.abc import Callable
from typing import TypeVar

from privet.bootstrap.parts import Parts
from privet.domain.ports import VaultState, WriteUnit
from privet.errors import Conflict, Unavailable

_TRIES = 8
T = TypeVar("T")


def change_controls(parts: Parts, change: Callable[[WriteUnit, VaultState], tuple[bytes | None, T]]) -> T:
    """What `change` returns beside the controls to store (None: as they are). Everything is durable when this returns.

    `change` gets the state as it is now and appends its own leaf; it may run more than once, each time in a fresh unit.
    Raises what `change` raises, and Unavailable. A Conflict
    is taken for a lost race: a refusal of that name is for the caller to raise, from the result.
    """
    for _ in range(_TRIES):
        try:
            with parts.store.write() as unit:
                state = unit.state()
                sealed, result = change(unit, state)
                if sealed is not None:
                    unit.set_controls(state.controls_rev, sealed)
        except Conflict:
            continue
        parts.checkpointer.tick()
        return result
    raise Unavailable("others keep changing the vault's controls; try again")
