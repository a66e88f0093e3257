"""Who asks: one caller or none, in one sentence, and revocation exact to the batch."""

import asyncio
import base64
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from privet import Vault
from privet.bootstrap.credentials import create_key, revoke_key
from privet.config.settings.serving import IssuerSettings, ServeSettings, Serving
from privet.domain.ids import Millis
from privet.domain.ports import VaultState
from privet.domain.request import By
from privet.errors import InvalidInput, RateLimited, Unauthenticated, Unavailable
from privet.http import jwks as keys_of
from privet.http.callers import Authenticator, Caller
from privet.http.certificates import read_certificate
from privet.http.jwks import FetchFailed
from privet.testing import StoppedClock, make_vault, open_vault
from tests.unit.http.certifying import Issued, issue
from tests.unit.http.issuing import NOW, claims, ec, hmac_with_public_key, jwks, rsa, token

DESK = issue("desk")
SPIFFE = "spiffe://inn.example/kitchen"
KITCHEN = issue("kitchen", uris=[SPIFFE])
CATALOGUE = f"""
fields:
  name: {{type: string, category: pd:Name, allow: [stay]}}
  email: {{type: email, category: pd:EmailAddress, lookup: unique}}
  phone: {{type: phone, category: pd:TelephoneNumber, lookup: shared}}
purposes: {{stay: {{dpv: dpv:ServicePersonalisation, basis: contract}}}}
services:
  desk:
    purposes: [stay]
    fields: [name]
    certificates: ["{DESK.fingerprint}"]
    oidc: {{issuer: "https://login.example", subject: desk}}
  kitchen:
    purposes: [stay]
    fields: [name]
    spiffe: ["{SPIFFE}"]
    oidc: {{issuer: "https://login.example", subject: kitchen-client}}
officers:
  ana: {{oidc: {{issuer: "https://staff.example", subject: "42"}}}}
"""
ISSUERS = (
    IssuerSettings(issuer="https://login.example", audience="privet", role="services"),
    IssuerSettings(issuer="https://staff.example", audience="privet", role="officers"),
    IssuerSettings(
        issuer="https://people.example", audience="privet", role="customers", claim="email", lookup="email"
    ),
)
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class Sites:
    """Every issuer's web site: discovery and keys."""

    def __init__(self) -> None:
        self.held: list[Any] = [ec(), rsa()]
        self.down = False
        self.asked = 0

    async def fetch(self, address: str) -> bytes:
        self.asked += 1
        if self.down:
            raise FetchFailed("down")
        site, _, page = address.partition("/.well-known/")
        if page:
            return orjson.dumps({"issuer": site, "jwks_uri": f"{site}/keys"})
        return jwks(*self.held)


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Sites:
    made = Sites()
    monkeypatch.setattr(keys_of.Fetcher, "fetch", lambda _, address: made.fetch(address))
    return made


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
def vault(tmp_path: Path, clock: StoppedClock, sites: Sites) -> Iterator[Vault]:
    with make_vault(tmp_path / "inn.privet", CATALOGUE, clock=clock) as made:
        yield made


class Door:
    """An authenticator with these settings, and what it counted."""

    def __init__(self, vault: Vault, *, issuers: tuple[IssuerSettings, ...] = ISSUERS, **serve: Any) -> None:
        serving = Serving(serve=ServeSettings(**serve), issuers=issuers)
        settings = vault.parts.settings
        object.__setattr__(settings, "serving", serving)
        self.refused: list[str] = []
        self.it = Authenticator(vault.parts, refused=self.refused.append)

    async def ask(
        self, shown: str | bytes | None, certificate: Issued | None = None, address: str = ""
    ) -> Caller:
        bearer = shown.encode() if isinstance(shown, str) else shown
        peer = None if certificate is None else read_certificate(certificate.der)
        return await self.it.authenticate(
            None if bearer is None else b"Bearer " + bearer, peer, address=address
        )

    def known(self, shown: str | bytes, certificate: Issued | None = None) -> Caller | None:
        bearer = shown.encode() if isinstance(shown, str) else shown
        return self.it.known(
            b"Bearer " + bearer, None if certificate is None else read_certificate(certificate.der)
        )


def state(vault: Vault) -> VaultState:
    with vault.parts.store.read() as unit:
        return unit.state()


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
        assert await door.ask(key.text, address="192.0.2.1")
        with pytest.raises(Unauthenticated):
            await door.ask("wrong", address="192.0.2.2")
        with pytest.raises(Unauthenticated):
            await door.ask("wrong", address="2001:db8::1")
        assert door.refused.count("limited") == 1

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
