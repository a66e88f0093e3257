"""API keys of services: made, listed, revoked by the steward; each change is a leaf that names the key's id only.

A key is `privet_`, an id of 8 characters, `_` and 256 random bits as base64url. What is kept is its SHA-256, id
included, in the sealed controls of the vault. A plain hash is enough: nobody can search 256 random bits, and a slow one
would be paid on every request. Refuses a third live key of one service, and keys for services the catalogue lacks.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from privet.audit.leaf import Act, Decision
from privet.bootstrap.controlling import change_controls
from privet.bootstrap.parts import Parts
from privet.decide.controls import Credential
from privet.domain.ids import Millis, SubjectId
from privet.domain.ports import Randomness, VaultState, WriteUnit
from privet.errors import Conflict, InvalidInput, NotFound

PREFIX = "privet_"
MOST_LIVE = 2
"""Live keys of one service: the old and the new one while it changes over."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # 32 letters: five bits each, and none looks like another
_ID = re.compile(rf"[{_ALPHABET}]{{8}}")
_KEY = re.compile(rb"privet_([a-z2-7]{8})_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
# 43 characters carry 258 bits: the last one of a key has two zero bits, so that each key has one spelling.
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """A key just made. `text` is shown once, and nowhere kept."""

    id: str
    service: str
    text: str = field(repr=False)
    expires: Millis | None


def create_key(parts: Parts, service: str, *, expires: Millis | None = None) -> NewKey:
    """A new key, which works in every process when this returns.

    Raises InvalidInput for an unknown service or an end that has passed, Conflict for a third live key, Unavailable.
    """
    check_service(parts, service)
    if expires is not None and expires <= parts.clock():
        raise InvalidInput("the key would have expired already; name a later time", field="expires")

    def change(unit: WriteUnit, state: VaultState) -> tuple[bytes | None, NewKey | Conflict]:
        now = parts.clock()
        standing = standing_keys(parts, state)
        ours = [one for one in standing.values() if one.service == service and is_live(one, now)]
        if len(ours) >= MOST_LIVE:
            return None, _too_many(service, ours)
        made = _make(service, expires, parts.randomness, standing)
        # What has expired goes when its service gets a new key: the row is read with every batch, so it stays short.
        kept = [one for one in standing.values() if one.service != service or is_live(one, now)]
        kept.append(
            Credential(
                id=made.id,
                service=service,
                digest=digest_of(made.text.encode()),
                created=now,
                expires=expires,
            )
        )
        _log(parts, unit, "created", made.id, service)
        return parts.controls.reseal(state, parts.randomness, credentials=kept), made

    made = change_controls(parts, change)
    if isinstance(made, Conflict):
        raise made
    return made


def list_keys(parts: Parts, service: str | None = None) -> list[Credential]:
    """Keys that were not revoked, by service and age; expired ones stand until their service gets a new one."""
    if service is not None:
        check_service(parts, service)
    with parts.store.read() as unit:
        found = standing_keys(parts, unit.state()).values()
    return sorted(
        (one for one in found if service is None or one.service == service),
        key=lambda one: (one.service, one.created, one.id),
    )


def revoke_key(parts: Parts, key_id: str) -> Credential:
    """Revokes a key by its id: no batch that starts after this returned, in any process, serves it.

    Raises InvalidInput for what is no id, NotFound (a key that was revoked before is not there), Unavailable.
    """
    if not _ID.fullmatch(key_id):
        raise InvalidInput(
            "a key's id has 8 letters and digits: the part between privet_ and the next _", field="id"
        )

    def change(unit: WriteUnit, state: VaultState) -> tuple[bytes | None, Credential | None]:
        parts.standing.refresh()
        standing = dict(parts.controls.credentials(state))
        found = standing.pop(key_id, None)
        if found is None:
            return None, None
        if not parts.standing.is_revoked(found.digest):
            # Outside the database first: no older copy of it, and nobody who puts its rows back, brings the key back.
            parts.journal.append("revoke", SubjectId(found.digest[:16]), at=parts.clock())
        _log(parts, unit, "revoked", found.id, found.service)
        return parts.controls.reseal(state, parts.randomness, credentials=standing.values()), found

    gone = change_controls(parts, change)
    if gone is None:
        raise NotFound("no key of that id stands; `privet service key list` shows those that do")
    return gone


def standing_keys(parts: Parts, state: VaultState) -> dict[str, Credential]:
    """The keys that stand in this state, by id, but for those that the control journal says were revoked.

    Raises Unavailable and IntegrityError for the journal.
    """
    parts.standing.refresh()
    found = parts.controls.credentials(state)
    return {key_id: one for key_id, one in found.items() if not parts.standing.is_revoked(one.digest)}


def find_credential(standing: Mapping[str, Credential], key: bytes) -> Credential | None:
    """The credential whose key this is, expired or not; None for anything else. Takes as long for every wrong key."""
    parsed = _KEY.fullmatch(key)
    if parsed is None:
        return None
    found = standing.get(parsed[1].decode("ascii"))
    same = hmac.compare_digest(_NO_DIGEST if found is None else found.digest, digest_of(key))
    return found if same else None


def is_well_formed(key: bytes) -> bool:
    """Whether these bytes could be a key at all."""
    return _KEY.fullmatch(key) is not None


def digest_of(key: bytes) -> bytes:
    return sha256(key).digest()


def is_live(one: Credential, now: Millis) -> bool:
    return one.expires is None or now < one.expires


def check_service(parts: Parts, name: str) -> None:
    """Raises InvalidInput, with the services there are."""
    if name not in parts.catalogue.services:
        known = ", ".join(sorted(parts.catalogue.services)) or "none"
        raise InvalidInput(f"the catalogue has no such service; services here: {known}", field="service")


def _make(
    service: str, expires: Millis | None, randomness: Randomness, taken: Mapping[str, Credential]
) -> NewKey:
    while True:
        key_id = "".join(_ALPHABET[byte & 31] for byte in randomness(8))
        if key_id not in taken:
            break
    secret = base64.urlsafe_b64encode(randomness(32)).rstrip(b"=").decode("ascii")
    return NewKey(id=key_id, service=service, text=f"{PREFIX}{key_id}_{secret}", expires=expires)


def _too_many(service: str, live: list[Credential]) -> Conflict:
    oldest = min(live, key=lambda one: (one.created, one.id))
    return Conflict(
        f"{service} has {len(live)} live keys, which is the most; move it to the newest, then revoke the oldest: "
        f"`privet service key revoke {oldest.id}`"
    )


def _log(parts: Parts, unit: WriteUnit, change: str, key_id: str, service: str) -> None:
    private = {"actor": "steward", "change": f"key {change}", "key": key_id}
    unit.append([parts.scribe.act(Act.SERVICE, Decision.DONE, private, service=service)])
