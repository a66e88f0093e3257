"""What the subject sees of herself: all that opens in its place, and no part of what does not."""

from datetime import date
from pathlib import Path

import pytest

from privet.config.catalogue import load_catalogue
from privet.config.values import Value, encode_value
from privet.crypto.envelope import SubjectKeys
from privet.crypto.fields import field_aad_prefix, pack, seal_value
from privet.domain.catalogue import Catalogue, Collection
from privet.domain.ids import RecordId, SubjectId, VaultId
from privet.domain.ports import RecordRow
from privet.errors import IntegrityError
from privet.release.disclosure import Disclosure

SMALL_HOTEL = Path(__file__).parents[2] / "contract" / "rights" / "catalogue"
VAULT = VaultId(b"v" * 16)
ADA = SubjectId(b"a" * 16)
KEYS = SubjectKeys(bytes(range(32)), bytes(range(32, 64)))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The small hotel's, numbered as a store would."""
    from dataclasses import replace

    found = load_catalogue(SMALL_HOTEL)
    stays = found.collections["stays"]
    numbered = {name: replace(field, number=at) for at, (name, field) in enumerate(stays.fields.items(), 101)}
    return replace(found, collections={"stays": replace(stays, number=7, fields=numbered)})


def row(stays: Collection, name: bytes, values: dict[str, Value]) -> RecordRow:
    record = RecordId(name * 16)
    prefix = field_aad_prefix(VAULT, ADA, stays.number, record)
    entries = [
        seal_value(
            KEYS.data_cipher,
            bytes([at]) * 12,
            prefix,
            stays.fields[key].number,
            encode_value(stays.fields[key].type, value),
            schema=1,
            revision=1,
        )
        for at, (key, value) in enumerate(values.items())
    ]
    return RecordRow(ADA, stays.number, record, 0, 1, pack(entries))


def test_records_come_newest_first_by_their_sealed_time(catalogue: Catalogue) -> None:
    """Whatever order and coarse time the rows have; what is not held is left out."""
    stays = catalogue.collections["stays"]
    rows = [
        row(stays, b"1", {"arrived": date(2026, 1, 1), "booking": "a"}),
        row(stays, b"2", {"arrived": date(2026, 3, 1), "booking": "b", "room": "12"}),
        row(stays, b"3", {"arrived": date(2026, 2, 1), "booking": "c"}),
    ]
    shown = Disclosure(catalogue=catalogue, vault=VAULT).records(KEYS, stays, rows)
    assert [record.values["booking"] for record in shown] == ["b", "c", "a"]
    assert "room" not in shown[1].values


def test_a_record_without_its_time_is_damage(catalogue: Catalogue) -> None:
    """IntegrityError: rather nothing than a part."""
    stays = catalogue.collections["stays"]
    with pytest.raises(IntegrityError):
        Disclosure(catalogue=catalogue, vault=VAULT).records(
            KEYS, stays, [row(stays, b"1", {"booking": "a"})]
        )


def test_a_record_of_another_place_does_not_open(catalogue: Catalogue) -> None:
    """A row under another record's id is an IntegrityError."""
    stays = catalogue.collections["stays"]
    moved = row(stays, b"1", {"arrived": date(2026, 1, 1), "booking": "a"})._replace(
        record=RecordId(b"2" * 16)
    )
    with pytest.raises(IntegrityError):
        Disclosure(catalogue=catalogue, vault=VAULT).records(KEYS, stays, [moved])
