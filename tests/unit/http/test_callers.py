"""Who asks: one caller or none, in one sentence, and revocation exact to the batch."""

import pytest

from privet import Vault
from privet.bootstrap.credentials import create_key, revoke_key
from privet.errors import RateLimited, Unauthenticated
from privet.http.callers import Caller
from tests.unit.http.certifying import issue
from tests.unit.http.inn import DESK, KITCHEN, Door, run
from tests.unit.http.issuing import claims, token


def test_each_kind_of_credential_finds_its_service(vault: Vault) -> None:
    """An API key, a token, a pinned certificate, a SPIFFE id: the caller is the catalogue's service."""
    key = create_key(vault.parts, "desk")

    async def work() -> list[Caller]:
        door = Door(vault)
        return [
            await door.ask(key.text),
            await door.ask(token()),
            await door.ask(None, DESK),
            await door.ask(None, KITCHEN),
            await door.ask(token(claims(sub="kitchen-client", client_id="kitchen-client"))),
        ]

    found = run(work())
    assert [(one.kind, one.name) for one in found] == [
        ("service", name) for name in ("desk", "desk", "desk", "kitchen", "kitchen")
    ]
    assert found[0].credential == f"key:{key.id}"
    assert found[1].credential.startswith("jwt:")
    assert found[2].credential == f"cert:{DESK.fingerprint[:12]}"
    assert key.text.rpartition("_")[2] not in repr(found)


def test_every_refusal_says_the_same(vault: Vault) -> None:
    """Wrong, unknown, revoked, expired, foreign: the sentence does not tell which."""
    key = create_key(vault.parts, "desk")
    gone = create_key(vault.parts, "desk")
    revoke_key(vault.parts, gone.id)

    async def work() -> set[str]:
        door = Door(vault)
        said = set()
        for shown in (
            gone.text,
            key.text[:-3] + "AAA",
            f"privet_aaaaaaaa_{'A' * 43}",
            "privet_x",
            "x",
            token(claims(exp=1)),
            token(claims(iss="https://foreign.example")),
        ):
            with pytest.raises(Unauthenticated) as refused:
                await door.ask(shown)
            said.add(refused.value.message)
        return said

    assert len(run(work())) == 1


def test_nothing_shown_is_said_to_be_missing(vault: Vault) -> None:
    """Whoever forgot is told what to show."""

    async def work() -> None:
        door = Door(vault)
        with pytest.raises(Unauthenticated, match="Bearer"):
            await door.ask(None)
        assert door.refused == ["missing"]

    run(work())


NO_BEARER = [
    b"",
    b"Bearer",
    b"Bearer ",
    b"Basic YTpi",
    b"bearer\tx",
    b"Bearer a b",
    b"Bearer \xc3\xa9",
    b"Token x",
    b"Bearer " + b"a" * 20_000,
]


def test_headers_that_are_no_bearer_token_are_refused(vault: Vault) -> None:
    """Other schemes, blanks, two tokens, other alphabets, a flood."""

    async def work() -> None:
        door = Door(vault)
        for header in NO_BEARER:
            assert door.it.known(header, None) is None
            with pytest.raises(Unauthenticated):
                await door.it.authenticate(header, None)

    run(work())


def test_two_authorization_headers_are_refused(vault: Vault) -> None:
    """Nobody chooses which one counts."""

    async def work() -> None:
        door = Door(vault)
        one = (b"authorization", b"Bearer x")
        assert door.it.shown({"headers": [one]}) == (b"Bearer x", None)
        assert door.it.shown({"headers": []}) == (None, None)
        with pytest.raises(Unauthenticated):
            door.it.shown({"headers": [one, (b"accept", b"*/*"), one]})

    run(work())


def test_a_bearer_and_a_certificate_of_two_services_are_refused(vault: Vault) -> None:
    """Of one service, or a certificate that is bound to nobody: the bearer counts."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault)
        assert (await door.ask(key.text, DESK)).name == "desk"
        assert (await door.ask(key.text, issue("unbound"))).name == "desk"
        assert door.known(key.text, KITCHEN) is None
        with pytest.raises(Unauthenticated):
            await door.ask(key.text, KITCHEN)
        with pytest.raises(Unauthenticated):
            await door.ask(token(claims(iss="https://staff.example", sub="42")), KITCHEN)
        with pytest.raises(Unauthenticated):
            await door.ask("wrong", DESK)
        assert door.refused == ["contradiction", "contradiction", "token"]

    run(work())


def test_strangers_hear_429_and_those_known_do_not(vault: Vault) -> None:
    """Failures are counted by address; a caller who is known passes from the same one."""
    key = create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault, unauthenticated_per_minute=5)
        await door.ask(key.text, address="192.0.2.1")
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                await door.ask("wrong", address="192.0.2.1")
        with pytest.raises(RateLimited) as refused:
            await door.ask("wrong", address="192.0.2.1")
        assert 0 < refused.value.retry_after <= 12
        await door.ask(key.text, address="192.0.2.1")
        with pytest.raises(Unauthenticated):
            await door.ask("wrong", address="192.0.2.2")
        with pytest.raises(Unauthenticated):
            await door.ask("wrong", address="2001:db8::1")
        assert door.refused.count("limited") == 1

    run(work())


def test_a_whole_ipv6_network_is_one_stranger(vault: Vault) -> None:
    """Another address of the same /64 does not help."""

    async def work() -> None:
        door = Door(vault, unauthenticated_per_minute=3)
        for at in range(3):
            with pytest.raises(Unauthenticated):
                await door.ask("wrong", address=f"2001:db8::{at:x}")
        with pytest.raises(RateLimited):
            await door.ask("wrong", address="2001:db8::abcd")

    run(work())


def test_each_credential_has_its_own_rate(vault: Vault) -> None:
    """Above it 429, with the time to wait; another credential of the same service is not concerned."""
    one, two = create_key(vault.parts, "desk"), create_key(vault.parts, "desk")

    async def work() -> None:
        door = Door(vault, requests_per_second=1.0, burst=3)
        first, second = await door.ask(one.text), await door.ask(two.text)
        for _ in range(3):
            door.it.admit(first)
        with pytest.raises(RateLimited) as refused:
            door.it.admit(first)
        assert 0 < refused.value.retry_after <= 1
        door.it.admit(second)

    run(work())
