"""Invariant 2: nothing is released that the row as loaded does not permit, nor after a withdrawal has returned."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

import privet
from privet.errors import AccessDenied, Unavailable
from privet.release import pipeline
from tests.invariants.conftest import Make
from tests.invariants.workers import VARIANTS, Worker, choose, read_without_pause
from tests.invariants.world import Place, World

READERS = 2
TIGHTEN = {"withdraw": ("marketing.email",), "object": ("marketing",), "restrict": ()}
LOOSEN = {"consent": ("marketing.email",), "unobject": ("marketing",), "unrestrict": ()}
UNDOES = {"withdraw": "consent", "object": "unobject", "restrict": "unrestrict"}


class Race:
    """Readers and choosers in processes of their own, on one vault."""

    def __init__(self, place: Place, variant: str) -> None:
        self.world = World(place=place, vault=place.open(), clock=None)  # type: ignore[arg-type]
        self.readers = [Worker(read_without_pause, place.directory, variant) for _ in range(READERS)]
        self.choosers = [Worker(choose, place.directory) for _ in range(2)]
        for worker in (*self.readers, *self.choosers):
            worker.expect()
        self.reads = 0
        self.caught: list[str] = []

    def end(self) -> None:
        for worker in (*self.readers, *self.choosers):
            worker.end()
        self.world.vault.close()


def machine(race: Race) -> type[RuleBasedStateMachine]:
    """The state machine over one race: choices by two processes while two others read without a pause."""

    class Choices(RuleBasedStateMachine):
        @initialize()
        def meet(self) -> None:
            self.address = race.world.guest().value
            self.denied = {"withdraw": True, "object": False, "restrict": False}
            self.spans: list[tuple[int, int, bool]] = []
            self.since = time.monotonic_ns()
            for reader in race.readers:
                assert reader.ask(self.address) == "going"

        def _act(self, method: str, arguments: tuple[str, ...], who: int, denied: bool, name: str) -> None:
            start, end = race.choosers[who].ask((self.address, method, arguments))
            # What held before holds for reads that were over when this began.
            self.spans.append((self.since, start, not any(self.denied.values())))
            self.denied[name] = denied
            self.since = end

        @rule(who=st.integers(0, 1), name=st.sampled_from(sorted(TIGHTEN)))
        def tighten(self, who: int, name: str) -> None:
            self._act(name, TIGHTEN[name], who, True, name)

        @rule(who=st.integers(0, 1), name=st.sampled_from(sorted(TIGHTEN)))
        def loosen(self, who: int, name: str) -> None:
            method = UNDOES[name]
            self._act(method, LOOSEN[method], who, False, name)

        @precondition(lambda self: any(self.denied.values()))
        @rule(who=st.integers(0, 1))
        def permit(self, who: int) -> None:
            for name in [name for name, denied in self.denied.items() if denied]:
                self.loosen(who, name)
            time.sleep(0.03)

        @precondition(lambda self: not any(self.denied.values()))
        @rule(who=st.integers(0, 1))
        def withdraw(self, who: int) -> None:
            time.sleep(0.03)
            self.tighten(who, "withdraw")
            time.sleep(0.01)

        def teardown(self) -> None:
            if not hasattr(self, "spans"):
                return
            time.sleep(0.02)
            self.spans.append((self.since, time.monotonic_ns(), not any(self.denied.values())))
            seen = [read for reader in race.readers for read in reader.ask("stop")]
            race.reads += len(seen)
            for start, end, permitted in self.spans:
                for began, ended, released in seen:
                    if began > start and ended < end and released != permitted:
                        what = "was refused" if permitted else "saw the value"
                        race.caught.append(
                            f"a read {(began - start) / 1e6:.1f} ms after the last choice had returned {what}"
                        )
            assert race.caught == []

    return Choices


@contextmanager
def racing(place: Place, variant: str) -> Iterator[Race]:
    race = Race(place, variant)
    try:
        yield race
    finally:
        race.end()


def run(race: Race, examples: int) -> None:
    run_state_machine_as_test(
        machine(race),
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=8,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


@pytest.mark.slow
def test_no_read_after_a_withdrawal_sees_the_value(place: Place) -> None:
    """Two processes choose while two read: what a read gives is always what the last returned choice says."""
    with racing(place, "sound") as race:
        run(race, 12)
        assert race.reads > 100


@pytest.mark.slow
@pytest.mark.parametrize("variant", sorted(set(VARIANTS) - {"sound"}))
def test_the_race_catches_a_broken_vault(place: Place, variant: str) -> None:
    """The same test fails for a vault that caches facts, loads outside the unit or forgets consent in the memo."""
    with racing(place, variant) as race, pytest.raises((AssertionError, hypothesis.errors.Flaky)):
        run(race, 40)
    assert race.caught


def test_the_very_next_read_elsewhere_is_refused(place: Place) -> None:
    """In strict turns over two processes: consent, seen at once; withdrawal, seen at once."""
    with racing(place, "sound") as race:
        world = race.world
        who = world.guest()
        mailer = world.service("mailer")
        for turn in range(10):
            race.choosers[turn % 2].ask((who.value, "consent", ("marketing.email",)))
            assert mailer.fetch(who, purpose="marketing.email", fields=["email"])["email"] == who.value
            race.choosers[1 - turn % 2].ask((who.value, "withdraw", ("marketing.email",)))
            with pytest.raises(AccessDenied):
                mailer.fetch(who, purpose="marketing.email", fields=["email"])
            assert mailer.find(email=who.value, purpose="marketing.email") is None


class Slow:
    """A store whose commits are followed by something, and seem to take `seconds`."""

    def __init__(self, real: Any, clock: list[float], seconds: float, meanwhile: Callable[[], None]) -> None:
        self._real, self._clock, self._seconds, self._meanwhile = real, clock, seconds, meanwhile
        self.commits = 0

    @contextmanager
    def write(self, *, wait: bool = True) -> Iterator[Any]:
        with self._real.write(wait=wait) as unit:
            yield unit
        self.commits += 1
        self._clock[0] += self._seconds
        self._meanwhile()


def slowed(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float, meanwhile: Callable[[], None]
) -> Slow:
    clock = [0.0]
    slow = Slow(world.vault.parts.store, clock, seconds, meanwhile)
    monkeypatch.setattr(world.vault.parts.pipeline, "_store", slow)
    monkeypatch.setattr(pipeline, "monotonic", lambda: clock[0])
    return slow


@pytest.mark.parametrize("batch", [1, 3])
def test_a_slow_commit_is_decided_again(shared: World, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """A batch whose commit took more than two seconds is decided anew: what was withdrawn meanwhile is refused."""
    who = shared.guest()
    me = shared.customer(who)
    me.consent("marketing.email")
    turns: list[object] = []

    def withdraw() -> None:
        if not turns:
            me.withdraw("marketing.email")
            slow._seconds = 0.1
        turns.append(1)

    slow = slowed(shared, monkeypatch, 2.1, withdraw)
    answers = shared.service("mailer").fetch_many([who] * batch, purpose="marketing.email", fields=["email"])
    assert slow.commits == 2
    assert all(isinstance(answer, privet.Refusal) for answer in answers)
    assert all(answer.reasons == ("consent_required",) for answer in answers)  # type: ignore[union-attr]


def test_a_commit_within_two_seconds_stands(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision of less than two seconds ago is acted on, without another round."""
    who = shared.guest()
    slow = slowed(shared, monkeypatch, 1.9, lambda: None)
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    assert (view["given_name"], slow.commits) == ("Ada", 1)


def test_a_disk_that_is_always_slow_releases_nothing(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When every commit takes too long the read ends in Unavailable, and every try is in the log."""
    who = shared.guest()
    before = len(shared.log())
    slow = slowed(shared, monkeypatch, 5.0, lambda: None)
    with pytest.raises(Unavailable):
        shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    monkeypatch.undo()
    assert len(shared.log()) - before == slow.commits == 3


def test_a_pause_holds_in_other_processes_at_once(place: Place) -> None:
    """What an officer pauses here is refused there from the moment the pause has returned, and back on resume."""
    with place.open() as vault, place.open() as elsewhere:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        who = world.guest()
        desk = elsewhere.service("front-desk")
        ana = vault.officer("ana")
        for paused in ("stay", "front-desk"):
            assert desk.fetch(who, purpose="stay", fields=["given_name"])["given_name"] == "Ada"
            ana.pause(paused)
            with pytest.raises(AccessDenied):
                desk.fetch(who, purpose="stay", fields=["given_name"])
            ana.resume(paused)


def test_a_catalogue_replaced_elsewhere_stops_this_process(make_place: Make) -> None:
    """When another process has adopted a stricter catalogue, this one releases nothing under the old."""
    place = make_place("sqlite")
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        who = world.guest()
        file = place.directory / "catalogue.yaml"
        text = file.read_text().replace("category: pd:Name, allow: [stay, ", "category: pd:Name, allow: [")
        assert text != file.read_text()
        file.write_text(text)
        with place.open() as elsewhere, pytest.raises(AccessDenied):
            elsewhere.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
        with pytest.raises(Unavailable):
            vault.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
