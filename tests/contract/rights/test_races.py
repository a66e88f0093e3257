"""Rights against writers that never pause: a no is never undone, never lost, and never fails for a conflict."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from privet.bootstrap.vault import Vault
from privet.domain.request import By
from privet.errors import AccessDenied, NotFound, PrivetError
from privet.intake.amendment import Amendment, Held
from tests.contract.rights.conftest import House


class Worker(threading.Thread):
    """Does one thing until told to stop; keeps what it must not have raised."""

    def __init__(self, act: Callable[[int], object], expected: tuple[type[Exception], ...] = ()) -> None:
        super().__init__(daemon=True)
        self._act = act
        self._expected = expected
        self._stop_asked = threading.Event()
        self.failures: list[BaseException] = []
        self.done = 0

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._act(self.done)
            except self._expected:
                pass
            except BaseException as failure:  # noqa: BLE001  a thread's failure is the test's
                self.failures.append(failure)
                return
            self.done += 1

    def finish(self) -> None:
        self._stop_asked.set()
        self.join(timeout=30)
        assert not self.is_alive()
        assert self.failures == []
        assert self.done > 0


def putter(vault: Vault, who: By) -> Callable[[int], object]:
    desk = vault.service("front-desk")
    return lambda turn: desk.put(
        who, {"given_name": f"Ada {turn}", "room.bed": ("king", "twin")[turn % 2]}, purpose="stay"
    )


def test_puts_from_elsewhere_never_undo_a_withdrawal(house: House) -> None:
    """While another process writes without a pause, each withdrawal holds from its return on, and none fails."""
    who = house.guest()
    me = house.customer(who)
    with house.second() as elsewhere:
        worker = Worker(putter(elsewhere, who))
        reader = elsewhere.service("mailer")
        worker.start()
        for _ in range(12):
            me.consent("marketing.email")
            assert reader.fetch(who, purpose="marketing.email", fields=["email"])["email"] == who.value
            me.withdraw("marketing.email")
            with pytest.raises(AccessDenied):
                reader.fetch(who, purpose="marketing.email", fields=["email"])
        worker.finish()
    assert len(me.receipts()) == 24


def test_consents_of_two_sessions_are_all_in_the_ledger(house: House) -> None:
    """Two sessions choose at once: no entry is lost or doubled, and the fold is the last one."""
    who = house.guest()
    rounds = 10
    with house.second() as elsewhere:
        others = elsewhere.customer(who)

        def choose(turn: int) -> None:
            others.consent("surveys") if turn % 2 else others.consent("meals")

        worker = Worker(lambda turn: choose(turn) if turn < rounds else None)
        worker.start()
        me = house.customer(who)
        for _ in range(rounds):
            me.consent("marketing.email")
        while worker.done < rounds and worker.is_alive():
            pass
        worker.finish()
    assert len(house.customer(who).receipts()) == 2 * rounds


def test_nothing_comes_between_load_and_commit(house: House) -> None:
    """A withdrawal that starts while another act has her row loaded waits for it; then both stand."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    amendments = house.rights.amendments
    with house.second() as elsewhere:
        other = elsewhere.customer(who)
        late = threading.Thread(target=lambda: other.withdraw("marketing.email"), daemon=True)

        def change(held: Held) -> Amendment[None]:
            if not late.is_alive():
                late.start()
            late.join(timeout=0.3)
            assert late.is_alive()
            held.working.set_facts(replace(held.facts, objected=frozenset({"surveys"})))
            entry = amendments.scribe.act(
                "object", "done", {"actor": "customer"}, keys=held.keys, subject=subject
            )
            return Amendment(result=None, entry=entry)

        amendments.amend(subject, change)
        late.join(timeout=30)
    assert me.profile().objected == ("surveys",)
    assert [line.act for line in me.accesses()][:4] == ["access", "access", "withdraw", "object"]
    with pytest.raises(AccessDenied):
        house.mail(who)


def test_erasure_wins_over_writers(house: House) -> None:
    """Writers who know her only by pairwise id cannot bring her back: erased stays erased."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    desk = house.vault.service("front-desk")
    known = desk.fetch(who, purpose="stay", fields=["given_name"]).subject
    with house.second() as elsewhere:
        other = elsewhere.service("front-desk")
        worker = Worker(
            lambda turn: other.record(
                known, "stays", {"arrived": "2026-01-01", "booking": f"b{turn}", "room": "1"}, purpose="stay"
            ),
            expected=(PrivetError,),
        )
        worker.start()
        while worker.done < 5 and worker.is_alive():
            pass
        me.erase()
        worker.finish()
    with pytest.raises(NotFound):
        house.customer(who)
    for table in ("subject", "record", "lookup", "consent"):
        assert house.row(f"SELECT count(*) FROM {table} WHERE subject = :s", s=subject)[0] == 0
