"""In which order things become durable, and what is left when one of them fails."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from privet.domain.ids import SubjectId
from privet.errors import AccessDenied, NotFound, Unavailable
from tests.contract.rights.conftest import House


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, owner: object, method: str) -> Iterator[None]:
    """For as long as the body runs, this method of a real part says that the disk is full."""

    def full(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(owner), method, full)
        yield


def journaled(house: House, subject: SubjectId) -> list[tuple[str, str]]:
    return [
        (record.act, record.purpose)
        for record in house.vault.parts.journal.records()
        if record.subject == subject
    ]


def test_what_cannot_be_journaled_is_not_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the journal's disk full, a withdrawal, a restriction and an erasure fail and change nothing."""
    who = house.guest()
    me = house.customer(who)
    me.consent("marketing.email")
    with failing(monkeypatch, house.vault.parts.journal, "append"):
        for act in (
            lambda: me.withdraw("marketing.email"),
            me.restrict,
            lambda: me.object("marketing"),
            me.erase,
        ):
            with pytest.raises(Unavailable):
                act()
    profile = me.profile()
    assert not profile.restricted
    assert profile.objected == ()
    assert house.mail(who) == who.value


def test_the_journal_has_every_control_in_order_and_none_that_failed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails before its commit leaves no line; what is done leaves one, in the order it was done."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    me.restrict()
    before = journaled(house, subject)
    with failing(monkeypatch, house.vault.parts.sealer, "store"):
        with pytest.raises(Unavailable):
            me.unrestrict()
        with pytest.raises(Unavailable):
            me.withdraw("marketing.email")
    assert journaled(house, subject) == before
    me.withdraw("marketing.email")
    me.object("marketing")
    me.unobject("marketing")
    me.unrestrict()
    assert journaled(house, subject)[len(before) :] == [
        ("withdraw", "marketing.email"),
        ("object", "marketing"),
        ("unobject", "marketing"),
        ("unrestrict", ""),
    ]


def test_a_consent_is_not_journaled(house: House) -> None:
    """A restore may lose a consent, never a withdrawal."""
    who = house.guest()
    house.customer(who).consent("marketing.email")
    assert journaled(house, house.subject(who)) == []


def test_an_erasure_that_stopped_half_way_is_completed_by_asking_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keypack unwritable: nothing is erased. Remains not folded: erased, said to be unfinished, then the same id."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    with failing(monkeypatch, house.vault.parts.keypack, "forget"), pytest.raises(Unavailable):
        me.erase()
    assert me.profile()["given_name"] == "Ada"
    with failing(monkeypatch, house.vault.parts.store, "checkpoint_files"), pytest.raises(Unavailable):
        me.erase()
    with pytest.raises(NotFound):
        me.profile()
    tombstone = me.erase()
    assert me.erase() == tombstone
    assert ("erase", "") in journaled(house, subject)


def test_nothing_is_shown_that_was_not_logged(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log cannot be written, she sees nothing, and no consent or flag changes."""
    who = house.guest()
    me = house.customer(who)
    with house.vault.parts.store.read() as unit:
        assert unit.find_rows((house.subject(who),))
    with failing(monkeypatch, house.vault.parts.scribe, "entries"):
        for act in (me.profile, me.accesses, me.consents, me.receipts, me.restrict):
            with pytest.raises(Unavailable):
                act()
        with pytest.raises(Unavailable):
            me.consent("marketing.email")
    assert not me.profile().restricted
    with pytest.raises(AccessDenied):
        house.mail(who)
