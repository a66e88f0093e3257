"""Callers by token: whose they are, whose they are not, and how long that is remembered."""

import asyncio
import base64
from datetime import timedelta
from pathlib import Path

import pytest

from privet import Vault
from privet.config.settings.serving import IssuerSettings
from privet.domain.request import By
from privet.errors import InvalidInput, RateLimited, Unauthenticated, Unavailable
from privet.http import jwks as keys_of
from privet.http.callers import Caller
from privet.testing import StoppedClock
from tests.unit.http.certifying import issue
from tests.unit.http.inn import DESK, ISSUERS, Door, Sites, run, state
from tests.unit.http.issuing import NOW, claims, ec, hmac_with_public_key, rsa, token


def test_officers_and_customers_come_by_their_own_issuers(vault: Vault) -> None:
    """An officer by subject, a customer by the claim that the settings name; each by that issuer only."""
    person = claims(
        iss="https://people.example", sub="7", client_id=None, email="ada@example.org", email_verified=True
    )

    async def work() -> tuple[Caller, Caller]:
        door = Door(vault)
        return await door.ask(token(claims(iss="https://staff.example", sub="42"))), await door.ask(
            token(person)
        )

    ana, ada = run(work())
    assert (ana.kind, ana.name) == ("officer", "ana")
    assert (ada.kind, ada.customer) == ("customer", By("email", "ada@example.org"))
    assert "ada@" not in repr(ada)


def test_only_a_token_whose_times_fit_makes_anybody_look_for_its_key(vault: Vault, sites: Sites) -> None:
    """One of another time asks nothing of the issuer, nor uses up the look that a new key needs."""

    async def work() -> None:
        door = Door(vault)
        for other in (claims(exp=NOW // 1000 - 100), claims(iat=NOW // 1000 + 100)):
            with pytest.raises(Unauthenticated):
                await door.ask(token(other, header={"kid": "invented"}))
        assert sites.asked == 0
        await door.ask(token(claims()))
        assert sites.asked > 0

    run(work())


NOBODYS = [
    claims(sub="stranger", client_id=None),
    claims(sub="stranger", client_id="desk"),
    claims(sub="desk", client_id="kitchen-client", gty="client-credentials"),
    claims(sub="ana"),
    claims(sub="42"),
    claims(iss="https://staff.example", sub="desk"),
    claims(iss="https://staff.example", sub="ana"),
    claims(iss="https://people.example", sub="desk"),
    claims(iss="https://people.example", email="ada@example.org"),
    claims(iss="https://people.example", email="ada@example.org", email_verified="true"),
    claims(iss="https://people.example", email="ada@example.org", email_verified=1),
    claims(iss="https://people.example", email="", email_verified=True),
    claims(iss="https://people.example", email=["ada@example.org"], email_verified=True),
    claims(iss="https://people.example", email="x" * 400, email_verified=True),
    claims(iss="https://people.example", email="ada@example.org\n", email_verified=True),
    claims(iss="https://people.example", email="ada\ud800@example.org", email_verified=True),
    claims(iss="https://people.example", email_verified=True),
    claims(iss="https://foreign.example"),
    claims(aud="other"),
    claims(exp=NOW // 1000 - 100),
    claims(nbf=NOW // 1000 + 100),
]


def test_tokens_that_are_nobodys(vault: Vault) -> None:
    """Strangers, a person behind a client, roles crossed, addresses nobody vouched for, foreign, stale."""

    async def work() -> None:
        door = Door(vault)
        for body in NOBODYS:
            with pytest.raises(Unauthenticated):
                await door.ask(token(body))
        assert door.refused == ["token"] * len(NOBODYS)

    run(work())


def test_scopes_and_roles_in_a_token_change_nothing(vault: Vault) -> None:
    """Whatever it claims to be allowed, it is the same caller."""

    async def work() -> None:
        door = Door(vault)
        plain = await door.ask(token())
        rich = await door.ask(
            token(claims(scope="admin kitchen", roles=["officer"], groups=["ana"], service="kitchen"))
        )
        assert (plain.kind, plain.name) == (rich.kind, rich.name) == ("service", "desk")

    run(work())


def test_forged_tokens_are_refused(vault: Vault, sites: Sites) -> None:
    """Another's key under a good kid, a swapped kid, the public key as a secret, and no signature."""

    async def work() -> None:
        door = Door(vault)
        for shown in (
            token(key=ec("evil"), header={"kid": "ec"}),
            token(header={"kid": "rsa"}),
            token(header={"kid": "unknown"}),
            hmac_with_public_key(rsa(), claims()),
            b"eyJhbGciOiJub25lIn0." + token().split(b".")[1] + b".",
            token().rpartition(b".")[0] + b".AAAA",
            b"x" * 20_000,
        ):
            with pytest.raises(Unauthenticated):
                await door.ask(shown)

    run(work())


def test_a_verified_token_is_remembered_until_it_expires(
    vault: Vault, clock: StoppedClock, sites: Sites
) -> None:
    """No fetch and no signature check the second time; refused when its time is over, leeway included."""
    shown = token()

    async def work() -> None:
        door = Door(vault)
        assert door.known(shown) is None
        caller = await door.ask(shown)
        asked = sites.asked
        assert door.known(shown) is caller
        assert await door.ask(shown) is caller
        assert sites.asked == asked
        clock.pass_time(timedelta(seconds=329))
        assert door.known(shown) is caller
        clock.pass_time(timedelta(seconds=1))
        assert door.known(shown) is None
        assert not door.it.still_valid(caller, state(vault))
        with pytest.raises(Unauthenticated):
            await door.ask(shown)

    run(work())


def test_a_withdrawn_key_ends_the_tokens_it_signed(vault: Vault, sites: Sites) -> None:
    """An issuer that takes a key back (it was stolen) takes back what is remembered of it."""
    shown = token()
    now = [0.0]

    async def work() -> None:
        door = Door(vault)
        for issuer in door.it._tokens._issuers:
            issuer.keys._clock = lambda: now[0]
        await door.ask(shown)
        sites.held = [rsa()]
        now[0] += keys_of.FRESH_S
        assert door.known(shown) is None  # not fresh: to be asked about
        await door.ask(shown)  # while the new keys are fetched
        await asyncio.sleep(0.05)
        with pytest.raises(Unauthenticated):
            await door.ask(shown)

    run(work())


def test_without_the_issuers_keys_nobody_is_called_unknown(vault: Vault, sites: Sites) -> None:
    """Unavailable, which callers try again; and well again by itself."""
    sites.down = True

    async def work() -> None:
        door = Door(vault)
        with pytest.raises(Unavailable):
            await door.ask(token())
        assert door.refused == []
        sites.down = False
        door.it._tokens._issuers[0].keys._tried = -1e9
        assert (await door.ask(token())).name == "desk"

    run(work())


def test_a_token_bound_to_a_certificate_needs_that_certificate(vault: Vault) -> None:
    """RFC 8705: without it, or with another, the token is nobody's; remembered or not."""
    thumb = base64.urlsafe_b64encode(bytes.fromhex(DESK.fingerprint)).rstrip(b"=").decode()
    shown = token(claims(cnf={"x5t#S256": thumb}))

    async def work() -> None:
        door = Door(vault)
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                await door.ask(shown)
            with pytest.raises(Unauthenticated):
                await door.ask(shown, issue("other"))
            assert (await door.ask(shown, DESK)).name == "desk"
            assert door.known(shown) is None
            assert door.known(shown, DESK) is not None

    run(work())


def test_a_remembered_token_is_no_stranger_while_its_issuer_is_away(vault: Vault, sites: Sites) -> None:
    """Keys that wait for renewal do not make its holder one of those who flood from the same address."""
    shown = token()
    now = [0.0]

    async def work() -> None:
        door = Door(vault, unauthenticated_per_minute=2)
        for issuer in door.it._tokens._issuers:
            issuer.keys._clock = lambda: now[0]
        await door.ask(shown)
        sites.down = True
        now[0] += keys_of.FRESH_S
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                await door.ask("wrong")
        with pytest.raises(RateLimited):
            await door.ask("wrong")
        assert (await door.ask(shown)).name == "desk"

    run(work())


UNUSABLE = [
    (ISSUERS[0], ISSUERS[0]),
    (IssuerSettings(issuer="http://login.example", audience="privet", role="services"),),
    (
        IssuerSettings(
            issuer="https://a.example", audience="p", role="services", jwks_url="http://a.example/k"
        ),
    ),
    (IssuerSettings(issuer="https://a.example", audience="p", role="customers"),),
    (
        IssuerSettings(
            issuer="https://a.example", audience="p", role="customers", claim="email", lookup="nothing"
        ),
    ),
    (
        IssuerSettings(
            issuer="https://a.example", audience="p", role="customers", claim="name", lookup="name"
        ),
    ),
    (
        IssuerSettings(
            issuer="https://a.example", audience="p", role="customers", claim="phone", lookup="phone"
        ),
    ),
    (IssuerSettings(issuer="https://a.example", audience="p", role="services", ca_file=Path("nowhere.pem")),),
]


def test_issuers_that_cannot_be_used_stop_the_server(vault: Vault) -> None:
    """Said at the start: two alike, in the clear, and customers found by what finds no one person."""

    async def work() -> None:
        for issuers in UNUSABLE:
            with pytest.raises(InvalidInput, match="issuers"):
                Door(vault, issuers=issuers)

    run(work())


def test_two_audiences_of_one_issuer_are_told_apart(vault: Vault) -> None:
    """By the token's own; one that names both is nobody's."""
    staff = IssuerSettings(issuer="https://login.example", audience="staff", role="officers")

    async def work() -> None:
        door = Door(vault, issuers=(ISSUERS[0], staff))
        assert (await door.ask(token())).kind == "service"
        with pytest.raises(Unauthenticated):
            await door.ask(token(claims(aud=["privet", "staff"])))

    run(work())


def test_memory_of_tokens_is_bounded(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tokens leave no more than the table holds."""
    from privet.http import token_callers

    monkeypatch.setattr(token_callers, "_MOST", 8)
    monkeypatch.setattr(token_callers, "_SPARE", 3)

    async def work() -> None:
        door = Door(vault)
        for at in range(30):
            await door.ask(token(claims(jti=str(at))))
        assert len(door.it._tokens._remembered) <= 8

    run(work())
