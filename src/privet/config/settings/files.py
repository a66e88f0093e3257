"""`privet.toml` on disk: read when a vault is opened, written once by `privet init`, whole or not at all."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from privet.config.settings.environment import find_overrides, variable
from privet.config.settings.model import PolicySettings, Settings
from privet.config.settings.sections_file import changed, quote, read_serving, serving_lines
from privet.config.settings.serving import DatabaseSettings
from privet.config.settings.shape import FILE, FORMAT, FileShape, parse_settings
from privet.domain.ids import VaultId
from privet.errors import Unavailable

_MADE = {
    "database_url": ("database", "url"),
    "keyring_path": ("keyring", "path"),
    "anchors_path": ("anchors", "path"),
    "journal_path": ("journal", "path"),
}
_POLICY_FILES = ("token_file", "ca_file", "certificate_file", "key_file")


def default_settings(directory: Path, vault_id: VaultId, **changes: Any) -> Settings:
    """The settings of a new embedded vault; `changes` are fields of Settings."""
    base = _settings(directory, FileShape(format=1, vault_id=vault_id.hex()))
    if "database_url" in changes:
        changes["database_url"] = _database_url(base.directory, changes["database_url"])
    return replace(base, **changes)


def load_settings(directory: Path) -> Settings:
    """The settings of a vault directory.

    Raises Unavailable when there is no vault or it was made by a newer Privet, InvalidInput (file, line, key, fix)
    when the file is wrong.
    """
    path = directory / FILE
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        if not directory.is_dir():
            raise Unavailable(f"there is no vault at {directory}; make one with `privet init`") from None
        raise Unavailable(
            f"{directory} is no vault: {FILE} is not there; make one with `privet init`"
        ) from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror})") from None
    return _settings(directory, parse_settings(data))


def _settings(directory: Path, shape: FileShape) -> Settings:
    root = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link to the vault
    vault_id = VaultId(bytes.fromhex(shape.vault_id))
    policy = shape.policy
    return Settings(
        directory=root,
        vault_id=vault_id,
        database_url=_database_url(root, shape.database.url),
        database=DatabaseSettings(**shape.database.model_dump(exclude={"url"})),
        keyring_kind=shape.keyring.kind,
        keyring_path=root / shape.keyring.path,
        policy=PolicySettings(
            engine=policy.engine,
            url=policy.url,
            **{name: root / path for name in _POLICY_FILES if (path := getattr(policy, name)) is not None},
            timeout_ms=policy.timeout_ms,
        ),
        log_origin=shape.log.origin or f"privet/{shape.vault_id}",
        anchors_path=root / shape.anchors.path,
        keypack_path=root / shape.keypack.path,
        journal_path=root / shape.journal.path,
        serving=read_serving(root, shape),
    )


def _database_url(root: Path, url: str) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return url
    return prefix + str(root / url.removeprefix(prefix))


def write_settings(directory: Path, settings: Settings) -> None:
    """Writes `privet.toml`, mode 0600, whole or not at all. Raises Unavailable when the disk refuses."""
    _write(directory / FILE, _render(settings))


def find_elsewhere(settings: Settings) -> list[str]:
    """Variables that have `load_settings` look elsewhere for a new vault's parts. Raises InvalidInput."""
    if not find_overrides(FileShape):
        return []
    read = _settings(settings.directory, parse_settings(_render(settings).encode()))
    return [
        variable([*keys]) for name, keys in _MADE.items() if getattr(read, name) != getattr(settings, name)
    ]


def _render(settings: Settings) -> str:
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
        f"vault_id = {quote(settings.vault_id.hex())}  # bound into every ciphertext: never change it",
        "",
        "[database]",
        f"url = {quote(url)}  # or postgresql+psycopg://…",
        *changed(settings.database, local),
        "",
        "[keyring]",
        f"kind = {quote(settings.keyring_kind)}",
        f"path = {quote(local(settings.keyring_path))}  # back it up apart from the database, never with it",
        "",
        "[policy]",
        f"engine = {quote(policy.engine)}",
        *([f"url = {quote(policy.url)}"] if policy.url is not None else []),
        *(
            f"{name} = {quote(local(path))}"
            for name in _POLICY_FILES
            if (path := getattr(policy, name)) is not None
        ),
        f"timeout_ms = {policy.timeout_ms}",
        "",
        "[log]",
        f"origin = {quote(settings.log_origin)}",
    ]
    for name, path in (
        ("anchors", settings.anchors_path),
        ("keypack", settings.keypack_path),
        ("journal", settings.journal_path),
    ):
        lines += ["", f"[{name}]", f"path = {quote(local(path))}"]
    lines += serving_lines(settings.serving, local)
    return "\n".join(lines) + "\n"


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
