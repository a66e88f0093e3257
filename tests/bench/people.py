"""The people of the benchmarks: seeded and generated, ten fields each, and a vault that holds them.

Refuses nothing; the vault is made by the public way in: create, import a CSV, open a service's session.
"""

import csv
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import privet

PURPOSE = "service-personalisation"
SERVICE = "desk"
ENROLMENT = "enrolment"
WRITER = "shop"
FIELDS = (
    "given_name",
    "family_name",
    "email",
    "phone",
    "country",
    "born",
    "language",
    "points",
    "room.bed",
    "room.extra_towels",
)
"""The ten that every read asks for, in the clear."""

_CATALOGUE = """\
fields:
  crm_id: {type: string, category: pd:UID, lookup: unique}
  given_name: {type: string, category: pd:Name, allow: [service-personalisation]}
  family_name: {type: string, category: pd:Name, allow: [service-personalisation]}
  email: {type: email, category: pd:EmailAddress, lookup: unique, allow: [service-personalisation]}
  phone: {type: phone, category: pd:TelephoneNumber, allow: [service-personalisation]}
  country: {type: country, category: pd:Country, allow: [service-personalisation]}
  born: {type: date, category: pd:BirthDate, allow: [service-personalisation]}
  language: {type: string, category: pd:Language, allow: [service-personalisation]}
  points: {type: integer, min: 0, category: pd:Preference, allow: [service-personalisation]}
  room.bed: {type: "enum[king, twin]", category: pd:Preference, allow: [service-personalisation], retention: P3Y}
  room.extra_towels: {type: boolean, category: pd:Preference, allow: [service-personalisation], retention: P3Y}
purposes:
  enrolment: {dpv: dpv:CustomerManagement, basis: contract}
  service-personalisation: {dpv: dpv:ServicePersonalisation, basis: contract}
services:
  desk: {purposes: [service-personalisation], fields: ["*"], find: [email]}
  shop: {purposes: [enrolment], fields: ["*"], find: [email], enrols: true}
officers: {ana: {}}
"""
_MAP = f"""\
subject: {{lookup: crm_id, column: crm_id}}
fields: {{{", ".join(f"{name}: {name}" for name in FIELDS)}}}
purpose: enrolment
"""
_GIVEN = ("Ada", "Grace", "Zoë", "Māra", "Ines", "Olu", "Wei", "Anna-Lena", "Søren", "Juan Carlos")
_FAMILY = ("Johnson", "García Márquez", "Nguyễn", "O'Neill", "Lindqvist", "Okafor", "Müller", "Sato")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilledVault:
    """An open vault with people in it, and the ids by which SERVICE names them."""

    vault: privet.Vault
    ids: list[str]
    writer_ids: list[str]
    """The same people as WRITER names them."""
    imports_a_second: float


def generate(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """`count` people, the same for the same seed: crm_id and FIELDS, as Python values."""
    draw = random.Random(seed)
    for number in range(count):
        given, family = draw.choice(_GIVEN), draw.choice(_FAMILY)
        yield {
            "crm_id": f"C{number:07d}",
            "given_name": given,
            "family_name": family,
            "email": f"{given.split()[0].lower()}.{number}@example.org",
            "phone": f"+3712{draw.randrange(10**7):07d}",
            "country": draw.choice(("LV", "PT", "SE", "NG", "JP")),
            "born": date(1940, 1, 1) + timedelta(days=draw.randrange(24_000)),
            "language": draw.choice(("lv", "pt", "sv", "en", "ja")),
            "points": draw.randrange(100_000),
            "room.bed": draw.choice(("king", "twin")),
            "room.extra_towels": draw.random() < 0.3,
        }


@contextmanager
def filled_vault(home: Path, count: int, database_url: str | None = None) -> Iterator[FilledVault]:
    """A new vault under `home` with `count` people, imported from a file."""
    catalogue = home / "catalogue"
    catalogue.mkdir()
    (catalogue / "catalogue.yaml").write_text(_CATALOGUE, encoding="utf-8")
    people, columns = home / "people.csv", home / "map.yaml"
    columns.write_text(_MAP, encoding="utf-8")
    with people.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["crm_id", *FIELDS])
        writer.writeheader()
        for person in generate(count):
            writer.writerow(
                {**person, "room.extra_towels": "true" if person["room.extra_towels"] else "false"}
            )
    vault = privet.Vault.create(
        home / "bench.privet", passphrase="bench", catalogue=catalogue, database_url=database_url
    )
    with vault:
        start = perf_counter()
        summary = vault.steward().import_file(people, columns)
        seconds = perf_counter() - start
        if summary.imported != count:
            raise ValueError(f"{summary.imported} of {count} people were imported")
        yield FilledVault(
            vault=vault,
            ids=_ids(vault, SERVICE),
            writer_ids=_ids(vault, WRITER),
            imports_a_second=count / seconds,
        )


def _ids(vault: privet.Vault, service: str) -> list[str]:
    issue = vault.parts.pairwise.issue
    found: list[str] = []
    with vault.parts.store.read() as unit:
        after = None
        while rows := unit.subjects_after(after, 1_000):
            found += [issue(service, row.subject) for row in rows]
            after = rows[-1].subject
    return found
