"""The files of an export, as names and bytes: plain JSON in UTF-8, unescaped, and a page that says what they are.

Pure. Refuses no value: what a profile may hold has a plain form (dates ISO 8601, numbers as text to the last digit).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from privet.domain.answer import Access, Consent, Profile
from privet.domain.catalogue import Catalogue

_README = """\
Your data at {name}
{rule}

This archive was made on {at} and holds everything that {name} keeps about you in this system.
All files are plain text (JSON, UTF-8): any text editor opens them, and other services can read them.

  profile.json        what is known of you, one entry a field, and what you have restricted or objected to
  collections/        one file each for things that happened over time, newest first
  consents.json       what you agreed to or refused, and since when
  receipts/           your signed receipts, one for each time you agreed, refused or withdrew
  accesses.json       who looked at your data or changed it, when, why, and what was refused and for which reason
  README.txt          this page

Dates and times are in UTC. Numbers with decimals are written as text, so that no digit is lost.
Anybody can check a receipt without asking us: it is signed with the key it names (Ed25519).
{contact}
This archive is not encrypted. Keep it where only you can read it.
"""


def make_papers(
    *,
    catalogue: Catalogue,
    profile: Profile,
    consents: Sequence[Consent],
    receipts: Sequence[Mapping[str, Any]],
    accesses: Sequence[Access],
    at: datetime,
) -> dict[str, bytes]:
    """Contents by file name, in the order they stand in the archive."""
    title = f"Your data at {catalogue.name}"
    contact = f"Questions, corrections or complaints: {catalogue.contact}\n" if catalogue.contact else ""
    readme = _README.format(
        name=catalogue.name, rule="=" * len(title), at=f"{at:%Y-%m-%d %H:%M} UTC", contact=contact
    )
    files = {
        "README.txt": readme.encode(),
        "profile.json": _json(
            {
                "fields": {path: plain(value) for path, value in sorted(profile.fields.items())},
                "restricted": profile.restricted,
                "objected": list(profile.objected),
                "waiting_for_confirmation": list(profile.pending),
            }
        ),
    }
    for name, records in profile.collections.items():
        files[f"collections/{name}.json"] = _json(
            [
                {"id": record.id, **{key: plain(value) for key, value in record.values.items()}}
                for record in records
            ]
        )
    files["consents.json"] = _json([_plain_all(asdict(consent)) for consent in consents])
    for receipt in receipts:
        files[f"receipts/{receipt['dct:identifier']}.json"] = _json(receipt)
    files["accesses.json"] = _json([_plain_all(asdict(access)) for access in accesses])
    return files


def plain(value: object) -> Any:
    """The JSON form of a stored value."""
    if isinstance(value, Decimal):
        return format(value, "f")  # no power of ten: it would not be taken back
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return _plain_all(value)
    return value


def _plain_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(value) for key, value in values.items()}


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
