"""The canaries: values that stand nowhere else, and the search for them.

In every form that a careless line of code would give them: as they are, quoted, in UTF-16, hexadecimal, base64, or as a
plain hash.
"""

import base64
import hashlib
import json
from collections.abc import Iterator

import pytest

from privet.domain.request import By, by
from tests.invariants.world import PASSPHRASE, World

VALUES = {
    "given_name": "Canarína Gelbvogel",
    "email": "canary.bird@cage-eleven.example",
    "phone": "+442079460917",
    "crm_id": "CRM/canary/55081",
    "notes": "the canary sings at dawn, says Gelbvogel",
    "allergies": ["canaryseed", "feathers-of-canaries"],
}
STAY = {"arrived": "2021-11-17", "booking": "BOOK-canary-7", "room": "canary suite 44"}
OTHER = "another.canary@cage-twelve.example"
WORDS = [
    *(value for value in VALUES.values() if isinstance(value, str)),
    *VALUES["allergies"],
    STAY["booking"], STAY["room"], OTHER, PASSPHRASE, "Gelbvogel", "cage-eleven", "2079460917",
]  # fmt: skip
PERSON = by(email=str(VALUES["email"]))
PURPOSE = "for canarina@cage-thirteen.example"
"""A person where a purpose should stand: told to nobody and in no file in clear. (What was asked is kept in memory.)"""


def forms(secret: str | bytes) -> Iterator[bytes]:
    """How a secret could stand in a text or a file."""
    raw = secret.encode() if isinstance(secret, str) else secret
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield repr(raw)[2:-1].encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for lead in range(3):
            # Whatever stands before it: the part of the base64 text that only the secret decides.
            yield encode(bytes(lead) + raw)[(0, 2, 3)[lead] : -4]
    if isinstance(secret, str):
        yield secret.encode("utf-16-le")
        yield json.dumps(secret)[1:-1].encode()
        yield secret.upper().encode()
        yield secret.lower().encode()
        for spelling in (secret, secret.lower()):
            for name in ("md5", "sha1", "sha256"):
                digest = hashlib.new(name, spelling.encode())
                yield digest.digest()
                yield digest.hexdigest().encode()


def needles(world: World, *more: str | bytes) -> dict[bytes, str]:
    """Every form of every secret of this vault, to what it is."""
    material = world.vault.parts.keyring._material  # type: ignore[attr-defined]
    keys: dict[str, bytes] = {"root": material._root, "seed": material._seed}
    keys |= {f"KEK {epoch}": kek for epoch, kek in material._keks.items()}
    found = {form: str(word) for word in (*WORDS, *more) for form in forms(word) if len(form) >= 8}
    found |= {form: name for name, key in keys.items() for form in forms(key)}
    return found


def assert_clean(where: str, data: bytes | str, wanted: dict[bytes, str]) -> None:
    hay = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    for needle, what in wanted.items():
        if needle in hay:
            at = hay.index(needle)
            pytest.fail(f"{where} shows {what!r}: …{hay[max(0, at - 80) : at + 80]!r}…")


def enrol(world: World) -> By:
    world.service("web-shop").put(PERSON, VALUES, purpose="enrolment")
    world.service("front-desk").record(PERSON, "stays", STAY, purpose="stay")
    world.service("web-shop").put(by(email=OTHER), {"given_name": "Other"}, purpose="enrolment")
    return PERSON
