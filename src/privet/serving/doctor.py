"""What `privet doctor` looks at when a vault is served: TLS, who may ask, secrets' files, mail, issuers.

Refuses to stop at the first fault, and sends nothing to anybody: mail servers and issuers are greeted, no more.
"""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from privet.config.settings import Settings
from privet.config.settings.serving import (
    IssuerSettings,
    ServeSettings,
    Serving,
    SmtpSettings,
    TelemetrySettings,
)
from privet.crypto.certificate import parse_certificate
from privet.domain.catalogue import Catalogue
from privet.errors import PrivetError, Unavailable
from privet.http.jwks import KeySource
from privet.portal.postman import connected
from privet.serving.descriptors import find_too_few
from privet.serving.listener import bind, is_safe, make_tls
from privet.serving.premises import ServedAlready, alone
from privet.serving.traces import Traces
from privet.store.custody.doctor import Finding

_SOON_DAYS: Final = 21
_GREETING_S: Final = 5.0


def examine_serving(settings: Settings, catalogue: Catalogue | None) -> list[Finding]:
    """Every check, in order; none where nothing was set about serving. Raises nothing that Privet names."""
    serving = settings.serving
    if serving == Serving():
        return []
    findings = [*_guarded(lambda: _listener(settings, serving.serve)), *_secrets(serving.serve, serving.smtp)]
    if serving.portal.enabled:
        findings += _guarded(lambda: _portal(serving, catalogue))
    for issuer in serving.issuers:
        findings += _guarded(
            lambda issuer=issuer: _issuer(issuer, catalogue),  # type: ignore[misc]  # bound now
            "look at [[issuers]] in privet.toml (docs/authentication.md)",
        )
    if serving.telemetry.otlp_endpoint is not None:
        findings += _guarded(lambda: _traces(serving.telemetry), "or take the setting out")
    return findings


def _guarded(check: Callable[[], Iterator[Finding]], fix: str = "see docs/serve.md") -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check())
    except PrivetError as error:
        found.append(Finding("fault", error.message, fix))
    return found


def _listener(settings: Settings, serve: ServeSettings) -> Iterator[Finding]:
    fitting = find_too_few(serve.max_connections)
    if fitting is not None:
        yield Finding(
            "warn",
            f"serve.max_connections is {serve.max_connections}, and the limit of open files leaves room for {fitting}",
            "raise it where the service is started (LimitNOFILE=, ulimit -n), or set fewer",
        )
    if serve.workers > 1 and settings.is_sqlite:
        yield Finding(
            "fault",
            f"serve.workers is {serve.workers}, and SQLite has one writer",
            "set it to 1, or move the vault to PostgreSQL",
        )
    yield from _port(settings, serve)
    if serve.tls_certificate is None:
        if not is_safe(serve):
            yield Finding(
                "fault",
                f"serve.host is {serve.host}, which can be reached from elsewhere, and there is no TLS",
                "set serve.tls_certificate and serve.tls_key, or serve.behind_proxy if a proxy in front ends TLS",
            )
        return
    make_tls(serve)
    now = datetime.now(UTC)
    pem = serve.tls_certificate.read_text(encoding="ascii", errors="replace")
    found = parse_certificate(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :]))
    days = (found.not_after - now).days
    if found.not_before > now:
        yield Finding("fault", "the server's certificate is not valid yet", "set the clock, or wait")
    elif days < 0:
        yield Finding("fault", f"the server's certificate ended on {found.not_after:%Y-%m-%d}", "renew it")
    elif days < _SOON_DAYS:
        yield Finding("warn", f"the server's certificate ends in {days} days", "renew it")
    else:
        yield Finding("ok", f"the server's certificate and key fit, until {found.not_after:%Y-%m-%d}")


def _port(settings: Settings, serve: ServeSettings) -> Iterator[Finding]:
    """Whether it can be listened on; not when the service that does so may be this vault's own."""
    if not is_safe(serve):
        return  # said apart
    try:
        if settings.is_sqlite:
            with alone(settings.directory), bind(serve):
                return
        with bind(serve):
            return
    except ServedAlready:
        yield Finding("ok", "the vault is served now")
    except PrivetError as error:
        if settings.is_sqlite:
            yield Finding(
                "fault", f"`privet serve` cannot start: {error.message}", "see [serve] in privet.toml"
            )
        else:
            yield Finding("warn", error.message, "all is well if that is this vault's own service")


def _secrets(serve: ServeSettings, smtp: SmtpSettings | None) -> Iterator[Finding]:
    files = {
        "serve.tls_key": serve.tls_key,
        "serve.proxy_key_file": serve.proxy_key_file,
        "serve.metrics_token_file": serve.metrics_token_file,
        "smtp.password_file": None if smtp is None else smtp.password_file,
    }
    for name, path in files.items():
        if path is not None:
            yield from _secret(name, path)


def _secret(name: str, path: Path) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
        path.read_bytes()
    except OSError as error:
        yield Finding("fault", f"{name}: {path} cannot be read ({error.strerror})", "look at path and owner")
        return
    if mode & 0o002:
        yield Finding(
            "fault", f"{name}: anybody on this machine can change {path}", f"chmod 600 {path}, and renew it"
        )
    elif mode & 0o007:
        yield Finding("warn", f"{name}: anyone on this machine may look into {path}", f"chmod 600 {path}")


def _portal(serving: Serving, catalogue: Catalogue | None) -> Iterator[Finding]:
    portal, smtp, public = serving.portal, serving.smtp, serving.serve.public_url
    if public is not None and urlsplit(public).scheme != "https" and not _is_this_machine(public):
        yield Finding(
            "fault",
            "serve.public_url is plain HTTP beyond loopback, so the customers' pages answer nobody",
            "begin it with https://",
        )
    if catalogue is not None:
        held = catalogue.fields.get(portal.lookup)
        if held is None or held.lookup is None:
            yield Finding(
                "fault",
                f"portal.lookup: the catalogue has no look-up field {portal.lookup!r}, so nobody can sign in",
                "name one of its look-ups, or set portal.enabled = false",
            )
            return
        if held.type.kind != "email":
            yield Finding(
                "fault",
                f"portal.lookup: {portal.lookup!r} is no email address, and codes go by mail: nobody can sign in",
                "name a look-up of type email, or set portal.enabled = false",
            )
            return
    if smtp is None:
        yield Finding(
            "warn",
            "customers' sign-in codes can be sent to nobody: there is no [smtp]",
            "set it; until then `privet serve --show-codes` shows them on its terminal",
        )
        return
    try:
        with connected(smtp, timeout_s=_GREETING_S):
            pass
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # its text may repeat what the server said, of whom it likes
        yield Finding(
            "fault",
            f"the mail server at {smtp.host} port {smtp.port} does not take us ({type(error).__name__})",
            "look at [smtp]: host, port, security, name and password",
        )
        return
    yield Finding("ok", f"the mail server at {smtp.host} takes us")


def _is_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def _traces(telemetry: TelemetrySettings) -> Iterator[Finding]:
    Traces(telemetry).close()
    yield Finding("ok", "traces can be made; whether their collector answers is not looked at")


def _issuer(issuer: IssuerSettings, catalogue: Catalogue | None) -> Iterator[Finding]:
    if catalogue is not None and issuer.lookup is not None:
        held = catalogue.fields.get(issuer.lookup)
        if held is None or held.lookup is None:
            yield Finding(
                "fault",
                f"issuers.lookup: the catalogue has no look-up field {issuer.lookup!r}",
                "name one of its look-ups",
            )
    keys = asyncio.run(_load_keys(issuer))
    where = "look at [[issuers]] in privet.toml (docs/authentication.md)"
    if keys.fault is not None:
        yield Finding("fault", f"the issuer {issuer.issuer} gives no keys: {keys.fault}", where)
    elif not keys.usable:
        yield Finding("fault", f"the issuer {issuer.issuer} answers, and none of its keys can be used", where)
    else:
        yield Finding("ok", f"the issuer {issuer.issuer} answers, with keys that can be used")


async def _load_keys(issuer: IssuerSettings) -> KeySource:
    keys = KeySource(issuer)
    with contextlib.suppress(Unavailable):  # `fault` says why
        await keys.tend()
    return keys
