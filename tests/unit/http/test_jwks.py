"""An issuer's keys: had in time, renewed behind the requests, never from a place or of a kind that is not safe."""

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import InvalidInput, Unavailable
from privet.http import jwks as keys_of
from privet.http.jwks import FetchFailed, KeySource, VerificationKey, check_address, parse_jwks
from tests.unit.http.issuing import SERVICES, ec, jwks, okp, rsa

ISSUER = replace(SERVICES, jwks_url="https://login.example/keys")
ES256 = ("ES256", ("EC", "P-256"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Site:
    """The issuer's web site: bytes by address, or an error; counts who asks."""

    def __init__(self, *held: Any) -> None:
        self.pages: dict[str, bytes | Exception] = {"https://login.example/keys": jwks(*held)}
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None

    def publish(self, *held: Any) -> None:
        self.pages["https://login.example/keys"] = jwks(*held)

    async def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        if self.gate is not None:
            await self.gate.wait()
        page = self.pages.get(address, FetchFailed("404"))
        if isinstance(page, Exception):
            raise page
        return page


def source(site: Site, clock: Clock, **changed: Any) -> KeySource:
    return KeySource(replace(ISSUER, **changed), fetch=site.fetch, clock=clock)


async def find(keys: KeySource, kid: str | None = "ec") -> VerificationKey | None:
    return await keys.find(kid, *ES256)


def test_a_key_is_found_and_kept() -> None:
    """One fetch serves many tokens, and many who ask at once."""

    async def run() -> None:
        site = Site(ec(), rsa())
        keys = source(site, Clock())
        found = await asyncio.gather(*(find(keys) for _ in range(50)))
        assert all(one is not None and one.kid == "ec" for one in found)
        assert await find(keys) is not None
        assert len(site.asked) == 1

    asyncio.run(run())


def test_an_unknown_key_is_looked_for_every_ten_seconds() -> None:
    """A rotation is followed; a flood of invented kids is not, and holds up a new key no longer than that."""

    async def run() -> None:
        site, clock = Site(ec()), Clock()
        keys = source(site, clock)
        assert await find(keys) is not None
        site.publish(ec("new"))
        for _ in range(100):
            assert await find(keys, "new") is None
        assert len(site.asked) == 1
        clock.now += 10
        assert await find(keys, "new") is not None
        assert await find(keys, "ec") is None
        for at in range(100):
            assert await find(keys, f"invented{at}") is None
        assert len(site.asked) == 2
        assert keys.generation == 2

    asyncio.run(run())


def test_a_new_key_is_found_by_all_who_come_while_it_is_fetched() -> None:
    """A look that is under way is waited for: by the neighbours of who began it, and by who meets a renewal."""

    async def run() -> None:
        site, clock = Site(ec()), Clock()
        keys = source(site, clock)
        await find(keys)
        clock.now += keys_of.UNKNOWN_KEY_S
        site.publish(ec("new"))
        found = await asyncio.gather(*(find(keys, "new") for _ in range(20)))
        assert None not in found
        assert len(site.asked) == 2
        clock.now += keys_of.FRESH_S
        site.publish(ec("newer"))
        found = await asyncio.gather(find(keys, "new"), *(find(keys, "newer") for _ in range(20)))
        assert None not in found
        assert len(site.asked) == 3

    asyncio.run(run())


def test_nobody_waits_for_a_renewal() -> None:
    """Old keys serve while new ones are fetched, and the new ones then."""

    async def run() -> None:
        site, clock = Site(ec()), Clock()
        keys = source(site, clock)
        await find(keys)
        clock.now += keys_of.FRESH_S
        site.gate = asyncio.Event()
        site.publish(ec("new"))
        stale = not keys.is_fresh
        assert stale
        async with asyncio.timeout(1):
            assert await find(keys) is not None
        site.gate.set()
        await asyncio.sleep(0.01)
        assert keys.is_fresh
        assert await find(keys, "new") is not None

    asyncio.run(run())


def test_keys_serve_while_the_issuer_is_away_but_not_for_ever() -> None:
    """An hour; asked again every ten seconds at most; then refused as unavailable, and well again by itself."""

    async def run() -> None:
        site, clock = Site(ec()), Clock()
        keys = source(site, clock)
        await find(keys)
        site.pages = {}
        clock.now += keys_of.FRESH_S
        for _ in range(50):
            assert await find(keys) is not None
            await asyncio.sleep(0)
        assert len(site.asked) == 2
        clock.now += keys_of.STALE_S
        with pytest.raises(Unavailable):
            await find(keys)
        with pytest.raises(Unavailable):
            await find(keys)
        assert len(site.asked) == 3
        site.publish(ec())
        clock.now += keys_of.RETRY_S
        assert await find(keys) is not None

    asyncio.run(run())


@pytest.mark.parametrize(
    "page",
    [FetchFailed("no"), TimeoutError(), b"", b"[]", b"{}", b"not json", b'{"keys": {}}', jwks(*[ec()] * 101)],
)
def test_an_issuer_that_answers_rubbish_is_unavailable(page: Any) -> None:
    """Nobody is let in, and nobody is called unknown for it."""

    async def run() -> None:
        site = Site()
        site.pages["https://login.example/keys"] = page
        keys = source(site, Clock())
        with pytest.raises(Unavailable):
            await find(keys)

    asyncio.run(run())


def test_a_hanging_issuer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However its fetcher behaves."""
    monkeypatch.setattr(keys_of, "TIMEOUT_S", -0.49)

    async def run() -> None:
        site = Site(ec())
        site.gate = asyncio.Event()
        with pytest.raises(Unavailable):
            await find(source(site, Clock()))

    asyncio.run(run())


def test_discovery_must_be_of_the_issuer_itself() -> None:
    """The document names its issuer; another's, or an address in the clear, is not followed."""

    async def run(document: dict[str, Any]) -> bool:
        site = Site(ec())
        site.pages["https://login.example/.well-known/openid-configuration"] = orjson.dumps(document)
        site.pages["http://login.example/keys"] = jwks(ec())
        try:
            return await find(source(site, Clock(), jwks_url=None)) is not None
        except Unavailable:
            return False

    good = {"issuer": "https://login.example", "jwks_uri": "https://login.example/keys"}
    assert asyncio.run(run(good))
    assert not asyncio.run(run({**good, "issuer": "https://evil.example"}))
    assert not asyncio.run(run({**good, "jwks_uri": "http://login.example/keys"}))
    assert not asyncio.run(run({**good, "jwks_uri": "file:///etc/passwd"}))
    assert not asyncio.run(run({**good, "jwks_uri": None}))


def test_two_keys_that_would_do_are_none() -> None:
    """Without a kid a lone key is meant; of two, neither is. Of two with one kid, the fitting one."""

    async def run() -> None:
        assert await find(source(Site(ec(), rsa()), Clock()), None) is not None
        assert await find(source(Site(ec(), ec("other")), Clock()), None) is None
        assert await find(source(Site(ec("a"), rsa("a")), Clock()), "a") is not None

    asyncio.run(run())


def _entry(key: Any, **changed: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **changed}


@pytest.mark.parametrize(
    "entry",
    [
        ec().as_dict(private=True),
        rsa().as_dict(private=True),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
        {"kty": "oct", "kid": "a"},
        _entry(ec(), use="enc"),
        _entry(ec(), use=["sig"]),
        _entry(ec(), key_ops=["encrypt"]),
        _entry(ec(), key_ops="verify"),
        _entry(ec(), kid=7),
        _entry(ec(), alg=7),
        _entry(ec(), crv="P-384"),
        _entry(ec(), x="AAAA"),
        _entry(ec(), kty="EC2"),
        _entry(ec(), kty=["EC"]),
        _entry(rsa(), n="AQAB"),
        _entry(rsa(), e=""),
        _entry(rsa("short", 1024)),
        _entry(okp(), x="AAAA"),
        {},
        "text",
    ],
)
def test_unfit_keys_are_passed_over(entry: Any) -> None:
    """Symmetric, private, short, malformed, or for something else: the others still serve."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of short keys joserfc only warns
        found = parse_jwks(orjson.dumps({"keys": [entry, _entry(okp("good"))]}))
    assert [one.kid for one in found] == ["good"]


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text() | st.integers(0, 9),
        lambda i: st.lists(i) | st.dictionaries(st.sampled_from(["keys", "kty", "n", "e", "x", "crv"]), i),
    ).map(orjson.dumps)
)
def test_any_answer_is_a_key_set_or_fails(data: bytes) -> None:
    """No other error escapes."""
    with contextlib.suppress(FetchFailed):
        parse_jwks(data)


@pytest.mark.parametrize(
    "address",
    [
        "http://login.example/keys",
        "http://10.0.0.1/keys",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "ftp://login.example/keys",
        "file:///etc/passwd",
        "https://user:password@login.example/",
        "https://",
        "https://[::1",
        "https://login.example:port/",
        "",
    ],
)
def test_insecure_addresses_are_refused(address: str) -> None:
    """Before anything is fetched."""
    with pytest.raises(InvalidInput):
        check_address(address)


@pytest.mark.parametrize(
    "address",
    ["https://login.example", "http://127.0.0.1:8080/x", "http://[::1]:8080/", "http://localhost:1/"],
)
def test_secure_addresses_are_taken(address: str) -> None:
    """HTTPS, and this machine."""
    check_address(address)


def test_a_ca_file_that_holds_none_is_refused(tmp_path: Any) -> None:
    """When the server starts, not when the first token comes."""
    file = tmp_path / "ca.pem"
    for make in _spoilt(file):
        make()
        with pytest.raises(InvalidInput):
            KeySource(replace(ISSUER, ca_file=file))


def _spoilt(file: Any) -> list[Callable[[], Any]]:
    return [lambda: None, lambda: file.write_text("nothing")]


def test_trust_is_verified() -> None:
    """The fetcher demands a certificate for the host."""
    fetcher = keys_of.Fetcher(None)
    assert fetcher._tls.verify_mode is ssl.CERT_REQUIRED
    assert fetcher._tls.check_hostname
