"""Rego in a real OPA server, asked through opa-python-client: for those who run their policy beside the vault.

REFUSES plain HTTP to anything but loopback, redirects, proxies, .netrc, answers over 1 MiB, and every method of the
client that writes. An OPA that is gone, late, or speaks for another revision denies; after a few failures in a row it
is left alone for a while.
"""

import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NoReturn
from urllib.parse import urlsplit

import orjson
import requests
import urllib3.exceptions
from opa_client.opa import OpaClient

from privet.decide.answer import deny_question
from privet.decide.bundle import Bundle
from privet.decide.rego import PACKAGE, EngineFailure, RegoEngine
from privet.domain.decision import Decision, Reason
from privet.errors import InvalidInput

FRESH_S = 1.0
"""For how long a seen revision vouches for remembered decisions."""

_BATCH_TIMEOUTS = 4
"""A batch waits this many timeouts in all: the vault holds a transaction meanwhile."""

_LARGEST = 1 << 20
_FAILURES_IN_A_ROW = 3
_REST_S = 1.0
_LONGEST_REST_S = 30.0


class OpaEngine(RegoEngine):
    """A PDP over one OPA server that was given the same bundle. Usable from any thread."""

    def __init__(
        self,
        bundle: Bundle,
        url: str,
        *,
        token: str | None = None,
        ca: str | None = None,
        timeout: float = 1.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is scheme, host and port only; `ca` a file of trusted certificates; `timeout` in seconds.

        Nothing is asked yet: a vault opens while OPA is away, and denies. Raises InvalidInput for a bad `url`.
        """
        super().__init__(bundle)
        scheme, host, port = _parse_url(url)
        self._client = _Reader(
            host=host,
            port=port,
            ssl=(ca or True) if scheme == "https" else False,
            token=token,
            retries=0,
            timeout=timeout,
        )
        self._batch_s = _BATCH_TIMEOUTS * timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._seen_at = float("-inf")
        self._failures = 0
        self._rest_until = float("-inf")

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        """Decides each canonical question, in order; those that a slow OPA leaves no time for are denied unasked."""
        end = self._clock() + self._batch_s
        return [
            self._decide(question)
            if self._clock() < end
            else deny_question(question, Reason.ENGINE_TIMEOUT, self.revision)
            for question in inputs
        ]

    def assure(self) -> Reason | None:
        """Why remembered decisions may not be served now; None when the revision was seen less than a second ago."""
        if self._clock() - self._seen_at < FRESH_S:
            return None
        try:
            revision = self._ask("data.privet.catalogue", "revision", {})
        except EngineFailure as failure:
            return failure.reason
        return None if self._saw(revision) else Reason.REVISION_MISMATCH

    def _evaluate(self, entrypoint: str, question: bytes, parsed: Mapping[str, object]) -> object:
        del question
        answer = self._ask(PACKAGE, entrypoint, parsed)
        if isinstance(answer, dict) and isinstance(answer.get("revision"), str):
            self._saw(answer["revision"])
        return answer

    def _saw(self, revision: object) -> bool:
        same = revision == self.revision
        self._seen_at = self._clock() if same else float("-inf")
        return same

    def _ask(self, package: str, rule: str, value: Mapping[str, object]) -> object:
        """The value of one rule. Raises EngineFailure; an undefined value is one."""
        with self._lock:
            if self._clock() < self._rest_until:
                raise EngineFailure(Reason.ENGINE_ERROR)
        try:
            body = self._query(package.removeprefix("data."), rule, dict(value))
        except (requests.Timeout, urllib3.exceptions.TimeoutError, _TooSlow):
            self._failed(Reason.ENGINE_TIMEOUT)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            self._failed(Reason.ENGINE_ERROR)
        with self._lock:
            self._failures = 0
        if not isinstance(body, dict) or "result" not in body:
            raise EngineFailure(Reason.ENGINE_ERROR)
        return body["result"]

    def _query(self, package: str, rule: str, value: dict[str, object]) -> object:
        """Asks; once more when the connection broke, which a server does to one that was idle for long."""
        try:
            return self._client.query_rule(value, package_path=package, rule_name=rule)
        except requests.Timeout:
            raise
        except requests.ConnectionError:
            return self._client.query_rule(value, package_path=package, rule_name=rule)

    def _failed(self, reason: Reason) -> NoReturn:
        with self._lock:
            self._failures += 1
            over = self._failures - _FAILURES_IN_A_ROW
            if over >= 0:
                self._rest_until = self._clock() + min(_REST_S * 2 ** min(over, 8), _LONGEST_REST_S)
        raise EngineFailure(reason) from None

    def close(self) -> None:
        self._client.close_connection()


def _parse_url(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises InvalidInput."""
    hint = "policy.url must look like https://opa.internal:8181, or http://127.0.0.1:8181 on this machine"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(hint, field="policy.url") from None
    extra = parts.path not in ("", "/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in ("http", "https") or not host or extra:
        raise InvalidInput(hint, field="policy.url")
    if parts.scheme == "http" and not _loopback(host):
        raise InvalidInput(f"{hint}: questions tell about people, so they leave this machine by TLS only",
                           field="policy.url")  # fmt: skip
    return parts.scheme, f"[{host}]" if ":" in host else host, port or 8181


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class _TooSlow(Exception):
    """The whole answer was not there in time, though each piece of it was."""


class _Reader(OpaClient):  # type: ignore[misc]  # the client has no types
    """The client with everything but asking taken away, over a session that goes nowhere by itself."""

    def _init_session(self) -> requests.Session:
        session = _Session(self.timeout)
        session.headers.update({**(self.headers or {}), "Accept-Encoding": "identity"})
        if self.ssl:
            session.verify = self.ssl
        return session


class _Session(requests.Session):
    """No proxies, no .netrc, no cookies, no redirects, no other method than POST, one deadline, one bound."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._timeout = timeout

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        """As the parent's, for POST only; the whole answer is read here. Raises requests' errors and _TooSlow."""
        if method.upper() != "POST":
            raise requests.RequestException("this client only asks")
        deadline = time.monotonic() + self._timeout
        options |= {"timeout": self._timeout, "allow_redirects": False, "stream": True}
        response = super().request(method, url, *arguments, **options)
        with contextlib.closing(response):
            content = _read(response, deadline)
        if response.status_code != 200:
            raise requests.HTTPError("OPA did not answer with 200")
        response._content = content  # noqa: SLF001 - where requests keeps what it has read
        response.json = lambda **_: orjson.loads(content)  # type: ignore[method-assign]
        return response


def _read(response: requests.Response, deadline: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := response.raw.read1(65_536):
        size += len(piece)
        if size > _LARGEST:
            raise requests.RequestException("the answer is too large")
        if time.monotonic() > deadline:
            raise _TooSlow
        pieces.append(piece)
    return b"".join(pieces)
