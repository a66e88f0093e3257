"""Callers by API key: known without asking, and revoked to the batch."""

import asyncio
from datetime import timedelta

import pytest

from privet import Vault
from privet.bootstrap.credentials import create_key, revoke_key
from privet.domain.ids import Millis
from privet.domain.ports import VaultState
from privet.errors import Unauthenticated
from privet.testing import StoppedClock, open_vault
from tests.unit.http.inn import Door, run, state


def test_a_key_is_known_once_it_was_seen(vault: Vault) -> None:
    """The hot path asks nobody, and gets one object a key."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        assert door.known(key.text) is None
        caller = await door.ask(key.text)
        assert door.known(key.text) is caller
        assert door.it.known(b"bEARER  " + key.text.encode() + b" ", None) is caller
        assert door.known(key.text[:-1] + "A") is None or key.text.endswith("A")

    run(work())


def test_a_revoked_key_is_refused_from_the_next_batch_on(vault: Vault, clock: StoppedClock) -> None:
    """Revoked in another process: what is still remembered here is found out by the state that a batch loads."""
    key, other = create_key(vault.parts, "desk"), create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        caller, neighbour = await door.ask(key.text), await door.ask(other.text)
        before = state(vault)
        assert door.it.still_valid(caller, before)
        with open_vault(vault.parts.settings.directory, clock=clock) as process:
            revoke_key(process.parts, key.id)
        assert door.known(key.text) is caller  # a hint, no more
        assert not door.it.still_valid(caller, state(vault))
        assert door.it.still_valid(neighbour, state(vault))
        assert door.known(key.text) is None  # and now it is known here too
        assert door.known(other.text) is not None
        with pytest.raises(Unauthenticated):
            await door.ask(key.text)

    run(work())


def test_off_the_hot_path_the_vault_is_asked_each_time(vault: Vault) -> None:
    """`authenticate` after a revocation refuses, without any batch in between."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        await door.ask(key.text)
        revoke_key(vault.parts, key.id)
        with pytest.raises(Unauthenticated):
            await door.ask(key.text)

    run(work())


def test_a_pause_does_not_throw_callers_out(vault: Vault) -> None:
    """The controls changed, the keys did not."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        caller = await door.ask(key.text)
        vault.officer("ana").pause("stay")
        assert door.it.still_valid(caller, state(vault))

    run(work())


def test_an_expired_key_is_refused_at_once(vault: Vault, clock: StoppedClock) -> None:
    """Without grace, in every place where it could pass."""
    key = create_key(vault.parts, "desk", expires=Millis(clock.now + 60_000))

    async def work() -> None:
        door = Door(vault)
        caller = await door.ask(key.text)
        clock.pass_time(timedelta(milliseconds=59_999))
        assert door.known(key.text) is caller
        assert door.it.still_valid(caller, state(vault))
        clock.pass_time(timedelta(milliseconds=1))
        assert door.known(key.text) is None
        assert not door.it.still_valid(caller, state(vault))
        with pytest.raises(Unauthenticated):
            await door.ask(key.text)

    run(work())


def test_many_who_ask_at_once_share_a_look(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred requests off the hot path cost a statement or two; each sees a key made before it asked."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        looks = 0
        load = door.it._keys._load

        def counted() -> VaultState:
            nonlocal looks
            looks += 1
            return load()

        monkeypatch.setattr(door.it._keys, "_load", counted)
        found = await asyncio.gather(*(door.ask(key.text) for _ in range(100)))
        assert {one.name for one in found} == {"desk"}
        assert looks <= 2

    run(work())


def test_a_row_put_back_does_not_bring_a_revoked_key_back(vault: Vault) -> None:
    """Under another revision that still holds the key: the control journal has the later word."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        caller = await door.ask(key.text)
        vault.officer("ana").pause("stay")
        before = state(vault)
        assert door.it.still_valid(caller, before)
        revoke_key(vault.parts, key.id)
        vault.parts.standing.refresh()
        assert door.known(key.text) is None
        assert not door.it.still_valid(caller, before)

    run(work())
