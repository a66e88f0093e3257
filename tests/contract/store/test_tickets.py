"""Tickets: there once, changed only by who saw them last, gone when deleted or out of date, and after a restore."""

import threading

import pytest

from privet.domain.ids import Millis
from privet.domain.ports import Store, TicketRow
from privet.errors import Conflict

ONE = TicketRow(bytes(32), Millis(1_000), b"one")
TWO = TicketRow(b"\x01" * 32, Millis(2_000), b"two")


def test_a_ticket_is_there_once(store: Store) -> None:
    """A second of the same id is a Conflict, and the first stays."""
    with store.write() as unit:
        unit.insert_ticket(ONE)
    with pytest.raises(Conflict), store.write() as unit:
        unit.insert_ticket(ONE._replace(sealed=b"other"))
    with store.read() as unit:
        assert unit.find_ticket(ONE.id) == ONE
        assert unit.find_ticket(TWO.id) is None


def test_a_ticket_changes_only_as_it_was_seen(store: Store) -> None:
    """Compare-and-swap by what is sealed: the slower of two writers hears Conflict."""
    after = ONE._replace(until=Millis(3_000), sealed=b"later")
    with store.write() as unit:
        unit.insert_ticket(ONE)
    with store.write() as unit:
        unit.swap_ticket(ONE, after)
    with pytest.raises(Conflict), store.write() as unit:
        unit.swap_ticket(ONE, ONE._replace(sealed=b"mine"))
    with store.read() as unit:
        assert unit.find_ticket(ONE.id) == after


def test_of_two_that_take_a_ticket_one_gets_it(store: Store) -> None:
    """A sign-in code is good for one of two racing requests."""
    with store.write() as unit:
        unit.insert_ticket(ONE)
    got = []

    def take() -> None:
        with store.write() as unit:
            got.append(unit.delete_ticket(ONE.id))

    racing = [threading.Thread(target=take) for _ in range(2)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    assert sorted(got) == [False, True]


def test_tickets_out_of_date_are_swept(store: Store) -> None:
    """Those whose time ended before the moment, and no other."""
    with store.write() as unit:
        unit.insert_ticket(ONE)
        unit.insert_ticket(TWO)
    with store.write() as unit:
        assert unit.delete_tickets_before(Millis(2_000)) == 1
    with store.read() as unit:
        assert unit.find_ticket(ONE.id) is None
        assert unit.find_ticket(TWO.id) == TWO


def test_a_restore_brings_no_ticket_back(store: Store) -> None:
    """When a log is restarted, sessions and codes of the copy are gone."""
    with store.write() as unit:
        unit.insert_ticket(ONE)
    store.restart_log("privet.example.org/again")
    with store.read() as unit:
        assert unit.find_ticket(ONE.id) is None
