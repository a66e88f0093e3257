"""Where a PostgreSQL database is, and whether the way there is safe.

Takes libpq's own URLs: several hosts, `target_session_attrs`, `sslrootcert` and the rest, and passwords from the URL,
PGPASSWORD or PGPASSFILE. Refuses a server beyond loopback unless its certificate and name are verified
(`sslmode=verify-full`) or the settings say that this is meant. Never shows a password: no repr, no error has it.
"""

import ipaddress
import os
from collections.abc import Mapping
from typing import Any, Final

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import WorkerId
from privet.errors import InvalidInput, Unavailable

_PREFIXES: Final = ("postgresql+psycopg://", "postgresql://", "postgres://")
_UNKNOWN: Final = "the database URL is not known: use sqlite:///PATH or postgresql+psycopg://…"
_NO_DRIVER: Final = "PostgreSQL needs its driver: pip install 'privet[postgres]'"
_PLAIN: Final = (
    "the database is on another host, and its certificate is not verified: add sslmode=verify-full (and "
    "sslrootcert=CA.pem for a private authority) to database.url, or set database.allow_plaintext = true"
)
_SETTINGS: Final = (
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    ("timezone", "UTC"),
)


class Address:
    """libpq's parameters for one database. `settings` decide on time limits and on TLS."""

    __slots__ = ("_given", "settings")

    def __init__(self, given: Mapping[str, Any], settings: DatabaseSettings) -> None:
        self._given = dict(given)
        self.settings = settings

    def __repr__(self) -> str:
        return "Address(hidden)"

    def parameters(self, worker: WorkerId) -> dict[str, Any]:
        """For a connection of this worker. Unavailable when the way there is not safe."""
        self.verify_safe()
        limits = self.settings
        defaults: dict[str, Any] = {
            "connect_timeout": limits.connect_timeout_s,
            "application_name": f"privet {worker.hex()[:8]}",
            "gssencmode": "disable",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        }
        found = {**defaults, **self._given}
        if not limits.pooler:
            ours = " ".join(
                f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in self.session()
            )
            found["options"] = f"{self._given.get('options', '')} {ours}".strip()
        return found

    def session(self) -> list[tuple[str, str]]:
        """Settings of a session, or, behind a pooler, of each transaction."""
        limits = self.settings
        return [
            *_SETTINGS,
            ("statement_timeout", str(limits.statement_timeout_ms)),
            ("lock_timeout", str(limits.lock_timeout_ms)),
            ("idle_in_transaction_session_timeout", str(limits.idle_timeout_ms)),
        ]

    def verify_safe(self) -> None:
        """Unavailable unless the server is on this machine, or proves who it is, or nobody minds."""
        if self.settings.allow_plaintext or self._is_local():
            return
        if self._effective("sslmode", "PGSSLMODE") != "verify-full":
            raise Unavailable(_PLAIN)

    def _is_local(self) -> bool:
        hosts = self._effective("hostaddr", "PGHOSTADDR") or self._effective("host", "PGHOST")
        if self._effective("service", "PGSERVICE"):
            return False  # a file says where it is: who knows
        return all(map(_is_local, hosts.split(",")))

    def _effective(self, name: str, variable: str) -> str:
        """What libpq will take: what was given, else the environment's."""
        return str(self._given.get(name) or os.environ.get(variable) or "")


def parse_address(url: str, settings: DatabaseSettings) -> Address:
    """Raises InvalidInput for what libpq does not know; the message has nothing of the URL."""
    prefix = next((prefix for prefix in _PREFIXES if url.startswith(prefix)), None)
    if prefix is None:
        raise InvalidInput(_UNKNOWN)
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise Unavailable(_NO_DRIVER) from None
    try:
        given = conninfo_to_dict("postgresql://" + url.removeprefix(prefix))
    except (ProgrammingError, ValueError):
        raise InvalidInput(
            "database.url: is not a PostgreSQL URL that libpq reads; write it as "
            "postgresql+psycopg://USER@HOST:PORT/DATABASE?sslmode=verify-full"
        ) from None
    return Address(given, settings)


def _is_local(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
