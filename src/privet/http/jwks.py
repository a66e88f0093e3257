"""An issuer's public keys (RFC 7517), by its JWKS address or OpenID Connect Discovery, kept and renewed.

Nobody waits for a renewal while keys are at hand: they are renewed behind the requests once they are five minutes old,
and serve for an hour while the issuer does not answer. A key that is not known is looked for again every ten seconds
at most. Refuses addresses other than HTTPS or loopback, redirects, answers that are slow or large, proxies of the
environment, symmetric and private keys, and RSA keys outside 2048 to 8192 bits.
"""

import asyncio
import math
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from joserfc.jwk import ECKey, OKPKey, RSAKey

from privet.config.settings.serving import IssuerSettings
from privet.errors import InvalidInput, Unavailable

DISCOVERY: Final = "/.well-known/openid-configuration"
FRESH_S: Final = 300.0
STALE_S: Final = 3_600.0
UNKNOWN_KEY_S: Final = 10.0
"""Any stranger can name a key that is not there: so long can one hold up a new key, and no longer."""
RETRY_S: Final = 10.0
TIMEOUT_S: Final = 4.0
MOST_BYTES: Final = 262_144
MOST_KEYS: Final = 100
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS: Final = range(2_048, 8_193)

Fetch = Callable[[str], Awaitable[bytes]]
Key = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationKey:
    """One public key that may verify signatures."""

    kid: str | None
    kind: str
    curve: str | None
    algorithm: str | None
    """The only algorithm it is for; None: any that fits."""
    key: Key = field(repr=False)

    def serves(self, algorithm: str, kind: str, curve: str | None) -> bool:
        """Whether it is for this algorithm, which takes keys of that kind and curve."""
        return (self.kind, self.curve) == (kind, curve) and self.algorithm in (None, algorithm)


class KeySource:
    """The keys of one issuer, on one event loop."""

    def __init__(
        self, issuer: IssuerSettings, *, fetch: Fetch | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        """Raises InvalidInput for an address that is neither HTTPS nor loopback, or a `ca_file` that is none."""
        self._issuer = issuer
        check_address(issuer.jwks_url or issuer.issuer)
        self._fetch = fetch or Fetcher(issuer.ca_file).fetch
        self._clock = clock
        self._keys: tuple[VerificationKey, ...] = ()
        self._digest = b""
        self.generation = 0
        """Changes whenever the keys do: what was verified under an older one must be verified again."""
        self.fault: str | None = None
        """Why the last look brought no keys, for operators; None when it did."""
        self._loaded = self._tried = -math.inf
        self._renewing: asyncio.Task[None] | None = None

    @property
    def is_fresh(self) -> bool:
        """The keys need no renewal yet."""
        return self._clock() - self._loaded < FRESH_S

    @property
    def usable(self) -> int:
        """How many keys are at hand."""
        return len(self._keys)

    async def find(
        self, kid: str | None, algorithm: str, form: tuple[str, str | None]
    ) -> VerificationKey | None:
        """The one key by which a token may be verified; None when the issuer has none, or two that would do.

        Raises Unavailable when there are no keys that may still be used, and none to be had.
        """
        await self.tend()
        found = self._matching(kid, algorithm, form)
        # A look that is under way, whoever began it, may bring the key: nobody is called unknown before it ends.
        if found is None and (self._renewing is not None or self._clock() - self._tried >= UNKNOWN_KEY_S):
            await self._renew()
            found = self._matching(kid, algorithm, form)
        return found

    async def tend(self) -> None:
        """Sees to it that there are keys to use: behind the request while there are, else waits for them."""
        age = self._clock() - self._loaded
        if age < FRESH_S:
            return
        if self._clock() - self._tried >= RETRY_S or self._renewing is not None:
            renewing = self._start()
            if age >= STALE_S:
                await asyncio.shield(renewing)
        if self._clock() - self._loaded >= STALE_S:
            raise Unavailable("the token's issuer does not give its keys now; try again")

    def _matching(
        self, kid: str | None, algorithm: str, form: tuple[str, str | None]
    ) -> VerificationKey | None:
        fit = [one for one in self._keys if (kid is None or one.kid == kid) and one.serves(algorithm, *form)]
        return fit[0] if len(fit) == 1 else None

    async def _renew(self) -> None:
        await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._renewing is None:
            self._tried = self._clock()
            self._renewing = asyncio.create_task(self._load())
        return self._renewing

    async def _load(self) -> None:
        try:
            # The bound is here too: a fetcher that forgets its own must not leave a request waiting.
            async with asyncio.timeout(2 * TIMEOUT_S + 1):
                keys = parse_jwks(await self._fetch(await self._address()))
        except (FetchFailed, TimeoutError) as error:
            self.fault = str(error) or "the issuer does not answer in time"
        else:
            self.fault = None
            digest = sha256(repr(sorted(map(_named, keys))).encode()).digest()
            if digest != self._digest:
                self._keys, self._digest = keys, digest
                self.generation += 1
            self._loaded = self._clock()
        finally:
            self._renewing = None

    async def _address(self) -> str:
        if self._issuer.jwks_url is not None:
            return self._issuer.jwks_url
        found = _object(await self._fetch(self._issuer.issuer.rstrip("/") + DISCOVERY))
        address = found.get("jwks_uri")
        if found.get("issuer") != self._issuer.issuer or not isinstance(address, str):
            raise FetchFailed("the discovery document is of another issuer, or names no keys")
        try:
            check_address(address)
        except InvalidInput:
            raise FetchFailed("the discovery document names an address that is not secure") from None
        return address


class FetchFailed(Exception):
    """The issuer did not answer, or not with what it must. Never leaves this module."""


class Fetcher:
    """Gets small documents by HTTPS, from exactly the address given."""

    def __init__(self, ca_file: Path | None) -> None:
        """Raises InvalidInput when the authorities in `ca_file` cannot be read."""
        try:
            self._tls = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except (OSError, ssl.SSLError):
            raise InvalidInput("issuers.ca_file in privet.toml holds no certificates") from None

    async def fetch(self, address: str) -> bytes:
        """The body. Raises FetchFailed."""
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(ssl=self._tls, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    timeout=timeout,
                    trust_env=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                ) as session,
                session.get(address, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise FetchFailed(f"{_host(address)} answers with {answer.status}, not 200")
                return await _bounded(answer.content.iter_chunked(16_384))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise FetchFailed(f"{_host(address)} {_why(error)}") from error


def _host(address: str) -> str:
    """Scheme, host and port alone: the rest of an address may hold a secret."""
    try:
        parts = urlsplit(address)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "an address"
    return "an address" if parts.hostname is None else f"{parts.scheme}://{parts.hostname}{port}"


def _why(error: BaseException) -> str:
    """Why no answer came, without what a library or the other side says of it."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "has no certificate that is trusted here"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "is a name that is not found"
    if isinstance(error, TimeoutError):
        return f"does not answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno is not None:
        return f"cannot be reached ({os.strerror(error.os_error.errno)})"
    return f"does not answer as HTTP does ({type(error).__name__})"


async def _bounded(chunks: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise FetchFailed("the issuer's answer is too large")
    return body


def check_address(address: str) -> None:
    """Raises InvalidInput for an address that is neither HTTPS nor plain HTTP to this machine."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if (
        host is None
        or parts.username is not None
        or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    ):
        raise InvalidInput(
            f"issuers in privet.toml: {_host(address)}: keys are fetched by https:// only (http:// from this machine "
            "itself)"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def parse_jwks(data: bytes) -> tuple[VerificationKey, ...]:
    """The usable keys of a JWK set; others are passed over, for an issuer may publish what it likes.

    Raises FetchFailed for what is no JWK set.
    """
    listed = _object(data).get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise FetchFailed("the issuer's answer is no JWK set")
    found = (_parse_key(entry) for entry in listed if isinstance(entry, dict))
    return tuple(key for key in found if key is not None)


def _parse_key(entry: Mapping[str, Any]) -> VerificationKey | None:
    kind, kid, algorithm = entry.get("kty"), entry.get("kid"), entry.get("alg")
    operations = entry.get("key_ops", ["verify"])
    if entry.keys() & _PRIVATE or entry.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if not all(one is None or isinstance(one, str) for one in (kid, algorithm)):
        return None
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        return None
    bare = {name: entry[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in entry}
    try:
        key = model.import_key(bare)
        if isinstance(key, RSAKey) and key.public_key.key_size not in _RSA_BITS:
            return None
    except Exception:  # noqa: BLE001 - whatever a library says of a stranger's key, it is passed over
        return None
    return VerificationKey(kid=kid, kind=model.key_type, curve=entry.get("crv"), algorithm=algorithm, key=key)


_MODELS: Final[Mapping[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


def _named(key: VerificationKey) -> tuple[str, str, str]:
    return (key.kid or "", key.algorithm or "", key.key.thumbprint())


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise FetchFailed("the issuer's answer is not JSON") from None
    if not isinstance(found, dict):
        raise FetchFailed("the issuer's answer is no JSON object")
    return found
