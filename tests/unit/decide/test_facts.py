"""Facts: what goes in comes out, what time does to them, and what does not parse denies."""

from typing import Any

import orjson
import pytest

from privet.decide.facts import encode_facts, facts_for, parse_facts, purposes_above
from privet.decide.question import PHANTOM, Circumstances
from privet.domain.consent import ConsentStatus, FoldedConsent
from privet.domain.ids import Millis
from privet.domain.subject import Facts
from privet.errors import IntegrityError
from tests.contract.policy.catalogues import inn

GIVEN = FoldedConsent(status=ConsentStatus.GIVEN, at=Millis(100), until=Millis(200), notice_version="ab")
FULL = Facts(
    consents={"mail": GIVEN, "post": FoldedConsent(status=ConsentStatus.REFUSED, at=Millis(5))},
    objected=frozenset({"mail", "ads"}),
    restricted=True,
    hold=True,
    minor_until=Millis(1_000),
    relationship=("guest", "member"),
    expires={3: Millis(500), 4: Millis(900)},
    ledger=7,
    pending={2: "digest"},
)
NUMBERS = {3: "room.bed", 5: "email"}
EMPTY: dict[str, Any] = {
    "v": 1, "c": {}, "o": [], "r": False, "h": False, "m": None, "k": [], "e": {}, "l": 0, "p": {},
}  # fmt: skip


def seen(
    facts: Facts, now: int = 0, purpose: str = "mail", above: frozenset[str] = frozenset({"mail"})
) -> Any:
    return facts_for(encode_facts(facts), purpose=purpose, above=above, numbers=NUMBERS, now=now)


@pytest.mark.parametrize("facts", [Facts(), FULL, FULL.with_consent("ads", GIVEN)])
def test_round_trip(facts: Facts) -> None:
    """Stored and read again, facts are equal, and their bytes too."""
    assert parse_facts(encode_facts(facts)) == facts
    assert encode_facts(parse_facts(encode_facts(facts))) == encode_facts(facts)


def test_nobody_special_is_the_phantom() -> None:
    """A person of whom nothing is known asks the phantom's question."""
    assert seen(Facts()) == PHANTOM


def test_everything_is_seen() -> None:
    """Restriction, objections that bear on the purpose, minority, relationship and expired fields."""
    assert seen(FULL, now=500) == Circumstances(
        "expired", True, ("mail",), True, ("guest", "member"), ("room.bed",)
    )


@pytest.mark.parametrize(
    "now, consent, minor, expired",
    [
        (199, "given", True, ()),
        (200, "expired", True, ()),
        (499, "expired", True, ()),
        (500, "expired", True, ("room.bed",)),
        (999, "expired", True, ("room.bed",)),
        (1_000, "expired", False, ("room.bed",)),
    ],
)
def test_time_resolves_facts(now: int, consent: str, minor: bool, expired: tuple[str, ...]) -> None:
    """Consent, minority and retention end at their moment, not after it."""
    found = seen(FULL, now)
    assert (found.consent, found.minor, found.expired) == (consent, minor, expired)


def test_only_what_permits_expires() -> None:
    """A refusal stays a refusal when its time has run out."""
    refused = FoldedConsent(status=ConsentStatus.REFUSED, at=Millis(1), until=Millis(2))
    assert seen(Facts(consents={"mail": refused}), now=10).consent == "refused"
    assert seen(FULL, purpose="other").consent == "unknown"


@pytest.mark.parametrize("key", sorted(EMPTY))
@pytest.mark.parametrize("value", [None, 3, "x", [3], {"a": 1}, "missing"])
def test_spoilt_facts_never_pass_for_fewer(key: str, value: Any) -> None:
    """A key missing or of another type: either IntegrityError, or circumstances that are no weaker than before."""
    spoilt = {name: kept for name, kept in EMPTY.items() if name != key or value != "missing"}
    if value != "missing":
        spoilt[key] = value
    strict = {**spoilt, "r": True} if key != "r" else spoilt
    try:
        found = facts_for(orjson.dumps(strict), purpose="mail", above=frozenset({"mail"}), numbers={}, now=0)
    except IntegrityError:
        return
    assert found.consent not in ("given", "renewed")
    assert key == "r" or found.restricted


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'{"v":2}', b"{}", b"\xff", b'{"v":1}'])
def test_what_is_no_facts_is_refused(payload: bytes) -> None:
    """Foreign, later or truncated facts deny."""
    with pytest.raises(IntegrityError):
        parse_facts(payload)
    with pytest.raises(IntegrityError):
        facts_for(payload, purpose="mail", above=frozenset(), numbers={}, now=0)


def test_unknown_status_is_refused_where_it_is_read_in_full() -> None:
    """A status that is none of DPV's words does not parse."""
    with pytest.raises(IntegrityError):
        parse_facts(orjson.dumps({**EMPTY, "c": {"mail": ["granted", 1, None, None]}}))


def test_purposes_above() -> None:
    """A purpose with its ancestors; an unknown one has none."""
    assert purposes_above(inn(), "service.stay") == {"service.stay", "service"}
    assert purposes_above(inn(), "nonsense") == frozenset()
