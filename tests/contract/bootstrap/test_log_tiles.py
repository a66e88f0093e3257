"""The log's tiles, as anybody may ask for them."""

import pytest

from privet import Vault
from privet.audit.leaf import Act, Decision
from privet.audit.tiles import WIDTH, Tile, tile_width
from privet.bootstrap.auditing import has_tile


def test_to_ask_for_a_tile_sequences_nothing(vault: Vault) -> None:
    """Strangers may ask as often as they like: what it costs to sequence is not for them to choose."""
    parts = vault.parts
    parts.store.sequence()
    size = parts.store.log.size()
    with parts.store.write() as unit:
        unit.append([parts.scribe.act(Act.VERIFY, Decision.DONE, {"actor": "steward"})])
    waiting = parts.store.log.lag()
    assert has_tile(parts, Tile(0, 0, size))
    assert has_tile(parts, Tile(0, 0, size + 1)) is (parts.store.backend == "sqlite")
    assert parts.store.log.lag() == waiting
    parts.store.sequence()
    assert has_tile(parts, Tile(0, 0, size + 1))


@pytest.mark.parametrize("level, n", [(0, 0), (0, 1), (1, 0), (7, 0), (8, 0), (63, 2**40)])
def test_a_tile_is_there_as_far_as_the_log_is(vault: Vault, level: int, n: int) -> None:
    """Of a log of a few entries: some of the first tile, and none of any other."""
    size = vault.parts.store.log.size()
    there = tile_width(size, level, n)
    for width in (1, size, size + 1, WIDTH):
        assert has_tile(vault.parts, Tile(level, n, width)) is (width <= there)
