"""The shapes of the sections about serving, by pydantic. Refuses unknown keys and values out of bounds."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from privet.config.settings.serving import Algorithm, Role


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _number(value: object) -> object:
    """TOML writes 10 where 10.0 is meant."""
    return float(value) if type(value) is int else value


def check_web_url(url: str) -> str:
    """The address, if whoever takes it apart finds a host in it. ValueError for other ports and brackets too."""
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:
        raise ValueError
    return url


PathText = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Host = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9.:_\-\[\]]+$")]
WebUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2_000), AfterValidator(check_web_url)]
_PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d{2}|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
Origin = Annotated[
    str,
    Field(pattern=rf"^https?://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?/?$", max_length=2_000),
]
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, BeforeValidator(_number), Field(gt=0, le=3_600)]


class ServeShape(Shape):
    host: Host = "127.0.0.1"
    port: Port = 8443
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    public_url: Origin | None = None
    tls_certificate: PathText | None = None
    tls_key: PathText | None = None
    tls_client_ca: PathText | None = None
    behind_proxy: bool = False
    proxy_key_file: PathText | None = None
    metrics_token_file: PathText | None = None
    max_body_bytes: Annotated[int, Field(ge=10_000, le=100_000_000)] = 1_000_000
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    header_timeout_s: Seconds = 10.0
    body_timeout_s: Seconds = 20.0
    keep_alive_s: Seconds = 60.0
    drain_s: Annotated[float, BeforeValidator(_number), Field(ge=0, le=3_600)] = 0.2
    graceful_s: Seconds = 25.0
    requests_per_second: Annotated[float, BeforeValidator(_number), Field(gt=0, le=1_000_000)] = 2_000.0
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 4_000
    unauthenticated_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 60


class IssuerShape(Shape):
    issuer: WebUrl
    audience: Name
    role: Role
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] | None = None
    jwks_url: WebUrl | None = None
    ca_file: PathText | None = None
    claim: Name | None = None
    lookup: Name | None = None
    max_token_hours: Annotated[int, Field(ge=1, le=8_760)] = 24


class PortalShape(Shape):
    enabled: bool = True
    lookup: Name = "email"
    code_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    idle_minutes: Annotated[int, Field(ge=1, le=1_440)] = 30
    session_hours: Annotated[int, Field(ge=1, le=24)] = 8


class SmtpShape(Shape):
    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Name | None = None
    password_file: PathText | None = None
    sender: Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$", max_length=254)]
    ca_file: PathText | None = None


class TelemetryShape(Shape):
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console", "auto"] = "auto"
    otlp_endpoint: WebUrl | None = None


class DatabaseShape(Shape):
    url: Annotated[str, Field(pattern=r"^(sqlite|postgresql\+psycopg)://", max_length=2_000)] = (
        "sqlite:///vault.db"
    )
    pool_size: Annotated[int, Field(ge=1, le=1_000)] = 10
    pool_wait_s: Seconds = 5.0
    connect_timeout_s: Annotated[int, Field(ge=1, le=60)] = 5
    statement_timeout_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 10_000
    lock_timeout_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 5_000
    idle_timeout_ms: Annotated[int, Field(ge=1_000, le=3_600_000)] = 60_000
    connection_lifetime_s: Annotated[int, Field(ge=10, le=86_400)] = 1_800
    pooler: bool = False
    allow_plaintext: bool = False
