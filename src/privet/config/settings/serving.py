"""What `privet.toml` says of serving: the listener, who may ask, the customer's pages, mail, telemetry.

Frozen, paths absolute. Refuses nothing itself: `config.settings.shape` has checked it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Role = Literal["services", "officers", "customers"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeSettings:
    """The listener of `privet serve`, its limits, and who may connect."""

    host: str = "127.0.0.1"
    port: int = 8443
    workers: int = 1
    """Processes. More than one needs PostgreSQL."""
    public_url: str | None = None
    """Where customers reach this server: scheme, host and port, for links and origin checks. None: host and port."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """Certificates of these authorities are asked for, and may name a service."""
    behind_proxy: bool = False
    """A proxy in front ends TLS: plain HTTP beyond loopback is meant."""
    proxy_key_file: Path | None = None
    """Key by which that proxy signs the certificate header it hands on. None: such headers are ignored."""
    metrics_token_file: Path | None = None
    """With this token /metrics answers anybody; without one only loopback."""
    max_body_bytes: int = 1_000_000
    max_connections: int = 1_000
    header_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    keep_alive_s: float = 60.0
    drain_s: float = 0.2
    """From /readyz saying no to taking no more connections: longer than a load balancer takes to notice."""
    graceful_s: float = 25.0
    """How long requests under way may take to finish after SIGTERM."""
    requests_per_second: float = 2_000.0
    """A credential's steady rate."""
    burst: int = 4_000
    unauthenticated_per_minute: int = 60
    """Failed sign-ins and unknown credentials from one address before it hears 429."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerSettings:
    """One OpenID Connect issuer whose tokens are taken, and for whom."""

    issuer: str
    audience: str
    role: Role
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    jwks_url: str | None = None
    """None: found by OpenID Connect Discovery."""
    ca_file: Path | None = None
    claim: str | None = None
    """Customers: the claim that names her…"""
    lookup: str | None = None
    """…and the look-up field whose value it is."""
    max_token_hours: int = 24
    """A token is taken for so long after its `iat` at most, whatever its `exp`: it cannot be revoked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PortalSettings:
    """The customer's own pages at /my."""

    enabled: bool = True
    lookup: str = "email"
    """The look-up field by which she signs in; codes go to the value stored there."""
    code_minutes: int = 10
    idle_minutes: int = 30
    session_hours: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpSettings:
    """Where mail is handed over. `security` "none" is taken for loopback only."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_file: Path | None = None
    sender: str
    ca_file: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetrySettings:
    """Logs and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console", "auto"] = "auto"
    otlp_endpoint: str | None = None
    """OpenTelemetry collector (OTLP over HTTP); needs privet[otel]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    """Connections to PostgreSQL. The address itself is Settings.database_url."""

    pool_size: int = 10
    pool_wait_s: float = 5.0
    connect_timeout_s: int = 5
    statement_timeout_ms: int = 10_000
    lock_timeout_ms: int = 5_000
    idle_timeout_ms: int = 60_000
    """How long the server lets a transaction stand idle."""
    connection_lifetime_s: int = 1_800
    pooler: bool = False
    """A pooler in transaction mode (PgBouncer) stands between: nothing may be kept in a session."""
    allow_plaintext: bool = False
    """A server beyond loopback without verified TLS is meant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """All of it, as one part of Settings."""

    serve: ServeSettings = field(default_factory=ServeSettings)
    issuers: tuple[IssuerSettings, ...] = ()
    portal: PortalSettings = field(default_factory=PortalSettings)
    smtp: SmtpSettings | None = None
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
