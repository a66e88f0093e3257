"""Sends the letters of these pages by SMTP, in a thread of its own: the answer to the browser never waits for mail.

Mail goes to the address that is stored, over verified TLS (or, when the settings say so, plain to this machine), and
has no link in it, so that nobody learns to follow one. Refuses, by dropping it with a line in the log, what does not
fit its queue; the log names no address and no code.
"""

import logging
import queue
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from time import monotonic
from typing import NamedTuple

import idna

from privet.config.settings.serving import SmtpSettings
from privet.config.values.contacts import is_email
from privet.errors import InvalidInput, PrivetError

_LOG = logging.getLogger("privet.portal.mail")
_WAITING = 1_000
_TRIES = 3
_PAUSE_S = 5.0
_TIMEOUT_S = 20.0


class Mail(NamedTuple):
    """One letter. `open_address` gives where it goes, None for nowhere, and runs in the postman's thread."""

    open_address: Callable[[], str | None]
    subject: str
    text: str

    def __repr__(self) -> str:
        return "Mail(hidden)"


Deliver = Callable[[str, str, str], None]
"""(address, subject, text)."""


class Postman:
    """A queue and the thread that empties it. Close it when the server stops: what waits is sent first."""

    def __init__(self, deliver: Deliver, *, pause_s: float = _PAUSE_S) -> None:
        self._deliver = deliver
        self._pause_s = pause_s
        self._waiting: queue.Queue[Mail | None] = queue.Queue(_WAITING)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def post(self, mail: Mail) -> None:
        """Hands over a letter and returns at once."""
        with self._starting:  # not before a worker process has forked
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="privet-mail", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(mail)
        except queue.Full:
            _LOG.error("mail: a letter was dropped, since %d wait already", _WAITING)

    def close(self, timeout_s: float = _TIMEOUT_S) -> None:
        """Sends what waits, once, and ends. Again is no error."""
        self._closing.set()
        if self._thread is None:
            return
        until = monotonic() + timeout_s
        try:
            self._waiting.put(None, timeout=timeout_s)
        except queue.Full:
            _LOG.error("mail: %d letters are left behind, since the mail server does not answer", _WAITING)
            return
        self._thread.join(max(0.0, until - monotonic()))

    def _run(self) -> None:
        while (mail := self._waiting.get()) is not None:
            try:
                address = mail.open_address()
            # Whatever a store does, too: no other thread would send what comes after.
            except Exception as error:  # noqa: BLE001
                why = error.code if isinstance(error, PrivetError) else type(error).__name__
                _LOG.error("mail: an address does not open (%s)", why)
                continue
            if address is not None:
                self._send(address, mail)

    def _send(self, address: str, mail: Mail) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                self._deliver(address, mail.subject, mail.text)
                return
            # Whatever a mail server does, letters after this one are to go out.
            except Exception as error:  # noqa: BLE001
                # its text may repeat the address
                _LOG.error("mail: not taken (%s), try %d of %d", type(error).__name__, attempt, _TRIES)
                if self._closing.wait(0 if attempt == _TRIES else self._pause_s):
                    return


@contextmanager
def connected(smtp: SmtpSettings, *, timeout_s: float = _TIMEOUT_S) -> Iterator[smtplib.SMTP]:
    """A mail server that has taken our name and password, where there are any. Raises what smtplib and ssl raise."""
    context = ssl.create_default_context(cafile=None if smtp.ca_file is None else str(smtp.ca_file))
    connection: smtplib.SMTP
    if smtp.security == "tls":
        connection = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=timeout_s, context=context)
    else:
        connection = smtplib.SMTP(smtp.host, smtp.port, timeout=timeout_s)
    with connection:
        if smtp.security == "starttls":
            connection.starttls(context=context)
        if smtp.username is not None and smtp.password_file is not None:
            password = smtp.password_file.read_text(encoding="utf-8").rstrip("\r\n")
            connection.login(smtp.username, password)
        connection.ehlo_or_helo_if_needed()
        yield connection


class SmtpDelivery:
    """Delivers by SMTP, one connection a letter."""

    def __init__(self, settings: SmtpSettings, organisation: str) -> None:
        self._settings = settings
        self._organisation = organisation

    def __call__(self, address: str, subject: str, text: str) -> None:
        """Raises what smtplib and ssl raise, and InvalidInput for an address that is none."""
        if not is_email(address):
            raise InvalidInput("the stored address is none that mail can go to")
        name, _, domain = address.rpartition("@")
        if not domain.isascii():  # else only servers with SMTPUTF8 would take it
            domain = idna.encode(domain, uts46=True).decode("ascii")
        message = self._write(name, domain, subject, text)
        with connected(self._settings) as connection:
            connection.send_message(message, from_addr=self._settings.sender, to_addrs=[f"{name}@{domain}"])

    def _write(self, name: str, domain: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP if name.isascii() else SMTPUTF8)
        message["From"] = Address(display_name=self._organisation, addr_spec=self._settings.sender)
        message["To"] = Address(username=name, domain=domain)
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._settings.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message
