"""Rego in a real OPA server, asked through opa-python-client: for those who run their policy beside the vault.

REFUSES plain HTTP to anything but loopback, and an OPA with another revision than the vault's. An OPA that is gone,
late, or speaks for another revision denies; after a few failures in a row it is not asked until a probe finds it.
"""

import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from privet.decide.answer import deny_question
from privet.decide.bundle import Bundle
from privet.decide.opa_session import Reader, TooSlow, within
from privet.decide.rego import PACKAGE, EngineFailure, RegoEngine, spoke
from privet.decide.watch import RevisionWatch
from privet.domain.decision import Decision, Reason
from privet.errors import InvalidInput, Unavailable

_BATCH_TIMEOUTS = 4
"""The questions of a batch, and the turns they wait for, take this many timeouts together, and the last one more."""


_AT_ONCE = 4
"""Questions under way. More would only wait in OPA, and their timeouts run: a rush would look like an outage."""


class _Undefined(EngineFailure):
    """OPA answered, and what was asked for is not there."""

    def __init__(self) -> None:
        super().__init__(Reason.ENGINE_ERROR)


class _Refused(EngineFailure):
    """OPA is there and will not have us, or we will not have it."""

    def __init__(self, why: str) -> None:
        super().__init__(Reason.ENGINE_ERROR)
        self.why = why


class OpaEngine(RegoEngine):
    """A PDP over one OPA server that was given the same bundle. Usable from any thread."""

    def __init__(
        self,
        bundle: Bundle,
        url: str,
        *,
        token: str | None = None,
        ca: str | None = None,
        certificate: tuple[str, str] | None = None,
        timeout: float = 1.5,
        clock: Callable[[], float] = time.monotonic,
        background: bool = True,
    ) -> None:
        """`url` is scheme, host and port only; `ca` a file of trusted certificates; `certificate` the files of our own
        certificate and its key, shown to an OPA that asks; `timeout` in seconds.

        Nothing is asked yet. Raises InvalidInput for a bad `url`.
        """
        super().__init__(bundle)
        scheme, host, port = _parse_url(url)
        self._url = url
        self._client = Reader(
            host=host,
            port=port,
            ssl=(ca or True) if scheme == "https" else False,
            cert=certificate,
            token=token,
            retries=0,
            timeout=timeout,
        )
        self._timeout = timeout
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._clock = clock
        self.watch = RevisionWatch(self._holds_ours, clock=clock, background=background)

    @property
    def patience(self) -> float:
        """Seconds within which the last question of a batch is asked, or denied unasked."""
        return _BATCH_TIMEOUTS * self._timeout

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        """Decides each canonical question, in order; those that a slow OPA leaves no time for are denied unasked."""
        return list(self.decide_each(inputs))

    def decide_each(self, inputs: Sequence[bytes]) -> Iterator[Decision]:
        """As `decide`, each as it is there."""
        end = self._clock() + self.patience
        for question in inputs:
            left = end - self._clock()
            # Without a turn it is nobody's failure: there are more questions than answers.
            if left > 0 and self._turns.acquire(timeout=left):
                try:
                    decision = self._decide(question)
                finally:
                    self._turns.release()
                yield decision
            else:
                yield deny_question(question, Reason.ENGINE_TIMEOUT, self.revision)

    def explain(self, question: bytes) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """As the parent's, in its turn; a question whose turn does not come is explained with that."""
        if not self._turns.acquire(timeout=self.patience):
            denied = deny_question(question, Reason.ENGINE_TIMEOUT, self.revision)
            return {name: [spoke(Reason.ENGINE_TIMEOUT)] for name in denied.fields}
        try:
            return super().explain(question)
        finally:
            self._turns.release()

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        """None: whatever it is, OPA would have to be asked."""
        return [None] * len(inputs)

    def assure(self) -> Reason | None:
        """Why nothing can be decided now; None when OPA was seen with our revision less than a second ago."""
        return self.watch.assure()

    def verify_revision(self) -> None:
        """Raises Unavailable when OPA answers, and could never decide for this vault: it holds another policy, or
        refuses the vault's token, or its certificate is not trusted. An OPA that is away may come back: no error."""
        try:
            held = self._held()
        except _Undefined:
            held = "none of Privet"
        except _Refused as refused:
            raise Unavailable(f"the OPA server at {self._url} {refused.why}") from None
        except EngineFailure:
            return
        if held != self.revision:
            shown = (
                held if isinstance(held, str) and len(held) <= 64 and held.isprintable() else "an unknown one"
            )
            raise Unavailable(
                f"the OPA server at {self._url} holds policy revision {shown}, this vault's is {self.revision}: "
                "build this vault's bundle with `privet policy bundle`, start OPA with it, then open the vault"
            )

    def _holds_ours(self) -> bool:
        """Whether OPA holds our revision now. Raises EngineFailure."""
        try:
            return self._held() == self.revision
        except _Undefined:
            self.watch.saw(self._clock(), ours=False)
            return False

    def _held(self) -> object:
        sent_at = self._clock()
        held = self._ask("data.privet.catalogue", "revision", {})
        self.watch.saw(sent_at, ours=held == self.revision)
        return held

    def _evaluate(self, entrypoint: str, question: bytes, parsed: Mapping[str, object]) -> object:
        del question
        if (reason := self.watch.keeps_away()) is not None:
            raise EngineFailure(reason)
        sent_at = self._clock()
        answer = self._ask(PACKAGE, entrypoint, parsed)
        if isinstance(answer, dict) and isinstance(answer.get("revision"), str):
            self.watch.saw(sent_at, ours=answer["revision"] == self.revision)
        return answer

    def _ask(self, package: str, rule: str, value: Mapping[str, object]) -> object:
        """The value of one rule. Raises EngineFailure; an undefined value is one."""
        try:
            body = within(
                self._timeout, lambda: self._query(package.removeprefix("data."), rule, dict(value))
            )
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TooSlow):
            self.watch.failed(Reason.ENGINE_TIMEOUT)
            raise EngineFailure(Reason.ENGINE_TIMEOUT) from None
        except Exception as error:  # noqa: BLE001 - whatever a hostile server makes the client raise, it denies
            self.watch.failed(Reason.ENGINE_ERROR)
            raise _explain(error) from None
        if not isinstance(body, dict):
            self.watch.failed(Reason.ENGINE_ERROR)
            raise EngineFailure(Reason.ENGINE_ERROR)
        if "result" not in body:
            raise _Undefined
        return body["result"]

    def _query(self, package: str, rule: str, value: dict[str, object]) -> object:
        """Asks; once more when the connection broke, which a server does to one that was idle for long."""
        try:
            return self._client.query_rule(value, package_path=package, rule_name=rule)
        except (requests.Timeout, requests.exceptions.SSLError):
            raise
        except requests.ConnectionError:
            return self._client.query_rule(value, package_path=package, rule_name=rule)

    def close(self) -> None:
        self.watch.close()
        self._client.close_connection()


def _explain(error: Exception) -> EngineFailure:
    """What no waiting mends is told apart."""
    if isinstance(error, requests.exceptions.SSLError):
        return _Refused("has a certificate that is not trusted, or refuses the vault's: see policy.ca_file")
    answer = error.response if isinstance(error, requests.HTTPError) else None
    if answer is not None and answer.status_code in (401, 403):
        return _Refused("does not accept the vault's token or certificate: see policy.token_file")
    return EngineFailure(Reason.ENGINE_ERROR)


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
