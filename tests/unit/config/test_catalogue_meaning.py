"""What a catalogue means beyond its words: inheritance, the purpose rule, warnings, digest, numbers."""

from dataclasses import replace

import pytest

from privet.config.catalogue import parse_catalogue, with_numbers
from privet.domain.catalogue import Catalogue
from privet.errors import IntegrityError
from tests.unit.config.sample import NOTICES, SAMPLE

BASE = """\
fields:
  name: {type: string, category: pd:Name, allow: [care]}
purposes:
  care: {dpv: dpv:CustomerCare, basis: contract}
  news: {dpv: dpv:Marketing, basis: consent, notice: marketing}
  resale: {dpv: dpv:SellDataToThirdParties, prohibited: true}
"""


def read(text: str) -> Catalogue:
    return parse_catalogue(text, file="c.yaml", notices={"marketing": "May we?\n"})


def numbers_of(catalogue: Catalogue) -> dict[tuple[str, str], int]:
    named = [("field", path) for path in catalogue.every_field] + [
        ("collection", n) for n in catalogue.collections
    ]
    return {key: at for at, key in enumerate(named, start=1)}


def test_collection_fields_inherit_what_the_collection_says() -> None:
    """Category, allowances, special and retention come from the collection; a prohibition there cannot be lifted."""
    stays = read(
        BASE
        + """\
collections:
  stays:
    time: arrived
    category: pd:TravelHistory
    allow: [care]
    prohibit: [resale]
    retention: P1Y
    fields:
      room: {type: string}
      rate: {type: number, category: pd:Transaction, allow: [news], prohibit: [care], retention: P30D}
      arrived: {type: datetime}
"""
    ).collections["stays"]
    room, rate, arrived = stays.fields["room"], stays.fields["rate"], stays.fields["arrived"]
    assert (room.category, room.allow, room.prohibit, room.retention_days) == (
        "pd:TravelHistory",
        frozenset({"care"}),
        frozenset({"resale"}),
        365,
    )
    assert (rate.category, rate.allow, rate.prohibit, rate.retention_days) == (
        "pd:Transaction", frozenset({"news"}), frozenset({"care", "resale"}), 30,
    )  # fmt: skip
    assert arrived.type.kind == "datetime"
    assert (stays.coarse_time, stays.key) == ("month", None)


def test_time_and_key_are_for_every_purpose_of_the_collection() -> None:
    """Implied values: the union of allowances, the prohibitions that all fields share, special only if all are."""
    text = """\
collections:
  notes:
    time: on
    key: ref
    fields:
      a: {type: string, category: pd:Health, special: true, allow: [news], prohibit: [resale, care]}
      b: {type: string, category: pd:Name, allow_masked: [care], allow: [news], prohibit: [resale]}
"""
    on = read(BASE + text).every_field["notes.on"]
    assert on.allow == {"news"}
    assert on.allow_masked == {"care"}
    assert on.prohibit == {"resale"}
    assert not on.special
    assert on.category == "pd:ServiceConsumptionBehaviour"
    special = text.replace("pd:Name,", "pd:Name, special: true,")
    assert read(BASE + special).every_field["notes.ref"].special


@pytest.mark.parametrize(
    "way", ["basis: consent", "basis: contract, notice: marketing", "basis: contract, article9: health_care"]
)
def test_a_special_field_may_rest_on_consent_a_notice_or_a_ground(way: str) -> None:
    """Each of the three ways in which explicit consent or Art. 9(2) can hold is enough."""
    text = BASE.replace("pd:Name,", "pd:Health, special: true,").replace("basis: contract", way)
    assert read(text).fields["name"].special


def test_the_ground_of_a_special_field_may_stand_on_a_purpose_below() -> None:
    """An allowance covers the purposes below it, so a ground there counts; a prohibited one does not."""
    text = BASE.replace("pd:Name,", "pd:Health, special: true,").replace(
        "dpv:Marketing,", "dpv:Marketing, parents: [care],"
    )
    assert read(text).purposes_of(read(text).fields["name"]) == {"care", "news"}


def test_the_purpose_rule_of_byun_and_li() -> None:
    """Allowed downwards; a prohibition blocks the purpose, all above and all below it."""
    text = """\
fields:
  x: {type: string, category: pd:Name, allow: [top], prohibit: [left]}
purposes:
  top: {dpv: dpv:A, basis: contract}
  left: {dpv: dpv:A, basis: contract, parents: [top]}
  low: {dpv: dpv:A, basis: contract, parents: [left]}
  right: {dpv: dpv:A, basis: contract, parents: [top]}
  other: {dpv: dpv:A, basis: contract}
"""
    catalogue = read(text)
    assert catalogue.purposes_of(catalogue.fields["x"]) == {"right"}
    assert catalogue.warnings == (
        'c.yaml:2: fields.x.allow: "top" is allowed, but "left" is prohibited; prohibition wins: remove one',
    )


@pytest.mark.parametrize(
    "old, new, warning",
    [
        (
            "allow: [care]",
            "allow: [resale]",
            (
                "c.yaml:2: fields.name: no purpose may ever use it, "
                "so writing it is refused; allow a purpose, or remove it"
            ),
        ),
        (
            "allow: [care]",
            "allow: [care, resale]",
            (
                'c.yaml:2: fields.name.allow: "resale" is allowed, '
                'but "resale" is prohibited; prohibition wins: remove one'
            ),
        ),
        (
            ", notice: marketing",
            "",
            (
                "c.yaml:5: purposes.news: rests on consent and has no notice; "
                "write what the customer is told in notices/NAME.md and name it"
            ),
        ),
        (
            "fields:\n",
            "services: {x: {purposes: [resale], fields: [name]}}\nfields:\n",
            'c.yaml:1: services.x.purposes: "resale" is prohibited, so it will always be refused; remove it',
        ),
        (
            "fields:\n",
            "services: {x: {purposes: [news], fields: [name]}}\nfields:\n",
            (
                'c.yaml:1: services.x.purposes: none of its fields is allowed for "news"; '
                "add one to fields, or remove the purpose"
            ),
        ),
    ],
)
def test_what_is_legal_but_odd_is_a_warning(old: str, new: str, warning: str) -> None:
    """It loads, and says what is odd, with the line."""
    assert read(BASE).warnings == ()
    assert warning in read(BASE.replace(old, new)).warnings


def test_a_field_that_only_finds_people_is_usable() -> None:
    """A look-up field needs no allowance; one without either may not be written."""
    text = BASE.replace("allow: [care]", "lookup: unique")
    assert read(text).unusable == frozenset()
    assert read(text.replace(", lookup: unique", "")).unusable == {"name"}


def test_an_enrolling_service_may_claim_a_purpose_only_to_write() -> None:
    """A write needs no allowance of the field, so no warning."""
    assert read(BASE + "services: {x: {purposes: [news], fields: [name], enrols: true}}\n").warnings == ()


def test_organisation_is_optional_and_shown_when_given() -> None:
    """Name and contact have plain defaults."""
    assert read(BASE).name == "This organisation"
    named = read(BASE + "organisation: {name: Alder Hotels, contact: front@alder.example}\n")
    assert (named.name, named.contact) == ("Alder Hotels", "front@alder.example")


@pytest.mark.parametrize(
    "old, new",
    [
        ("pd:UID", "pd:Identifier"),
        ("lookup: unique}", "lookup: shared}"),
        ("enum[king, twin]", "enum[twin, king]"),
        ("P3Y", "P2Y"),
        ("coarse_time: month", "coarse_time: day"),
        ("basis: consent, notice: marketing", "basis: consent, notice: marketing, consent_for: P1Y"),
        ("room.*]", "room.*, email]"),
        ("enrols: true", "enrols: false"),
        ("1234", "1235"),
    ],
)
def test_the_digest_follows_the_meaning(old: str, new: str) -> None:
    """Every change of meaning is another digest."""
    before = parse_catalogue(SAMPLE, file="a.yaml", notices=NOTICES)
    assert SAMPLE.count(old) >= 1
    assert (
        parse_catalogue(SAMPLE.replace(old, new, 1), file="a.yaml", notices=NOTICES).digest != before.digest
    )


def test_the_digest_ignores_words_that_mean_nothing_and_follows_notices() -> None:
    """Comments, order, file name and numbers do not count; a notice's text does."""
    before = parse_catalogue(SAMPLE, file="a.yaml", notices=NOTICES)
    same = SAMPLE.replace("[given_name, room.*]", "[ given_name,   room.* ]") + "# a comment\n"
    assert parse_catalogue(same, file="b.yaml", notices=NOTICES).digest == before.digest
    assert with_numbers(before, numbers_of(before)).digest == before.digest
    changed = parse_catalogue(SAMPLE, file="a.yaml", notices={**NOTICES, "marketing": "Other words\n"})
    assert changed.digest != before.digest


def test_numbers_are_filled_in_everywhere() -> None:
    """Fields, collections and collection fields carry the numbers of the database, and are found by them."""
    catalogue = parse_catalogue(SAMPLE, file="a.yaml", notices=NOTICES)
    numbered = with_numbers(catalogue, numbers_of(catalogue))
    assert all(field.number > 0 for field in numbered.every_field.values())
    assert numbered.collections["stays"].number == len(catalogue.every_field) + 1
    assert numbered.field_by_number[numbered.fields["email"].number].path == "email"
    assert numbered == replace(catalogue, fields=numbered.fields, collections=numbered.collections)


@pytest.mark.parametrize("wrong", [None, 0, -1, 65_536, 2])
def test_wrong_numbers_are_refused(wrong: int | None) -> None:
    """Missing, out of u16, or given twice: nothing is ever sealed under such a number."""
    catalogue = parse_catalogue(SAMPLE, file="a.yaml", notices=NOTICES)
    numbers = numbers_of(catalogue)
    if wrong is None:
        del numbers[("field", "given_name")]
    else:
        numbers[("field", "given_name")] = wrong
    with pytest.raises(IntegrityError, match="number for the field"):
        with_numbers(catalogue, numbers)
