"""API keys: shown once, at most two a service, logged by id, and gone from the moment they are revoked."""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from privet import Vault
from privet.bootstrap.credentials import (
    NewKey,
    create_key,
    digest_of,
    find_credential,
    list_keys,
    revoke_key,
)
from privet.bootstrap.restoring import restore_vault
from privet.decide.controls import Credential
from privet.domain.ids import Millis
from privet.domain.ports import VaultState
from privet.domain.request import by
from privet.errors import Conflict, InvalidInput, NotFound, PrivetError, Unauthenticated, Unavailable
from privet.http.callers import Authenticator
from privet.identify.current import on_behalf
from privet.testing import PASSPHRASE, StoppedClock, make_vault, open_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES


def state(vault: Vault) -> VaultState:
    with vault.parts.store.read() as unit:
        return unit.state()


def holder(vault: Vault, key: NewKey | str) -> Credential | None:
    text = key if isinstance(key, str) else key.text
    return find_credential(vault.parts.controls.credentials(state(vault)), text.encode())


def test_a_key_stands_for_its_service(vault: Vault) -> None:
    """As soon as it was made, and for no other."""
    one, other = create_key(vault.parts, "desk"), create_key(vault.parts, "letters")
    found = holder(vault, one)
    assert found is not None
    assert (found.id, found.service) == (one.id, "desk")
    assert holder(vault, other).service == "letters"  # type: ignore[union-attr]
    assert [key.id for key in list_keys(vault.parts, "desk")] == [one.id]
    assert len(list_keys(vault.parts)) == 2


def test_only_a_hash_is_kept(vault: Vault, tmp_path: Path) -> None:
    """The key stands in no file, and in no repr."""
    made = create_key(vault.parts, "desk")
    secret = made.text.rpartition("_")[2]
    assert secret not in repr(made)
    assert digest_of(made.text.encode()).hex() not in repr(list_keys(vault.parts))
    vault.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()


def test_wrong_keys_find_nobody(vault: Vault) -> None:
    """Another secret, another id, another case, a cut, a longer one, a second spelling of the same bits."""
    made = create_key(vault.parts, "desk")
    other = create_key(vault.parts, "desk")
    secret = made.text.rpartition("_")[2]
    final = "AEIMQUYcgkosw048"
    spelt = chr(ord(secret[-1]) + 1) if secret[-1] in final else "B"
    for wrong in (
        f"privet_{made.id}_{other.text.rpartition('_')[2]}",
        f"privet_{other.id}_{secret}",
        f"privet_aaaaaaaa_{secret}",
        made.text.upper(),
        made.text[:-1],
        made.text[:-1] + spelt,
        made.text + "A",
        made.text + "\n",
        f"privet_{made.id}_",
        "privet_",
        "",
    ):
        assert holder(vault, wrong) is None


def test_a_third_live_key_is_refused_and_says_which_to_revoke(vault: Vault, clock: StoppedClock) -> None:
    """Two for a change-over; the sentence names the oldest. Another service has its own two."""
    oldest = create_key(vault.parts, "desk")
    clock.pass_time(timedelta(seconds=1))
    newest = create_key(vault.parts, "desk")
    with pytest.raises(Conflict, match=f"privet service key revoke {oldest.id}"):
        create_key(vault.parts, "desk")
    create_key(vault.parts, "letters")
    revoke_key(vault.parts, oldest.id)
    assert create_key(vault.parts, "desk").id not in (oldest.id, newest.id)


def test_an_expired_key_makes_room(vault: Vault, clock: StoppedClock) -> None:
    """It does not count as live, is listed until its service gets another, and goes then."""
    ends = to_millis_after(clock, timedelta(days=1))
    first = create_key(vault.parts, "desk", expires=ends)
    create_key(vault.parts, "desk")
    with pytest.raises(Conflict):
        create_key(vault.parts, "desk")
    clock.pass_time(timedelta(days=1))
    assert first.id in [one.id for one in list_keys(vault.parts)]
    create_key(vault.parts, "desk")
    assert first.id not in [one.id for one in list_keys(vault.parts)]


def to_millis_after(clock: StoppedClock, by: timedelta) -> Millis:
    return Millis(clock.now + int(by.total_seconds() * 1000))


def test_bad_requests_are_refused(vault: Vault, clock: StoppedClock) -> None:
    """A service that is not there, an end that has passed, what is no id, a key that is gone."""
    with pytest.raises(InvalidInput, match="services here"):
        create_key(vault.parts, "nobody")
    with pytest.raises(InvalidInput):
        create_key(vault.parts, "desk", expires=clock())
    made = create_key(vault.parts, "desk")
    for text in (made.text, "", "../../etc", "A" * 8):
        with pytest.raises(InvalidInput):
            revoke_key(vault.parts, text)
    revoke_key(vault.parts, made.id)
    with pytest.raises(NotFound):
        revoke_key(vault.parts, made.id)


def test_each_change_is_a_leaf_with_the_id_and_never_the_key(vault: Vault) -> None:
    """Made, revoked; what was refused left no trace of a key that is not there."""
    made = create_key(vault.parts, "desk")
    revoke_key(vault.parts, made.id)
    vault.parts.store.sequence()
    lines = vault.officer("ana").audit.query(act="service")
    assert [(line.service, line.detail.get("change"), line.detail.get("key")) for line in lines] == [
        ("desk", "key revoked", made.id),
        ("desk", "key created", made.id),
    ]
    assert made.text not in repr(lines)


def test_pauses_and_keys_leave_each_other_alone(vault: Vault) -> None:
    """Whichever changes, the other is as it was."""
    ana = vault.officer("ana")
    ana.pause("care")
    first = create_key(vault.parts, "desk")
    assert ana.paused() == ("care",)
    ana.pause("desk")
    ana.resume("care")
    assert holder(vault, first) is not None
    revoke_key(vault.parts, first.id)
    assert ana.paused() == ("desk",)
    second = create_key(vault.parts, "desk")
    ana.resume("desk")
    assert holder(vault, second) is not None
    assert ana.paused() == ()


def test_what_another_process_changes_is_seen_at_once(vault: Vault, clock: StoppedClock) -> None:
    """Two openings of one vault: made in one, it stands in the other; revoked in one, it stands in neither."""
    with open_vault(vault.parts.settings.directory, clock=clock) as second:
        made = create_key(vault.parts, "desk")
        assert holder(second, made) is not None
        revoke_key(second.parts, made.id)
        assert holder(vault, made) is None


def test_races_lose_nothing(vault: Vault, clock: StoppedClock) -> None:
    """Officers and stewards at once: no change undoes another's, and no service gets a third key."""
    services = ("desk", "letters", "register")
    with open_vault(vault.parts.settings.directory, clock=clock) as second:
        begin = threading.Barrier(6)

        def make(at: int) -> list[NewKey]:
            begin.wait()
            found = []
            for service in services:
                try:
                    found.append(create_key((vault, second)[at % 2].parts, service))
                except Conflict:
                    continue
            return found

        def pause(at: int) -> None:
            begin.wait()
            for name in ("care", "enrolment", "marketing.email"):
                (vault, second)[at % 2].officer("ana").pause(name)

        with ThreadPoolExecutor(6) as pool:
            keys = [pool.submit(make, at) for at in range(4)]
            pauses = [pool.submit(pause, at) for at in range(2)]
            made = [key for one in keys for key in one.result()]
            for one in pauses:
                one.result()
    assert sorted(key.service for key in made) == sorted(services * 2)
    assert all(holder(vault, key) is not None for key in made)
    assert vault.officer("ana").paused() == ("care", "enrolment", "marketing.email")
    vault.officer("ana").audit.verify()


def test_credentials_of_another_form_are_refused(vault: Vault) -> None:
    """What this version does not know is not guessed at: nothing is served, and nothing overwritten."""
    controls = vault.parts.controls
    good = {"id": "abcdefgh", "service": "desk", "digest": "A" * 43 + "=", "created": 1, "expires": None}
    import orjson

    for number, content in enumerate(
        [
            {"paused": [], "credentials": {}},
            {"paused": [], "credentials": [1]},
            {"paused": [], "credentials": [{}]},
            {"paused": [], "credentials": [{**good, "digest": "AAAA"}]},
            {"paused": [], "credentials": [{**good, "digest": 7}]},
            {"paused": [], "credentials": [{**good, "digest": "!" * 44}]},
            {"paused": [], "credentials": [{**good, "expires": "never"}]},
            {"paused": [], "credentials": [{**good, "created": True}]},
            {"paused": [], "credentials": [{**good, "service": None}]},
            {"paused": [], "more": 1},
        ],
        start=1,
    ):
        sealed = controls._cipher.seal(bytes(12), orjson.dumps(content), controls._context(number))
        spoilt = state(vault)._replace(controls=sealed, controls_rev=number)
        with pytest.raises(PrivetError, match="form"):
            controls.credentials(spoilt)
        with pytest.raises(PrivetError, match="form"):
            controls.reseal(spoilt, vault.parts.randomness, paused=frozenset())
    sealed = controls._cipher.seal(bytes(12), b'{"paused":["care"]}', controls._context(1))
    old = state(vault)._replace(controls=sealed, controls_rev=1)
    assert controls.paused(old) == {"care"}
    assert controls.credentials(old) == {}


def test_a_unit_goes_on_only_while_its_credential_stands(vault: Vault) -> None:
    """Revoked between the door and the write: nothing is stored and nothing logged; reads of consent likewise."""
    desk, register = vault.service("desk"), vault.service("register")
    ada = by(email="ada@example.org")
    register.put(ada, {"given_name": "Ada", "email": "ada@example.org"}, purpose="enrolment")
    key = create_key(vault.parts, "register")
    before = state(vault)
    log = vault.parts.store.log.size()

    def holds(now: VaultState) -> bool:
        return key.id in vault.parts.controls.credentials(now)

    with on_behalf(holds):
        register.put(ada, {"given_name": "Adele"}, purpose="enrolment")
        revoke_key(vault.parts, key.id)
        acts: tuple[Callable[[], object], ...] = (
            lambda: register.put(ada, {"given_name": "Eve"}, purpose="enrolment"),
            lambda: register.record(
                ada, "purchases", {"day": "2025-01-01", "invoice": "7"}, purpose="enrolment"
            ),
            lambda: register.consent(ada, "care", given=True),
        )
        for act in acts:
            with pytest.raises(Unauthenticated):
                act()
    vault.parts.store.sequence()
    assert vault.parts.store.log.size() == log + 2  # the one write, and the revocation
    assert desk.fetch(ada, purpose="service-personalisation", fields=["given_name"])["given_name"] == "Adele"
    assert holds(before)


def test_no_older_copy_of_the_database_brings_a_revoked_key_back(tmp_path: Path, clock: StoppedClock) -> None:
    """A restore of a backup, and a row put back by hand: the control journal has the later word."""
    directory, copy = tmp_path / "v", tmp_path / "backup"
    with make_vault(directory, CATALOGUE, NOTICES, clock=clock) as vault:
        gone, kept = create_key(vault.parts, "desk"), create_key(vault.parts, "desk")
        older = state(vault)
        vault.steward().backup(copy)
        clock.pass_time(timedelta(seconds=5))
        revoke_key(vault.parts, gone.id)
        newer = state(vault)
        execute(
            directory, "update vault set controls = ?, controls_rev = ?", older.controls, older.controls_rev
        )
        check_only(vault, kept, gone)
        execute(
            directory, "update vault set controls = ?, controls_rev = ?", newer.controls, newer.controls_rev
        )
    restore_vault(copy, directory, passphrase=PASSPHRASE, clock=clock, randomness=os.urandom)
    with open_vault(directory, clock=clock) as vault:
        assert gone.id in vault.parts.controls.credentials(state(vault))
        check_only(vault, kept, gone)
        # its row can be cleared again, and its service has room for another
        create_key(vault.parts, "desk")
        assert gone.id not in vault.parts.controls.credentials(state(vault))
        check_only(vault, kept, gone, others=1)


def check_only(vault: Vault, kept: NewKey, gone: NewKey, *, others: int = 0) -> None:
    """That one key stands for whoever looks, and the other for nobody."""
    listed = [one.id for one in list_keys(vault.parts)]
    assert kept.id in listed
    assert gone.id not in listed
    assert len(listed) == 1 + others

    async def ask(key: NewKey) -> str:
        authenticator = Authenticator(vault.parts)
        return (await authenticator.authenticate(b"Bearer " + key.text.encode(), None)).name

    assert asyncio.run(ask(kept)) == "desk"
    with pytest.raises(Unauthenticated):
        asyncio.run(ask(gone))


def execute(directory: Path, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(directory / "vault.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_a_revocation_cut_short_is_finished_by_the_next(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journaled and not committed: the key serves nobody; revoked again, its row goes and the log has it."""
    made = create_key(vault.parts, "desk")

    def fail(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(vault.parts.scribe), "act", fail)
        with pytest.raises(Unavailable):
            revoke_key(vault.parts, made.id)
    assert list_keys(vault.parts) == []
    revoke_key(vault.parts, made.id)
    assert vault.parts.controls.credentials(state(vault)) == {}
    vault.parts.store.sequence()
    assert len(vault.officer("ana").audit.query(act="service")) == 2
