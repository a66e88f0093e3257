"""What `privet.toml` says, as the rest of Privet sees it: frozen, paths absolute."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from privet.config.settings.serving import DatabaseSettings, Serving
from privet.domain.ids import VaultId

Engine = Literal["embedded", "opa", "regopy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySettings:
    """The policy engine. All but `engine` are about the OPA server, with engine "opa"."""

    engine: Engine = "embedded"
    url: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    """The vault's own certificate, with its key in `key_file`, for an OPA that asks for one."""
    key_file: Path | None = None
    """Certificates to trust instead of the system's."""
    timeout_ms: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """A vault's settings. Paths are absolute, resolved against the vault directory."""

    directory: Path
    vault_id: VaultId
    database_url: str
    """SQLAlchemy URL, SQLite paths made absolute. Not in repr: it may hold a password."""
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    keyring_kind: Literal["file"] = "file"
    keyring_path: Path
    policy: PolicySettings = field(default_factory=PolicySettings)
    log_origin: str
    """Name of the log in its checkpoints (C2SP tlog-checkpoint origin)."""
    anchors_path: Path
    keypack_path: Path
    journal_path: Path
    serving: Serving = field(default_factory=Serving)

    def __repr__(self) -> str:
        return f"Settings(directory={str(self.directory)!r}, vault_id={self.vault_id.hex()})"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")
