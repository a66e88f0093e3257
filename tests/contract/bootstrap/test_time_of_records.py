"""The time of a record under the rules of its own field: with the others, never past a mask or a prohibition."""

from datetime import date
from pathlib import Path

import pytest

from privet import by
from privet.errors import InvalidInput
from privet.testing import make_vault

CATALOGUE = """
organisation: {{name: Inn, contact: privacy@inn.example}}
fields:
  crm_id: {{type: string, category: pd:UID, lookup: unique}}
collections:
  stays:
    time: arrived
    key: booking
    category: pd:ServiceConsumptionBehaviour
    allow: [stay]
    fields:
      arrived: {{type: date, {rule}}}
      booking: {{type: string}}
      room: {{type: string}}
purposes:
  stay: {{dpv: dpv:ServicePersonalisation, basis: contract}}
  accounts: {{dpv: dpv:LegalCompliance, basis: legal_obligation}}
services:
  desk: {{purposes: [stay, accounts], fields: ["*"], find: [crm_id], enrols: true}}
"""
ANN = by(crm_id="C1")


@pytest.mark.parametrize("asked", [["room"], ["room", "arrived"]])
@pytest.mark.parametrize(
    "rule, told",
    [
        ("allow: [stay]", date(2026, 5, 17)),
        ("allow: [accounts], allow_masked: [stay]", date(2026, 1, 1)),
        ("allow: [accounts], prohibit: [stay]", None),
        ("allow: [accounts]", None),
    ],
)
def test_time_is_told_as_its_field_allows(
    tmp_path: Path, rule: str, told: date | None, asked: list[str]
) -> None:
    """In clear, as its mask, or not at all; whether it was asked for by name or not."""
    with make_vault(tmp_path / "inn.privet", CATALOGUE.format(rule=rule)) as vault:
        desk = vault.service("desk")
        desk.put(ANN, {"crm_id": "C1"}, purpose="stay")
        desk.record(ANN, "stays", {"arrived": "2026-05-17", "booking": "b", "room": "12"}, purpose="stay")
        (record,) = desk.history(ANN, "stays", purpose="stay", fields=asked)
        assert (record["room"], record.time) == ("12", told)
        assert record.values.get("arrived") == (told if "arrived" in asked else None)


@pytest.mark.parametrize("arrived", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_outside_the_calendar_is_the_writers_mistake(tmp_path: Path, arrived: str) -> None:
    """In UTC it lies in the year 0 or 10000: said by the field's name, and nothing is written."""
    catalogue = CATALOGUE.format(rule="allow: [stay]").replace("{type: date, ", "{type: datetime, ")
    with make_vault(tmp_path / "inn.privet", catalogue) as vault:
        desk = vault.service("desk")
        desk.put(ANN, {"crm_id": "C1"}, purpose="stay")
        with pytest.raises(InvalidInput) as refused:
            desk.record(ANN, "stays", {"arrived": arrived, "booking": "b"}, purpose="stay")
        assert refused.value.field == "stays.arrived"
        assert not list(desk.history(ANN, "stays", purpose="stay", fields=["room"]))
