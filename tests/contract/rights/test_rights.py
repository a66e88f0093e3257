"""Access, correction, restriction, objection: through a whole vault, hostile cases first."""

from datetime import UTC, date, datetime

import pytest

from privet.domain.request import by
from privet.errors import AccessDenied, IntegrityError, InvalidInput, NotFound
from privet.intake.amendment import Amendment, Held
from tests.contract.rights.conftest import DAY, House


def stay(house: House, who: object) -> object:
    return house.vault.service("front-desk").fetch(
        who,  # type: ignore[arg-type]
        purpose="stay",
        fields=["given_name"],
    )["given_name"]


def test_guessing_codes_ends_the_correction(house: House) -> None:
    """Five wrong codes kill it: then the right one is wrong too, and the old address stands."""
    who = house.guest()
    me = house.customer(who)
    code = me.correct({"email": f"x{who.value}"}).pending["email"]
    for _ in range(5):
        with pytest.raises(InvalidInput):
            me.confirm("email", "0000-0000")
    with pytest.raises(InvalidInput):
        me.confirm("email", code)
    assert me.profile()["email"] == who.value
    assert me.profile().pending == ()


def test_a_wrong_code_is_remembered_though_it_failed(house: House) -> None:
    """Tries are counted durably: four wrong ones and then the right one is fine, and each is in her log."""
    who = house.guest()
    me = house.customer(who)
    code = me.correct({"email": f"x{who.value}"}).pending["email"]
    for _ in range(4):
        with pytest.raises(InvalidInput):
            me.confirm("email", "WRONG")
    me.confirm("email", code.lower().replace("-", " "))
    assert [line.decision for line in me.accesses() if line.act == "correct"].count("failed") == 4


def test_a_code_is_for_its_field_and_person_only(house: House) -> None:
    """One person's code, or another field's, proves nothing."""
    one, other = house.guest(), house.guest()
    code = house.customer(one).correct({"email": f"x{one.value}", "phone": "+351210000001"}).pending
    house.customer(other).correct({"email": f"x{other.value}"})
    with pytest.raises(InvalidInput):
        house.customer(other).confirm("email", code["email"])
    with pytest.raises(InvalidInput):
        house.customer(one).confirm("email", code["phone"])


def test_a_code_runs_out(house: House) -> None:
    """After two days it proves nothing, and nothing is pending."""
    who = house.guest()
    me = house.customer(who)
    code = me.correct({"email": f"x{who.value}"}).pending["email"]
    house.clock.ahead = 2 * DAY + 60_000
    with pytest.raises(InvalidInput):
        me.confirm("email", code)
    assert me.profile().pending == ()


def test_the_old_address_stands_until_the_new_one_is_proved(house: House) -> None:
    """Pending: found by the old value only. Confirmed: by the new one only, and the profile says it."""
    who = house.guest()
    new = by(email=f"x{who.value}")
    me = house.customer(who)
    made = me.correct({"email": new.value, "given_name": "Augusta"})
    assert made.done == ("given_name",)
    assert made.pending["email"] not in repr(made)
    assert me.profile()["email"] == who.value
    assert me.profile().pending == ("email",)
    with pytest.raises(NotFound):
        house.customer(new)
    me.confirm("email", made.pending["email"])
    assert house.customer(new).profile()["email"] == new.value
    with pytest.raises(NotFound):
        house.customer(who)
    with pytest.raises(InvalidInput):
        me.confirm("email", made.pending["email"])


def test_whether_an_address_is_taken_is_told_only_to_who_holds_it(house: House) -> None:
    """Correcting to another customer's address looks like any other; only the proved one hears that it cannot be."""
    who, other = house.guest(), house.guest()
    me = house.customer(who)
    code = me.correct({"email": other.value}).pending["email"]
    with pytest.raises(InvalidInput):
        me.confirm("email", code)
    assert me.profile()["email"] == who.value
    assert house.customer(other).profile()["email"] == other.value


def test_another_spelling_of_her_address_needs_no_proof(house: House) -> None:
    """Who is found stays the same, so the verbatim value changes at once."""
    who = house.guest()
    me = house.customer(who)
    assert me.correct({"email": who.value.upper()}).done == ("email",)
    assert me.profile()["email"] == who.value.upper()


@pytest.mark.parametrize(
    "values",
    [
        {"given_name": 7},
        {"given_name": "a\x00b"},
        {"given_name": "\ud800"},
        {"given_name": "x" * 10_000_000},
        {"email": "no address"},
        {"nonsense": "x"},
        {"stays.room": "12"},
        {"room.bed": "water"},
        {},
    ],
)
def test_a_bad_value_changes_nothing(house: House, values: dict[str, object]) -> None:
    """InvalidInput, without the value, and the good values beside it are not stored either."""
    who = house.guest()
    me = house.customer(who)
    with pytest.raises(InvalidInput) as refused:
        me.correct({"allergies": ["nuts"], **values} if values else {})
    assert "water" not in str(refused.value)
    assert "no address" not in str(refused.value)
    assert "allergies" not in me.profile()


def test_the_last_value_she_is_found_by_cannot_be_cleared(house: House) -> None:
    """Else nobody, not even she, could reach her data again."""
    who = house.guest()
    me = house.customer(who)
    with pytest.raises(InvalidInput):
        me.correct({"email": None})
    house.vault.service("front-desk").put(who, {"phone": "+351210000002"}, purpose="stay")
    assert me.correct({"email": None}).done == ("email",)
    with pytest.raises(NotFound):
        house.customer(who)
    assert house.customer(by(phone="+351210000002")).profile()["given_name"] == "Ada"


def test_clearing_a_field_forgets_it(house: House) -> None:
    """None clears; again is no error."""
    who = house.guest(allergies=["nuts"])
    me = house.customer(who)
    assert me.correct({"allergies": None}).done == ("allergies",)
    assert me.correct({"allergies": None}).done == ("allergies",)
    assert "allergies" not in me.profile()


def test_restriction_refuses_every_service_until_it_is_lifted(house: House) -> None:
    """Idempotent both ways, and in force at once."""
    who = house.guest()
    me = house.customer(who)
    assert stay(house, who) == "Ada"
    me.restrict()
    me.restrict()
    assert me.profile().restricted
    with pytest.raises(AccessDenied):
        stay(house, who)
    me.unrestrict()
    me.unrestrict()
    assert stay(house, who) == "Ada"


def test_an_objection_covers_the_purposes_below(house: House) -> None:
    """Objecting to marketing refuses marketing.email although consent was given; taking it back permits again."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    me.object("marketing")
    me.object("marketing")
    assert me.profile().objected == ("marketing",)
    with pytest.raises(AccessDenied):
        house.mail(who)
    me.unobject("marketing")
    assert house.mail(who) == who.value


@pytest.mark.parametrize("purpose", ["accounts", "rescue", "nonsense", ""])
def test_there_is_no_objection_to_what_the_law_demands(house: House, purpose: str) -> None:
    """Legal obligation and vital interest: InvalidInput that says why; likewise an unknown purpose."""
    who = house.guest()
    with pytest.raises(InvalidInput):
        house.customer(who).object(purpose)
    assert house.customer(who).profile().objected == ()


def test_her_page_shows_everything_newest_first(house: House) -> None:
    """Profile, collections newest first, and no id that a service knows."""
    who = house.guest(allergies=["nuts", "Äpfel"])
    desk = house.vault.service("front-desk")
    for month in (3, 1, 2):
        desk.record(
            who,
            "stays",
            {"arrived": f"2026-0{month}-05", "booking": f"b{month}", "room": "12"},
            purpose="stay",
        )
    profile = house.customer(who).profile()
    assert profile["allergies"] == ["nuts", "Äpfel"]
    assert [record.time for record in profile.collections["stays"]] == [date(2026, m, 5) for m in (3, 2, 1)]
    known = desk.history(who, "stays", purpose="stay", fields=["room"])
    assert not {record.id for record in profile.collections["stays"]} & {record.id for record in known}


def test_who_saw_my_data_has_true_reasons_and_her_own_acts(house: House) -> None:
    """Every act on her, newest first, the true reason of each refusal, and nobody else's."""
    who, other = house.guest(), house.guest()
    me = house.customer(who)
    house.customer(other).profile()
    me.restrict()
    with pytest.raises(AccessDenied) as refused:
        stay(house, who)
    lines = me.accesses()
    assert [line.act for line in lines] == ["access", "read", "restrict", "put"]
    assert lines[1].audit_id == refused.value.audit_id
    assert lines[1].withheld == {"given_name": "restricted"}
    assert lines[1].service == "front-desk"
    assert lines[2].service == "customer"
    assert lines[3].fields == ("email", "given_name")
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)


def test_a_swapped_log_entry_is_named(house: House) -> None:
    """An entry of hers whose sealed part was replaced by another entry's raises, naming it."""
    who = house.guest()
    me = house.customer(who)
    me.profile()
    me.profile()
    last = [bytes.fromhex(line.audit_id) for line in me.accesses()][1:3]
    sealed = house.row("SELECT sealed FROM entry WHERE id = :i", i=last[0])[0]
    before = house.row("SELECT sealed FROM entry WHERE id = :i", i=last[1])[0]
    house.tamper("UPDATE entry SET sealed = :b WHERE id = :i", b=sealed, i=last[1])
    with pytest.raises(IntegrityError, match=last[1].hex()):
        me.accesses()
    house.tamper("UPDATE entry SET sealed = :b WHERE id = :i", b=before, i=last[1])


def test_an_entry_hidden_from_the_index_is_found_by_a_thorough_look(house: House) -> None:
    """Cutting a read's link to her, or linking it to another, hides it from her list, not from the whole log."""
    one, other = house.guest(), house.guest()
    stay(house, one)
    hidden = house.customer(one).accesses()[1].audit_id
    tag = house.row("SELECT tag FROM entry WHERE id = :i", i=bytes.fromhex(hidden))[0]
    for replacement in (None, bytes(32)):
        house.tamper("UPDATE entry SET tag = :t WHERE id = :i", t=replacement, i=bytes.fromhex(hidden))
        assert hidden not in {line.audit_id for line in house.customer(one).accesses()}
        assert hidden in {line.audit_id for line in house.customer(one).accesses(thorough=True)}
        assert hidden not in {line.audit_id for line in house.customer(other).accesses(thorough=True)}
    house.tamper("UPDATE entry SET tag = :t WHERE id = :i", t=tag, i=bytes.fromhex(hidden))


def test_retention_takes_what_has_run_out_and_no_more(house: House) -> None:
    """The bed goes after 30 days, the old stay after a year, each in her log; the rest stays; again finds nothing."""
    who = house.guest(**{"room.bed": "king"})
    desk = house.vault.service("front-desk")
    for day, booking in (("2020-05-05", "old"), (datetime.now(UTC).date().isoformat(), "new")):
        desk.record(who, "stays", {"arrived": day, "booking": booking, "room": "1"}, purpose="stay")
    house.clock.ahead = 31 * DAY
    swept = house.rights.retention.sweep()
    assert swept.subjects >= 1
    profile = house.customer(who).profile()
    assert "room.bed" not in profile
    assert profile["given_name"] == "Ada"
    assert [record["booking"] for record in profile.collections["stays"]] == ["new"]
    line = next(line for line in house.customer(who).accesses() if line.act == "retention")
    assert line.fields == ("room.bed",)
    assert house.rights.retention.sweep().subjects == 0


def test_a_correction_whose_code_ran_out_is_swept(house: House) -> None:
    """An address that was never proved, perhaps a stranger's, does not stay; one that still waits does."""
    who, other = house.guest(), house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.correct({"email": f"x{who.value}"})
    house.clock.ahead = 3 * DAY
    code = house.customer(other).correct({"email": f"x{other.value}"}).pending["email"]
    assert house.rights.retention.sweep().subjects >= 1

    def look(held: Held) -> Amendment[None]:
        assert held.facts.pending == {}
        entry = house.rights.amendments.scribe.act(
            "access", "done", {"actor": "customer"}, keys=held.keys, subject=subject
        )
        return Amendment(result=None, entry=entry)

    house.rights.amendments.amend(subject, look)
    assert house.rights.retention.sweep().subjects == 0
    line = next(line for line in me.accesses() if line.act == "retention")
    assert line.fields == ()
    assert me.profile()["email"] == who.value
    house.customer(other).confirm("email", code)


def test_a_value_may_run_out_before_its_record(house: House) -> None:
    """A wish is kept ten days, its stay a year: the record stays and opens without it, and takes a new one."""
    who = house.guest()
    desk = house.vault.service("front-desk")
    stay = {"arrived": datetime.now(UTC).date().isoformat(), "booking": "b", "room": "1", "wish": "a cot"}
    desk.record(who, "stays", stay, purpose="stay")
    house.rights.retention.sweep()
    assert house.customer(who).profile().collections["stays"][0]["wish"] == "a cot"
    house.clock.ahead = 12 * DAY
    house.rights.retention.sweep()
    held = house.customer(who).profile().collections["stays"][0]
    assert set(held.values) == {"arrived", "booking", "room"}
    line = next(line for line in house.customer(who).accesses() if line.act == "retention")
    assert line.fields == ("stays.wish",)
    desk.record(who, "stays", stay, purpose="stay")
    assert house.customer(who).profile().collections["stays"][0]["wish"] == "a cot"


def test_dropping_a_field_takes_it_from_everybody(house: House) -> None:
    """Of profiles and of records: afterwards nobody holds it, and all else stays. A record's time and key stay."""
    who, other = house.guest(allergies=["nuts"]), house.guest(allergies=["milk"])
    desk = house.vault.service("front-desk")
    desk.record(
        who, "stays", {"arrived": "2026-10-05", "booking": "b", "room": "1", "wish": "a cot"}, purpose="stay"
    )
    assert house.rights.retention.drop("allergies").fields >= 2
    house.rights.retention.drop("stays.wish")
    for someone in (who, other):
        assert "allergies" not in house.customer(someone).profile()
        assert house.customer(someone).profile()["given_name"] == "Ada"
    assert set(house.customer(who).profile().collections["stays"][0].values) == {"arrived", "booking", "room"}
    assert house.rights.retention.drop("allergies").subjects == 0
    for path in ("stays.arrived", "stays.booking", "nonsense", "stays"):
        with pytest.raises(InvalidInput):
            house.rights.retention.drop(path)


def test_dropping_a_look_up_field_forgets_whom_it_found(house: House) -> None:
    """Values and index rows both: the number finds nobody, though she is still there."""
    who = house.guest(phone="+351210000009")
    house.customer(who).correct({"phone": "+351210000010"})
    assert house.vault.steward().sweep(field="phone").subjects >= 1
    assert house.customer(who).profile().pending == ()
    with pytest.raises(NotFound):
        house.customer(by(phone="+351210000009"))
    assert "phone" not in house.customer(who).profile()


def test_a_legal_hold_stays_the_sweep(house: House) -> None:
    """Nothing is removed under a hold; it goes once that is lifted."""
    who = house.guest(**{"room.bed": "king"})
    steward = house.vault.steward()
    steward.hold(who, reason="a court asked")
    house.clock.ahead = 31 * DAY
    assert steward.sweep().held == 1
    assert "room.bed" in house.customer(who).profile()
    steward.release(who)
    steward.sweep()
    assert "room.bed" not in house.customer(who).profile()
