"""Codes of the vault in words to her: none missing, none that would mislead, none that acts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.catalogue import load_catalogue
from privet.domain.answer import Access
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentStatus
from privet.domain.decision import Reason
from privet.portal.words import deeds, reasons, statuses
from privet.portal.words.contacts import contact_pieces
from privet.portal.words.labels import Labels, group_of, plain
from privet.portal.words.notices import parse_notice
from privet.portal.words.times import tell_date, tell_moment, tell_stay
from privet.portal.words.values import Item, safe_text, show_value

HOTEL = Path(__file__).parents[3] / "cli" / "privet_cli" / "demo" / "hotel"
NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(HOTEL)


@pytest.fixture(scope="module")
def labels(catalogue: Catalogue) -> Labels:
    return Labels(catalogue)


def access(**changes: object) -> Access:
    known: dict[str, object] = {
        "audit_id": "00" * 16, "at": NOW, "act": "read", "decision": "permit", "service": "kitchen",
        "purpose": "meal-preparation", "fields": ("allergies",), "withheld": {},
    }  # fmt: skip
    return Access(**{**known, **changes})  # type: ignore[arg-type]


def test_every_reason_has_a_sentence() -> None:
    """Each reason code is told in a sentence of its own, in words, and not by its code."""
    told = [reasons.tell_reason(reason) for reason in Reason]
    assert all(sentence.endswith(".") and "_" not in sentence for sentence in told)
    assert reasons.tell_reason("new_one") == "It was refused (new_one)."
    for reason in Reason:
        assert str(reason) not in reasons.tell_reason(reason) or "_" not in reason


def test_every_status_says_on_or_off_truly() -> None:
    """The words begin with On exactly where data may be used."""
    assert set(statuses.WORDS) == set(ConsentStatus)
    for status in ConsentStatus:
        assert statuses.WORDS[status].startswith("On.") == status.permits == statuses.is_on(status)


@pytest.mark.parametrize(
    "at,words",
    [
        (NOW, "today at 12:00 UTC"),
        (NOW - timedelta(hours=13), "yesterday at 23:00 UTC"),
        (NOW - timedelta(days=3), "on Sunday 17 May at 12:00 UTC"),
        (NOW - timedelta(days=300), "on Thursday 24 July 2025 at 12:00 UTC"),
        (NOW + timedelta(days=365), "on Thursday 20 May 2027 at 12:00 UTC"),
        (datetime.fromisoformat("0001-01-01T04:59:59+05:00"), "on Monday 1 January 1 at 04:59 UTC+05:00"),
        (
            datetime.fromisoformat("9999-12-31T23:59:59-05:00"),
            "on Friday 31 December 9999 at 23:59 UTC-05:00",
        ),
    ],
)
def test_moments_in_words(at: datetime, words: str) -> None:
    """Words for people, the exact moment for machines."""
    told = tell_moment(at, NOW)
    assert told.words == words
    assert datetime.fromisoformat(told.exact) == at


def test_a_moment_without_a_zone_is_refused() -> None:
    """A naive datetime could be any moment."""
    with pytest.raises(TypeError):
        tell_moment(datetime(2026, 5, 1), NOW)  # noqa: DTZ001


@pytest.mark.parametrize(
    "days,words",
    [
        (1, "1 day"),
        (10, "10 days"),
        (30, "1 month"),
        (90, "3 months"),
        (365, "1 year"),
        (1095, "3 years"),
        (1096, "3 years"),
    ],
)
def test_how_long_things_are_kept(days: int, words: str) -> None:
    """The catalogue's days as people say them."""
    assert tell_stay(days) == words


@given(st.text())
def test_no_character_acts(text: str) -> None:
    """Whatever was stored: no control, no direction override, no half character is left; plain text stays itself."""
    safe = safe_text(text)
    assert not set(safe) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00\x1b\x85\u2028"
    )
    safe.encode()
    if text.isascii() and text.isprintable():
        assert safe == text


def test_values_in_words(catalogue: Catalogue) -> None:
    """Yes and no, dates, numbers to the last digit, lists, choices; nothing for nothing."""
    fields = catalogue.every_field
    assert show_value(fields["room.extra_towels"], True, NOW).items == (Item("Yes"),)
    assert show_value(fields["stays.arrived"], date(2026, 5, 3), NOW).items == (
        Item("3 May 2026", "2026-05-03"),
    )
    assert show_value(fields["stays.rate"], Decimal("110.50"), NOW).items == (Item("110.50"),)
    assert show_value(fields["stays.rate"], Decimal("1E-7"), NOW).items == (Item("0.0000001"),)
    assert show_value(fields["stays.meal"], "bed_and_breakfast", NOW).items == (Item("bed and breakfast"),)
    assert show_value(fields["country"], "gbr", NOW).items == (Item("GBR"),)
    assert show_value(fields["allergies"], [], NOW) == ((), True)
    assert show_value(None, None, NOW) == ((), False)
    assert show_value(fields["given_name"], "a_b", NOW).items == (Item("a_b"),)


def test_fields_in_words(labels: Labels) -> None:
    """Paths as people read them; those of one collection together; unknown ones by their own name."""
    assert plain("room.extra_towels") == "Room: extra towels"
    assert labels.join(["stays.meal", "email", "stays.hotel"]) == ("Email", "Stays (hotel, meal)")
    assert labels.purpose("marketing.email") == "Offers by email"
    assert labels.purpose("no-such") == "No such"
    assert labels.service("data-broker") == "Data broker (Harvest Data Ltd)"


def test_health_is_never_filed_under_something_harmless(catalogue: Catalogue) -> None:
    """Special data stands under its own heading."""
    assert group_of(catalogue.fields["allergies"]) == "Your health"


def test_what_a_field_is_for_is_what_policy_allows(labels: Labels) -> None:
    """Only services that may have the purpose and the field; a prohibited purpose is nobody's use."""
    assert dict(labels.uses["allergies"]) == {"meal-preparation": ("kitchen",)}
    assert all("resale" not in dict(uses) for uses in labels.uses.values())
    assert dict(labels.uses["guest_id"]) == {}


@pytest.mark.parametrize(
    "changes,title,tone",
    [
        ({}, "Kitchen used your data", "used"),
        ({"decision": "refuse"}, "Kitchen asked for your data, and got nothing", "refused"),
        ({"decision": "failed"}, "Kitchen asked for your data, and got nothing", "refused"),
        ({"act": "find", "decision": "refuse"}, "Kitchen looked you up, and was told nothing", "refused"),
        ({"act": "consent-status", "decision": "refuse"},
         "Kitchen asked whether you had agreed, and was told nothing", "refused"),
        ({"act": "consent-receipt", "decision": "refuse"},
         "Kitchen asked for a receipt of your agreement, and got none", "refused"),
        ({"act": "access", "service": "customer"}, "You looked at your data", "own"),
        ({"act": "access", "service": "steward"}, "The people who run this system looked at your data for you", "used"),
        ({"act": "sign-in", "service": "customer", "decision": "failed"},
         "A wrong sign-in code was typed, and nobody got in", "refused"),
        ({"act": "restrict", "service": "officer:ana"},
         "A compliance officer stopped the use of your data for you", "used"),
        ({"act": "something-new"}, "Kitchen: Something new", "used"),
    ],
)  # fmt: skip
def test_deeds_as_sentences(labels: Labels, changes: dict[str, object], title: str, tone: str) -> None:
    """Who did what; a refusal never reads as a use, nor a use as her own doing."""
    deed = deeds.tell_deed(labels, access(**changes), NOW)
    assert (deed.title, deed.tone) == (title, tone)


def test_a_service_cannot_pass_as_her(labels: Labels) -> None:
    """An entry of a service named "customer" or with her acts is not told as hers."""
    deed = deeds.tell_deed(labels, access(act="read", service="customer"), NOW)
    assert deed.tone == "used"


def test_refusals_are_told_by_reason(labels: Labels) -> None:
    """Fields under the reason they share."""
    deed = deeds.tell_deed(
        labels, access(withheld={"email": "objected", "phone": "objected", "room.bed": "expired"}), NOW
    )
    assert [(part.what, part.why) for part in deed.refused] == [
        (("Email", "Phone"), "You objected to this."),
        (("Room: bed",), "It had been kept long enough, and is about to be deleted."),
    ]


def test_her_looks_are_joined_and_nothing_else(labels: Labels) -> None:
    """Neighbouring looks are one line with their number; the next page goes on after the last entry shown."""
    looks = [access(act="access", service="customer", audit_id=f"{at:032x}") for at in range(3)]
    reads = [access(audit_id=f"{at:032x}") for at in range(10, 13)]
    told = (deeds.tell_deed(labels, one, NOW) for one in [*looks, *reads])
    lines, more = deeds.join_looks(told, 3, 100)
    assert [(line.times, line.id) for line in lines] == [
        (3, looks[2].audit_id),
        (1, reads[0].audit_id),
        (1, reads[1].audit_id),
    ]
    assert more


def test_however_many_looks_the_list_goes_on(labels: Labels) -> None:
    """A page that opened as much as it may says that there is more, and from where."""
    looks = [access(act="access", service="customer", audit_id=f"{at:032x}") for at in range(500)]
    lines, more = deeds.join_looks((deeds.tell_deed(labels, one, NOW) for one in looks), 20, 400)
    assert more
    assert sum(line.times for line in lines) == 400
    assert lines[-1].id == looks[399].audit_id
    assert not deeds.join_looks((deeds.tell_deed(labels, one, NOW) for one in looks), 20, 500)[1]


def test_a_notice_is_shown_to_the_letter(catalogue: Catalogue) -> None:
    """Every word of the text is in its blocks, in order; markup that is none of ours stays text."""
    text = catalogue.notices["marketing"].text
    shown = " ".join(run.text for block in parse_notice(text) for line in block.lines for run in line)
    assert shown.split() == [word for word in text.split() if word not in ("#", "-")]
    (block,) = parse_notice("A **strong** word, <b>none</b>, [a](http://x)")
    assert [run.strong for run in block.lines[0]] == [False, True, False]
    assert "<b>none</b>, [a](http://x)" in block.lines[0][2].text


def test_the_way_to_a_human() -> None:
    """Addresses and numbers become links, everything else stays text; without a contact there is the organisation."""
    pieces = contact_pieces("privacy@alder.example, +44 20 7946 0718 or <script>", "Alder")
    assert [piece.link for piece in pieces] == [
        "mailto:privacy@alder.example",
        None,
        "tel:+442079460718",
        None,
    ]
    assert "".join(piece.text for piece in pieces) == "privacy@alder.example, +44 20 7946 0718 or <script>"
    assert contact_pieces("", "Alder")[0].text == "Alder"
    assert contact_pieces("", "")[0].text


def test_dates_in_words() -> None:
    """A plain date."""
    assert tell_date(date(2026, 1, 31)) == ("31 January 2026", "2026-01-31")
