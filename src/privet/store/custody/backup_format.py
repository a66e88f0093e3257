"""A backup on disk: a directory of plain files, a manifest of their SHA-256 digests, and the vault's signature over it.

    manifest.json  format, version, vault, when, log (origin, size), journal (records, offset, digest), files
    manifest.sig   Ed25519 over "privet/backup/v1\\n" ‖ manifest.json, hex
    database       the consistent copy
    privet.toml, catalogue.yaml, notices/…, bundles/…, anchor

Never in it: the keyring, the keypack, the control journal, any key but those wrapped in the rows.
Refuses a manifest of another form, a file that is missing, cut short, altered or named outside the directory.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from privet.crypto.signing import SIGNATURE_SIZE, Signer
from privet.domain.ids import Millis, VaultId
from privet.errors import IntegrityError, Unavailable
from privet.store.custody.durable import disk, read_bytes
from privet.store.custody.journal_format import Mark

FORMAT: Final = "privet/backup"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
DATABASE: Final = "database"
ANCHOR: Final = "anchor"
_LABEL: Final = b"privet/backup/v1\n"
_MOST: Final = 4 << 20
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a backup says of itself. `files`: (bytes, SHA-256 hex) by name; `journal`: its end when the backup began."""

    vault: VaultId
    made: Millis
    backend: str
    origin: str
    size: int
    journal: Mark
    files: Mapping[str, tuple[int, str]]

    def encode(self) -> bytes:
        document = {
            "format": FORMAT,
            "version": VERSION,
            "vault": self.vault.hex(),
            "made": self.made,
            "backend": self.backend,
            "log": {"origin": self.origin, "size": self.size},
            "journal": {
                "records": self.journal.position,
                "offset": self.journal.offset,
                "digest": self.journal.digest.hex(),
            },
            "files": {
                name: {"bytes": size, "sha256": digest} for name, (size, digest) in sorted(self.files.items())
            },
        }
        return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def sign_manifest(manifest: bytes, signer: Signer) -> bytes:
    """The content of manifest.sig."""
    return signer.sign(_LABEL + manifest).hex().encode() + b"\n"


def read_backup(path: Path, signer: Signer, vault: VaultId | None = None) -> Manifest:
    """The manifest, once its signature holds and every file is what it says.

    Raises IntegrityError naming the part that is not, Unavailable when there is no backup or it is a newer version's.
    """
    raw = _read_manifest(path)
    try:
        signature = bytes.fromhex(
            read_bytes(path / SIGNATURE, _part(SIGNATURE, "it is missing")).decode("ascii").strip()
        )
    except ValueError:
        raise _part(SIGNATURE, "it is not a signature") from None
    if len(signature) != SIGNATURE_SIZE:
        raise _part(SIGNATURE, "it is not a signature")
    try:
        signer.verifier().verify(_LABEL + raw, signature)
    except IntegrityError:
        raise _part(MANIFEST, "it was altered, or it is of another vault or keyring") from None
    manifest = parse_manifest(raw)
    if vault is not None and manifest.vault != vault:
        raise _part(MANIFEST, "it is of another vault")
    verify_files(path, manifest)
    return manifest


def read_unsigned(path: Path) -> Manifest:
    """The manifest with its files verified against it, no signature: before the keyring is open. As above."""
    manifest = parse_manifest(_read_manifest(path))
    verify_files(path, manifest)
    return manifest


def parse_manifest(data: bytes) -> Manifest:
    """Raises IntegrityError for any other form, Unavailable for a newer version."""
    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise _part(MANIFEST, "it is not a backup's")
        if type(value["version"]) is int and value["version"] > VERSION:
            raise Unavailable("the backup was made by a newer version of Privet: upgrade to restore it")
        journal, log = value["journal"], value["log"]
        return Manifest(
            vault=VaultId(_hex(value["vault"], 16)),
            made=Millis(_count(value["made"])),
            backend=_text(value["backend"]),
            origin=_text(log["origin"]),
            size=_count(log["size"]),
            journal=Mark(_count(journal["records"]), _count(journal["offset"]), _hex(journal["digest"], 32)),
            files={
                _name(name): (_count(file["bytes"]), _hex(file["sha256"], 32).hex())
                for name, file in value["files"].items()
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _part(MANIFEST, "it has not the form of one") from None


def verify_files(path: Path, manifest: Manifest) -> None:
    """Raises IntegrityError naming the first file that is missing, cut short or altered."""
    if DATABASE not in manifest.files:
        raise _part(DATABASE, "it is missing")
    for name, (size, digest) in manifest.files.items():
        file = path / name
        if file.is_symlink() or not file.is_file():
            raise _part(name, "it is missing")
        found, content = digest_of(file)
        if found != size:
            raise _part(name, "it was cut short" if found < size else "there are bytes behind its end")
        if content != digest:
            raise _part(name, "it was altered")


def digest_of(path: Path) -> tuple[int, str]:
    """(bytes, SHA-256 hex) of a file. Raises Unavailable."""
    digest = sha256()
    size = 0
    with disk(), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _read_manifest(path: Path) -> bytes:
    data = read_bytes(
        path / MANIFEST, Unavailable("there is no backup here: manifest.json is missing"), limit=_MOST
    )
    if len(data) > _MOST:
        raise _part(MANIFEST, "it is too long")
    return data


def _part(name: str, why: str) -> IntegrityError:
    return IntegrityError(f"the backup is not whole: {name}: {why}; use another one")


def _name(name: str) -> str:
    parts = Path(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or name in (MANIFEST, SIGNATURE):
        raise ValueError(name)
    return name


def _hex(value: Any, size: int) -> bytes:
    if type(value) is not str or len(value) != 2 * size:
        raise ValueError(size)
    return bytes.fromhex(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if type(value) is not str or not value or "\n" in value:
        raise ValueError
    return value
