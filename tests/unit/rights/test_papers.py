"""The files of an export: plain, unescaped, complete, whatever a value is."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

from privet.domain.answer import Access, Consent, Profile, Record
from privet.domain.catalogue import Catalogue
from privet.rights.papers import make_papers, plain

NOW = datetime(2026, 11, 21, 19, 0, tzinfo=UTC)


def make_catalogue(contact: str) -> Catalogue:
    return Catalogue(
        name="Hôtel {name} %s",
        contact=contact,
        fields={},
        collections={},
        purposes={},
        services={},
        officers={},
        notices={},
        digest="",
        where={},
    )


def papers(contact: str = "") -> dict[str, bytes]:
    return make_papers(
        catalogue=make_catalogue(contact),
        profile=Profile(
            fields={
                "name": "Zoë </script>",
                "spent": Decimal("1.10"),
                "born": date(1990, 1, 2),
                "likes": ["ü"],
            },
            collections={"stays": (Record(id="own_1", time=date(2026, 1, 1), values={"room": "Süd"}),)},
            restricted=True,
            objected=("marketing",),
        ),
        consents=[
            Consent(purpose="p", status="given", at=NOW, until=None, notice_version=None),
        ],
        receipts=[{"dct:identifier": "ab", "x": "é"}],
        accesses=[
            Access(
                audit_id="00",
                at=NOW,
                act="read",
                decision="permit",
                service="s",
                purpose="p",
                fields=("name",),
                withheld={"email": "restricted"},
            )
        ],
        at=NOW,
    )


def test_values_are_unescaped_utf8_and_lose_no_digit() -> None:
    """Letters as they are, decimals as text to the last zero, dates ISO 8601."""
    files = papers()
    assert "Zoë </script>".encode() in files["profile.json"]
    fields = json.loads(files["profile.json"])["fields"]
    assert fields == {"name": "Zoë </script>", "spent": "1.10", "born": "1990-01-02", "likes": ["ü"]}
    assert json.loads(files["collections/stays.json"]) == [{"id": "own_1", "room": "Süd"}]


def test_each_file_that_the_page_names_is_there() -> None:
    """README.txt names every file, and nothing is there that it does not explain."""
    files = papers()
    text = files["README.txt"].decode()
    for name in files:
        assert name.split("/")[0] in text


def test_names_with_braces_do_not_break_the_page() -> None:
    """An organisation may be called what it likes; without a contact the line is left out."""
    assert "Hôtel {name} %s" in papers()["README.txt"].decode()
    assert "complaints" not in papers()["README.txt"].decode()
    assert "complaints: {x}" in papers("{x}")["README.txt"].decode()


def test_plain_reaches_into_lists_and_mappings() -> None:
    """Nested values come out plain too."""
    assert plain([Decimal("0.50"), (NOW,), {"a": date(2026, 1, 1)}]) == [
        "0.50",
        ["2026-11-21T19:00:00+00:00"],
        {"a": "2026-01-01"},
    ]
