"""`privet.toml`: where a vault keeps its parts. Read when a vault is opened, written once by `privet init`.

Refuses unknown keys, a format newer than this Privet, and secrets: a passphrase or token never stands here, only
the file that holds it.
"""

import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privet.config.catalogue.problems import unknown
from privet.domain.ids import VaultId
from privet.errors import InvalidInput, Unavailable

FILE = "privet.toml"
FORMAT = 1
DEFAULT_URL = "sqlite:///vault.db"
MOST_BYTES = 100_000
Engine = Literal["embedded", "opa", "regopy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySettings:
    """The policy engine. `url`, `token_file` and `timeout_ms` are those of the OPA server, with engine "opa"."""

    engine: Engine = "embedded"
    url: str | None = None
    token_file: Path | None = None
    timeout_ms: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """A vault's settings. Paths are absolute, resolved against the vault directory."""

    directory: Path
    vault_id: VaultId
    database_url: str
    """SQLAlchemy URL, SQLite paths made absolute. Not in repr: it may hold a password."""
    keyring_kind: Literal["file"] = "file"
    keyring_path: Path
    policy: PolicySettings = field(default_factory=PolicySettings)
    log_origin: str
    """Name of the log in its checkpoints (C2SP tlog-checkpoint origin)."""
    anchors_path: Path
    keypack_path: Path
    journal_path: Path

    def __repr__(self) -> str:
        return f"Settings(directory={str(self.directory)!r}, vault_id={self.vault_id.hex()})"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_PathText = Annotated[str, Field(min_length=1, max_length=1_000)]


class _Database(_Shape):
    url: Annotated[str, Field(pattern=r"^(sqlite|postgresql\+psycopg)://", max_length=2_000)] = DEFAULT_URL


class _Keyring(_Shape):
    kind: Literal["file"] = "file"
    path: _PathText = "keyring.json"


class _Policy(_Shape):
    engine: Engine = "embedded"
    url: Annotated[str, Field(pattern=r"^https?://", max_length=2_000)] | None = None
    token_file: _PathText | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = 200


class _Log(_Shape):
    # A checkpoint's origin is one line without a plus sign (C2SP tlog-checkpoint, signed-note).
    origin: Annotated[str, Field(pattern=r"^[^\s+\x00-\x1f\x7f]{1,200}$")] | None = None


class _Anchors(_Shape):
    path: _PathText = "anchors"


class _Keypack(_Shape):
    path: _PathText = "keypack"


class _Journal(_Shape):
    path: _PathText = "journal"


class _File(_Shape):
    format: Annotated[int, Field(ge=1, le=FORMAT)]
    vault_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    database: _Database = Field(default_factory=_Database)
    keyring: _Keyring = Field(default_factory=_Keyring)
    policy: _Policy = Field(default_factory=_Policy)
    log: _Log = Field(default_factory=_Log)
    anchors: _Anchors = Field(default_factory=_Anchors)
    keypack: _Keypack = Field(default_factory=_Keypack)
    journal: _Journal = Field(default_factory=_Journal)


def default_settings(directory: Path, vault_id: VaultId, **changes: Any) -> Settings:
    """The settings of a new embedded vault; `changes` are fields of Settings."""
    base = _settings(directory, _File(format=1, vault_id=vault_id.hex()))
    if "database_url" in changes:
        changes["database_url"] = _database_url(base.directory, changes["database_url"])
    return replace(base, **changes)


def load_settings(directory: Path) -> Settings:
    """The settings of a vault directory.

    Raises Unavailable when there is no vault or it was made by a newer Privet, InvalidInput (file, line, key, fix)
    when the file is wrong.
    """
    path = directory / FILE
    if not directory.is_dir():
        raise Unavailable(f"there is no vault at {directory}; make one with `privet init`")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Unavailable(
            f"{directory} is no vault: {FILE} is not there; make one with `privet init`"
        ) from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror})") from None
    return _settings(directory, _parse(data))


def _parse(data: bytes) -> _File:
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"{FILE}:1: the file: is larger than 100 kB; it holds a few settings only")
    try:
        text = data.decode("utf-8")
        raw = tomllib.loads(text)
    except UnicodeDecodeError:
        raise InvalidInput(f"{FILE}:1: the file: is not UTF-8; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        # tomllib ends its message with "(at line 3, column 5)".
        said = str(error)
        line = said.rpartition("at line ")[2].partition(",")[0]
        shown = line if line.isdigit() else "1"
        raise InvalidInput(
            f"{FILE}:{shown}: the file: is not valid TOML; check the quotes and brackets there"
        ) from None
    number = raw.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise Unavailable(
            f"{FILE}: this vault was made by a newer Privet (format {number}, this one reads {FORMAT}); upgrade Privet"
        )
    try:
        return _File.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    lines = []
    for fault in faults:
        keys = [str(part) for part in fault["loc"]]
        key = ".".join(keys) or "the file"
        lines.append(f"{FILE}:{_line_of(text, keys)}: {key}: {_sentence(keys, fault['type'])}")
    raise InvalidInput("\n".join(lines))


_RULES = {
    "format": "must be 1",
    "vault_id": "must be 32 hexadecimal digits in quotes, as `privet init` wrote it",
    "database.url": 'must start with sqlite:/// or postgresql+psycopg://, for instance url = "sqlite:///vault.db"',
    "keyring.kind": 'must be "file"',
    "policy.engine": 'must be "embedded", "opa" or "regopy"',
    "policy.url": 'must be the address of an OPA server, for instance url = "http://127.0.0.1:8181"',
    "policy.timeout_ms": "must be a whole number of milliseconds from 1 to 60000",
    "log.origin": 'must be a name without spaces or +, for instance origin = "privet.example.org/guests"',
}


def _sentence(keys: list[str], kind: str) -> str:
    if kind == "extra_forbidden":
        section = _File.model_fields.get(keys[0]) if len(keys) > 1 else None
        model = _File if section is None else section.annotation
        known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        return unknown("key", "keys here", keys[-1], known)
    rule = _RULES.get(".".join(keys))
    if kind == "missing":
        return f"is missing; it {rule}"
    if rule is None:
        rule = "must be a section in [ ]" if len(keys) == 1 else "must be a text in quotes, a path"
    return rule


def _line_of(text: str, keys: list[str]) -> int:
    """The line of a key, found by its section and name; 1 where it is written in some other way."""
    section, best = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("["):
            section = bare.strip("[] ")
            if keys and section == keys[0]:
                best = number
        name = bare.partition("=")[0].strip().strip("\"'")
        if "=" in bare and ".".join(filter(None, [section, name])) == ".".join(keys):
            return number
    return best


def _settings(directory: Path, shape: _File) -> Settings:
    root = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link to the vault
    vault_id = VaultId(bytes.fromhex(shape.vault_id))
    policy = shape.policy
    if policy.engine == "opa" and policy.url is None:
        raise InvalidInput(f'{FILE}: policy.url: is missing; with engine = "opa" it {_RULES["policy.url"]}')
    return Settings(
        directory=root,
        vault_id=vault_id,
        database_url=_database_url(root, shape.database.url),
        keyring_kind=shape.keyring.kind,
        keyring_path=root / shape.keyring.path,
        policy=PolicySettings(
            engine=policy.engine,
            url=policy.url,
            token_file=None if policy.token_file is None else root / policy.token_file,
            timeout_ms=policy.timeout_ms,
        ),
        log_origin=shape.log.origin or f"privet/{shape.vault_id}",
        anchors_path=root / shape.anchors.path,
        keypack_path=root / shape.keypack.path,
        journal_path=root / shape.journal.path,
    )


def _database_url(root: Path, url: str) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return url
    return prefix + str(root / url.removeprefix(prefix))


def write_settings(directory: Path, settings: Settings) -> None:
    """Writes `privet.toml`, mode 0600, whole or not at all. Raises Unavailable when the disk refuses."""

    def local(path: Path) -> str:
        return (
            str(path.relative_to(settings.directory))
            if path.is_relative_to(settings.directory)
            else str(path)
        )

    url = settings.database_url
    if url.startswith("sqlite:///"):
        url = "sqlite:///" + local(Path(url.removeprefix("sqlite:///")))
    policy = settings.policy
    lines = [
        "# A Privet vault. Reference: docs/settings.md",
        f"format = {FORMAT}",
        f"vault_id = {_quote(settings.vault_id.hex())}  # bound into every ciphertext: never change it",
        "",
        "[database]",
        f"url = {_quote(url)}  # or postgresql+psycopg://…",
        "",
        "[keyring]",
        f"kind = {_quote(settings.keyring_kind)}",
        f"path = {_quote(local(settings.keyring_path))}  # back it up apart from the database, never with it",
        "",
        "[policy]",
        f"engine = {_quote(policy.engine)}",
        *([f"url = {_quote(policy.url)}"] if policy.url is not None else []),
        *([f"token_file = {_quote(local(policy.token_file))}"] if policy.token_file is not None else []),
        f"timeout_ms = {policy.timeout_ms}",
        "",
        "[log]",
        f"origin = {_quote(settings.log_origin)}",
    ]
    for name, path in (
        ("anchors", settings.anchors_path),
        ("keypack", settings.keypack_path),
        ("journal", settings.journal_path),
    ):
        lines += ["", f"[{name}]", f"path = {_quote(local(path))}"]
    _write(directory / FILE, "\n".join(lines) + "\n")


def _quote(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".new")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written ({error.strerror})") from None
