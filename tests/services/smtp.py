"""A real mail server for tests: aiosmtpd on loopback, with or without TLS, that keeps what it is handed."""

import ssl
import threading
import warnings
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.services.parts import spare_port


class _Controller(Controller):
    def factory(self) -> Any:
        with warnings.catch_warnings():
            # the line is TLS from its start, which aiosmtpd does not see
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            return super().factory()  # type: ignore[no-untyped-call]


class MailServer:
    """One running server. Use it as a context manager. `letters` are (recipient, message), in order of arrival."""

    def __init__(
        self,
        *,
        certificate: tuple[Path, Path] | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        refuse: int = 0,
    ) -> None:
        """`certificate`: certificate and key (PEM), for STARTTLS, or for TLS from the start with `implicit`. With
        TLS nothing is taken without it. `refuse`: so many letters are first turned away for a while (451)."""
        self.letters: list[tuple[str, EmailMessage]] = []
        self.attempts = 0
        self._arrived = threading.Semaphore(0)
        self._refuse = refuse
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        options: dict[str, Any] = {"enable_SMTPUTF8": True}
        if context is not None and not implicit:
            options |= {"tls_context": context, "require_starttls": True}
        if login is not None:
            options |= {
                "auth_required": True,
                "auth_require_tls": not implicit,
                "authenticator": _keeper(login),
            }
        self._controller = _Controller(
            self,
            hostname="127.0.0.1",
            port=spare_port(),
            ssl_context=context if implicit else None,
            **options,
        )

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def wait(self, timeout: float = 20) -> tuple[str, EmailMessage]:
        """The next letter. Raises TimeoutError."""
        if not self._arrived.acquire(timeout=timeout):
            raise TimeoutError("no letter came")
        return self.letters[-1]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.attempts += 1
        if self.attempts <= self._refuse:
            return "451 4.7.1 come back later"
        message = message_from_bytes(cast("bytes", envelope.content), policy=default)
        self.letters.append((envelope.rcpt_tos[0], message))
        self._arrived.release()
        return "250 OK"

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def _keeper(login: tuple[str, str]) -> Callable[..., AuthResult]:
    def check(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=right, handled=right)

    return check
