"""A vault opened again after a restore, and what is asked of it."""

import os

from privet.consent.ledger import LedgerBook
from privet.domain.consent import ConsentStatus
from tests.contract.custody.world import VAULT, World

NAMES = [f"person{n}" for n in range(30)]
STEPS = ["verified", "load", "loaded", "people", "revived", "logged", "swapped", "done"]


def reopened(world: World, url: str) -> World:
    return World.open(world.directory, url, world.people)


def status(world: World, name: str) -> ConsentStatus:
    return world.facts(name).consents["news"].status


def ledger_agrees(world: World, name: str) -> bool:
    """The ledger opens and folds to what the facts say."""
    row = world.row(name)
    with world.store.read() as unit:
        LedgerBook(vault=VAULT, randomness=os.urandom).entries(
            unit, row.subject, world.keys(row), world.facts(name), row.facts_rev
        )
    return True
