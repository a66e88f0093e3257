"""The keyring file's bytes: a small JSON document, every key wrapped apart, the whole under a MAC.

    {"format": "privet/keyring", "version": 1,
     "kdf": {"name": "scrypt", "log2_n": 17, "r": 8, "p": 1, "salt": 32 hex digits},
     "keys": {"root": 80 hex digits, "signing": …, "epoch:1": …}, "mac": 64 hex digits}

A key is AES-KW under HKDF-Expand(scrypt key, join("privet/keyring/v1", log2_n, r, p, salt, label)), so no
key can be moved to another label and no cost lowered; the MAC is HMAC-SHA-256 over the document without it,
so no epoch can be added or dropped. Refuses: foreign JSON and damage (IntegrityError), a newer version, a
wrong passphrase (Unavailable), a cost past 1 GiB.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

from privet.crypto.framing import join, u32
from privet.crypto.kdf import expand, mac
from privet.crypto.keyring_material import KeyMaterial
from privet.crypto.keywrap import WRAPPED_SIZE, unwrap_key, wrap_key
from privet.crypto.secrecy import Secret
from privet.errors import IntegrityError, InvalidInput, Unavailable

FORMAT = "privet/keyring"
VERSION = 1
SALT_SIZE = 16
MAX_FILE = 1 << 20
MAX_MEMORY = 1 << 30
_LABEL = b"privet/keyring/v1"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScryptCost:
    """What a guess at the passphrase costs. The default takes 128 MiB and about half a second."""

    log2_n: int = 17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        if not (1 <= self.log2_n <= 30 and 1 <= self.r <= 64 and 1 <= self.p <= 64):
            raise InvalidInput("scrypt parameters are out of range")
        if self.memory > MAX_MEMORY:
            raise InvalidInput("scrypt parameters would take more than 1 GiB")

    @property
    def memory(self) -> int:
        """Bytes that one derivation needs."""
        return 128 * self.r * (1 << self.log2_n)

    @property
    def is_weak(self) -> bool:
        """Below the default: for tests only. `doctor` warns about it."""
        return self.log2_n < 17 or self.r < 8


class PassphraseKey(Secret):
    """The scrypt key of one passphrase, salt and cost: what a process keeps in place of the passphrase."""

    __slots__ = ("_key", "cost", "salt")

    def __init__(self, passphrase: bytes, salt: bytes, cost: ScryptCost) -> None:
        if not passphrase:
            raise InvalidInput("the passphrase is empty")
        if len(salt) != SALT_SIZE:
            raise InvalidInput("a salt has 16 bytes")
        self.cost = cost
        self.salt = salt
        self._key = hashlib.scrypt(
            passphrase,
            salt=salt,
            n=1 << cost.log2_n,
            r=cost.r,
            p=cost.p,
            maxmem=2 * cost.memory + (1 << 20),
            dklen=32,
        )

    def derive(self, label: str) -> bytes:
        """The key for one label, bound to cost and salt."""
        cost = self.cost
        return expand(
            self._key,
            join(_LABEL, u32(cost.log2_n), u32(cost.r), u32(cost.p), self.salt, label.encode("ascii")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyringFile:
    """A file of the right form, nothing of it verified yet."""

    cost: ScryptCost
    salt: bytes
    keys: dict[str, bytes]
    mac: bytes
    body: bytes


def render(material: KeyMaterial, key: PassphraseKey) -> bytes:
    """The whole file, sealed under `key`."""
    wrapped = material.sealed_by(lambda label, raw: wrap_key(key.derive(label), raw))
    keys = {label: blob.hex() for label, blob in wrapped}
    kdf = {"name": "scrypt", **_costs(key.cost), "salt": key.salt.hex()}
    document: dict[str, object] = {"format": FORMAT, "version": VERSION, "kdf": kdf, "keys": keys}
    document["mac"] = mac(key.derive("mac"), _body(document)).hex()
    return json.dumps(document, indent=1).encode("ascii") + b"\n"


def parse_keyring(data: bytes) -> KeyringFile:
    """The parts of a keyring file. IntegrityError for damage and foreign files, Unavailable for a newer version."""
    if len(data) > MAX_FILE:
        raise _damaged("it is over 1 MiB")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise _damaged("it is not JSON, or was cut short") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _damaged("it is not a keyring")
    version = document.get("version")
    if type(version) is int and version > VERSION:
        raise Unavailable("the keyring was made by a newer version of Privet: upgrade to open it")
    try:
        if version != VERSION or set(document) != {"format", "version", "kdf", "keys", "mac"}:
            raise _damaged("its parts are not those of a keyring")
        kdf, keys = document["kdf"], document["keys"]
        if set(kdf) != {"name", "log2_n", "r", "p", "salt"} or kdf["name"] != "scrypt":
            raise _damaged("its key derivation is unknown")
        if any(type(kdf[name]) is not int for name in ("log2_n", "r", "p")):
            raise _damaged("its key derivation is malformed")
        found = KeyringFile(
            cost=ScryptCost(log2_n=kdf["log2_n"], r=kdf["r"], p=kdf["p"]),
            salt=_unhex(kdf["salt"], SALT_SIZE),
            keys={label: _unhex(blob, WRAPPED_SIZE) for label, blob in keys.items()},
            mac=_unhex(document["mac"], 32),
            body=_body(document),
        )
    except (TypeError, ValueError, AttributeError, InvalidInput):
        raise _damaged("its parts are malformed") from None
    _epochs(found)
    return found


def verify_keyring(found: KeyringFile, key: PassphraseKey) -> KeyMaterial:
    """The keys. Unavailable for a wrong passphrase, IntegrityError for a file altered by one who lacks it."""
    try:
        root = unwrap_key(key.derive("root"), found.keys["root"])
    except IntegrityError:
        raise Unavailable("wrong passphrase for the keyring, or its file was altered") from None
    if not hmac.compare_digest(mac(key.derive("mac"), found.body), found.mac):
        raise _damaged("it was altered")
    seed = unwrap_key(key.derive("signing"), found.keys["signing"])
    keks = {
        epoch: unwrap_key(key.derive(label), found.keys[label]) for epoch, label in _epochs(found).items()
    }
    return KeyMaterial(root=root, seed=seed, keks=keks)


def _epochs(found: KeyringFile) -> dict[int, str]:
    """Labels by epoch number; refuses any label but root, signing and at least one canonical epoch:N."""
    epochs: dict[int, str] = {}
    for label in found.keys.keys() - {"root", "signing"}:
        head, _, digits = label.partition(":")
        if head != "epoch" or not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
            raise _damaged("it names an unknown key")
        if digits != str(int(digits)) or not 1 <= int(digits) < 2**32:
            raise _damaged("it names an unknown key")
        epochs[int(digits)] = label
    if not epochs or len(found.keys) != len(epochs) + 2:
        raise _damaged("a key is missing")
    return epochs


def _costs(cost: ScryptCost) -> dict[str, int]:
    return {"log2_n": cost.log2_n, "r": cost.r, "p": cost.p}


def _body(document: dict[str, object]) -> bytes:
    """What the MAC covers: the document without it, in one canonical form."""
    covered = {name: value for name, value in document.items() if name != "mac"}
    return json.dumps(covered, sort_keys=True, separators=(",", ":")).encode("ascii")


def _unhex(text: object, size: int) -> bytes:
    if not isinstance(text, str) or len(text) != 2 * size:
        raise ValueError(size)
    return bytes.fromhex(text)


def _damaged(why: str) -> IntegrityError:
    return IntegrityError(f"the keyring file is damaged: {why}")
