"""Tokens of real providers at a real server: each kind finds its caller, and every forged or stale one nobody."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from privet import Vault
from privet.domain.request import by
from privet.testing import make_vault
from tests.contract.http.doors import Door, bound, catalogue, is_refused, last_reader, reads
from tests.services.oidc import ClientIssuer, OidcUnavailable, PeopleIssuer, make_key
from tests.services.parts import miss
from tests.services.vault_server import VaultServer
from tests.unit.http.issuing import claims, hmac_with_public_key, token

CLIENTS = {"desk": "ES256", "kitchen": "RS256", "ps": "PS256", "ed": "EdDSA", "stranger": "ES256"}


@dataclass(kw_only=True)
class Inn:
    """A server, its vault, and who gives tokens for it."""

    vault: Vault
    door: Door
    clients: ClientIssuer
    people: PeopleIssuer


@pytest.fixture(scope="module")
def inn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inn]:
    try:
        clients = ClientIssuer(CLIENTS)
        people = PeopleIssuer(
            {
                "ana": {},
                "ada": {"email": "ada@example.org", "email_verified": True},
                "eve": {"email": "ada@example.org", "email_verified": False},
                "mute": {},
            }
        )
    except OidcUnavailable as error:
        miss("oidc", str(error))
    directory = tmp_path_factory.mktemp("inn") / "vault"
    rules = catalogue(
        desk=bound(clients.url, "desk"),
        kitchen=bound(clients.url, "kitchen"),
        officer=bound(people.url, "ana"),
    )
    issuers = [
        {"issuer": clients.url, "audience": "privet", "role": "services"},
        {"issuer": people.url, "audience": "staff", "role": "officers"},
        {
            "issuer": people.url,
            "audience": "customers",
            "role": "customers",
            "claim": "email",
            "lookup": "email",
        },
    ]
    with clients, people, make_vault(directory, rules) as vault:
        vault.service("desk").put(
            by(email="ada@example.org"), {"name": "Ada", "email": "ada@example.org"}, purpose="stay"
        )
        with VaultServer(directory, issuers=issuers, serve={"unauthenticated_per_minute": 100_000}) as server:
            yield Inn(vault=vault, door=Door(server.url), clients=clients, people=people)


def test_a_client_of_a_real_provider_is_its_service(inn: Inn) -> None:
    """Both ways of signing; the log names the service that the catalogue binds."""
    for client in ("desk", "kitchen"):
        answer = inn.door.ask(inn.clients.token(client))
        assert answer.status == 403, answer
        assert last_reader(inn.vault) == client


def test_a_service_reads_what_the_catalogue_lets_it(inn: Inn) -> None:
    """And its token's scopes add nothing."""
    body = {"subject": {"email": "ada@example.org"}, "purpose": "stay", "fields": ["name", "email"]}
    for scope in ("read", "read admin"):
        answer = inn.door.ask(inn.clients.token("kitchen", scope=scope), body=body)
        assert answer.status == 200, answer
        assert answer.json["values"] == {"name": "Ada"}
        assert set(answer.json["withheld"]) == {"email"}


def test_clients_that_the_catalogue_does_not_bind_are_nobody(inn: Inn) -> None:
    """Good tokens of the same issuer."""
    before = reads(inn.vault)
    for client in ("stranger", "ps", "ed"):
        assert is_refused(inn.door.ask(inn.clients.token(client)))
    assert reads(inn.vault) == before


def test_officers_and_customers_sign_in_with_a_real_provider(inn: Inn) -> None:
    """By ID token; each comes to their own routes, and to no other's."""
    ana = inn.people.id_token("ana", client="staff")
    ada = inn.people.id_token("ada", client="customers")
    desk = inn.clients.token("desk")
    assert inn.door.ask(ana, path="/v1/controls", method="GET").status == 200
    profile = inn.door.ask(ada, path="/v1/me/profile", method="GET")
    assert profile.status == 200, profile
    assert "Ada" in str(profile.json)
    for shown, path, method in (
        (ada, "/v1/controls", "GET"),
        (desk, "/v1/controls", "GET"),
        (ana, "/v1/me/profile", "GET"),
        (desk, "/v1/me/profile", "GET"),
        (ana, "/v1/fetch", "POST"),
        (ada, "/v1/fetch", "POST"),
    ):
        answer = inn.door.ask(shown, path=path, method=method)
        assert (answer.status, answer.json["code"]) == (403, "wrong_role")


def test_an_address_that_the_provider_did_not_verify_is_not_hers(inn: Inn) -> None:
    """Another account with Ada's address, and one without any."""
    for person in ("eve", "mute"):
        shown = inn.people.id_token(person, client="customers")
        assert is_refused(inn.door.ask(shown, path="/v1/me/profile", method="GET"))


def test_a_token_for_another_audience_is_refused(inn: Inn) -> None:
    """A customer's ID token is not an officer's, though the issuer is the same."""
    assert is_refused(
        inn.door.ask(inn.people.id_token("ada", client="staff"), path="/v1/controls", method="GET")
    )
    assert is_refused(
        inn.door.ask(inn.people.id_token("ana", client="elsewhere"), path="/v1/controls", method="GET")
    )


def test_forged_stale_and_foreign_tokens_are_refused(inn: Inn) -> None:
    """At the server's own door, with the issuer's real key ids."""
    now = int(time.time())
    keys = {key.kid: key for key in inn.clients.keys}
    es256, rs256 = keys["ES256-1"], keys["RS256-1"]
    good = claims(iss=inn.clients.url, iat=now, exp=now + 300)
    assert inn.door.ask(token(good, key=es256).decode()).status == 403
    mine = make_key("ES256", "ES256-1")
    for shown in (
        token({**good, "exp": now - 60}, key=es256),
        token({**good, "nbf": now + 120}, key=es256),
        token({**good, "iat": now + 120}, key=es256),
        token({**good, "aud": "other"}, key=es256),
        token({**good, "iss": "https://foreign.example"}, key=es256),
        token({**good, "iss": inn.people.url}, key=es256),
        token(good, key=mine),
        token(good, key=es256, header={"kid": "RS256-1"}),
        token(good, key=es256, header={"kid": "unknown"}),
        token(good, key=es256, header={"jwk": mine.as_dict(private=False)}),
        token(good, key=es256, header={"crit": ["exp"]}),
        hmac_with_public_key(rs256, good),
        b"eyJhbGciOiJub25lIn0." + token(good, key=es256).split(b".")[1] + b".",
        token(good, key=es256)[:-8],
        b"x" * 9_000,
    ):
        assert is_refused(inn.door.ask(shown.decode())), shown[:60]


def test_a_rotation_of_the_issuers_keys(tmp_path: Path) -> None:
    """New tokens are taken once the keys may be looked for again, and what old keys signed is refused from then on.

    With the server's own minute this takes a minute: the source of keys is asked directly, against the real provider.
    """
    import asyncio

    from privet.config.settings.serving import IssuerSettings
    from privet.http.jwks import KeySource

    try:
        issuer = ClientIssuer({"desk": "ES256"})
    except OidcUnavailable as error:
        miss("oidc", str(error))
    form = ("EC", "P-256")

    async def work() -> None:
        now = [0.0]
        source = KeySource(
            IssuerSettings(issuer=issuer.url, audience="privet", role="services"), clock=lambda: now[0]
        )
        assert await source.find("ES256-1", "ES256", form) is not None
        issuer.rotate([make_key("ES256", "ES256-2")])
        assert await source.find("ES256-2", "ES256", form) is None
        now[0] += 60
        assert await source.find("ES256-2", "ES256", form) is not None
        assert await source.find("ES256-1", "ES256", form) is None
        issuer.stop()
        now[0] += 300
        assert await source.find("ES256-2", "ES256", form) is not None
        await renewed(source)
        assert source.fault is not None
        issuer.start()
        now[0] += 10
        await source.find("ES256-2", "ES256", form)
        await renewed(source)
        assert source.is_fresh

    async def renewed(source: KeySource) -> None:
        if source._renewing is not None:
            await source._renewing

    with issuer:
        asyncio.run(work())
