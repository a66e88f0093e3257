"""A refusal by the catalogue says what would work, by the catalogue alone: the same of everybody, and of nobody."""

import pytest

from privet.config.catalogue import parse_catalogue
from privet.decide.wording import Wording

CATALOGUE = """
organisation: {name: Inn, contact: privacy@inn.example}
fields:
  crm_id: {type: string, category: pd:UID, lookup: unique}
  given_name: {type: string, category: pd:Name, allow: [stay, letters]}
  email: {type: email, category: pd:EmailAddress, lookup: unique, allow: [letters]}
  phone: {type: phone, category: pd:TelephoneNumber, allow: [accounts, letters], prohibit: [letters]}
  room.bed: {type: string, category: pd:Preference, allow: [stay]}
collections:
  stays:
    time: arrived
    key: booking
    category: pd:ServiceConsumptionBehaviour
    allow: [stay]
    fields: {arrived: {type: date}, booking: {type: string}}
purposes:
  stay: {dpv: dpv:ServicePersonalisation, basis: contract}
  accounts: {dpv: dpv:LegalCompliance, basis: legal_obligation}
  letters: {dpv: dpv:DirectMarketing, basis: contract}
  offers: {dpv: dpv:PersonalisedAdvertising, parents: [letters], basis: contract}
services:
  front-desk:
    purposes: [stay, accounts, offers]
    fields: [given_name, email, phone, "room.*", "stays.*"]
    find: [email]
  kitchen: {purposes: [stay], fields: [given_name, email]}
"""
WORDING = Wording(parse_catalogue(CATALOGUE, file="catalogue.yaml", notices={}))


def said(service: str, purpose: str, field: str, reason: str) -> str:
    return WORDING.withheld(service, purpose, {field: reason})[field].message


@pytest.mark.parametrize(
    "service, field, sentence",
    [
        ("front-desk", "email", "front-desk may not use email for stay; purposes that may: offers"),
        ("front-desk", "phone", "front-desk may not use phone for stay; purposes that may: accounts"),
        ("kitchen", "email", "kitchen may not use email for stay; no purpose of kitchen may"),
        ("kitchen", "phone", "kitchen may not use phone for stay; phone is not among the fields of kitchen"),
    ],
)
def test_what_this_service_may_use_a_field_for(service: str, field: str, sentence: str) -> None:
    """Its own purposes, one below an allowed one included, a prohibited one not; or that there is none."""
    assert said(service, "stay", field, "purpose_not_permitted") == sentence


@pytest.mark.parametrize(
    "field, hint",
    [
        ("givenName", "; do you mean given_name?"),
        ("Given-Name", "; do you mean given_name?"),
        ("bed", "; do you mean room.bed?"),
        ("given_nmae", "; do you mean given_name?"),
        ("given_names", "; do you mean given_name?"),
        ("room.bad", "; do you mean room.bed?"),
        ("bad", ""),
        ("room.bedd", "; do you mean room.bed?"),
        ("crmid", ""),
        ("crm_idd", ""),
        ("stays.booking", "; stays.booking is of a collection: ask for its history"),
        ("nothing like it", ""),
        ("g" * 200, ""),
    ],
)
def test_a_field_that_may_have_been_meant(field: str, hint: str) -> None:
    """Another spelling or a slip, of this service's own fields only; and where a record's field is to be asked for."""
    assert (
        said("front-desk", "stay", field, "unknown_field") == f"the catalogue has no such profile field{hint}"
    )


def test_a_field_that_a_record_has_not() -> None:
    """Of the collection that was named, not of the profile; what may have been meant is of it too."""
    told = said("front-desk", "stay", "stays.bookin", "unknown_field")
    assert told == "the collection stays has no such field; do you mean stays.booking?"
    assert (
        said("kitchen", "stay", "stays.bookin", "unknown_field") == "the collection stays has no such field"
    )
    assert said("front-desk", "stay", "visits.booking", "unknown_field") == (
        "the catalogue has no such profile field"
    )


@pytest.mark.parametrize(
    "service, purpose, hint",
    [
        ("front-desk", "Offers", "; do you mean offers?"),
        ("front-desk", "ofers", "; do you mean offers?"),
        ("front-desk", "acconuts", "; do you mean accounts?"),
        ("front-desk", "lettres", ""),
        ("kitchen", "offer", ""),
        ("kitchen", "tay", ""),
        ("nobody", "offer", ""),
    ],
)
def test_a_purpose_that_may_have_been_meant(service: str, purpose: str, hint: str) -> None:
    """Another spelling or a slip, of the purposes that this service may claim: those of others are not told."""
    first, *told = said(service, purpose, "email", "unknown_purpose").split("; ")
    assert first == "the catalogue has no such purpose"
    assert "".join(f"; {part}" for part in told if "purposes it may" not in part) == hint


def test_purposes_and_look_ups_that_it_has() -> None:
    """Where the purpose or the look-up is what stands in the way."""
    purposes = "; purposes it may: accounts, offers, stay"
    assert said("front-desk", "", "email", "purpose_missing").endswith(purposes)
    assert said("front-desk", "x", "email", "unknown_purpose").endswith(purposes)
    assert said("front-desk", "letters", "email", "service_not_permitted").endswith(purposes)
    assert said("front-desk", "stay", "email", "lookup_not_permitted").endswith("; look-ups it may: email")
    assert said("kitchen", "stay", "email", "lookup_not_permitted").endswith("by this look-up field")


def test_no_name_of_the_callers_is_repeated() -> None:
    """What the catalogue does not know may be anything: an address, say."""
    for reason in ("unknown_field", "unknown_purpose", "purpose_not_permitted", "service_not_permitted"):
        assert "ada@" not in said("front-desk", "ada@a.org", "ada@b.org", reason)
