"""A real OPA that goes, comes back, or holds another policy: who is served meanwhile, and how soon after."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from privet.decide.bundle import build_bundle, write_bundle
from privet.decide.engines import open_engine
from privet.decide.opa import OpaEngine
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.decide.remote_memo import RemoteMemoEngine
from privet.decide.watch import FRESH_S, RevisionWatch
from privet.domain.decision import PolicyEngine, Reason
from privet.errors import Unavailable
from tests.contract.policy.catalogues import drawn, inn
from tests.contract.policy.test_opa_hostile import ALLOW, body, decision, reason, result, server
from tests.services.parts import spare_port

pytestmark = pytest.mark.opa

BUNDLE = build_bundle(inn())
OTHER_BUNDLE = build_bundle(drawn(3))
DESK = canonical_input(Asked("front-desk", "read", "service", ("given_name",)), PHANTOM)
MAIL = canonical_input(Asked("front-desk", "read", "service", ("email",)), PHANTOM)


def ask(number: int) -> bytes:
    return canonical_input(Asked("front-desk", "read", "service", ("given_name", f"f{number}")), PHANTOM)


def until(holds: Callable[[], bool], seconds: float) -> float:
    """Waits until it holds; how long that took."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < seconds, "it never did"
        time.sleep(0.01)
    return time.monotonic() - start


@pytest.fixture
def running(opa_server: Callable[..., Any], tmp_path: Path) -> Any:
    return opa_server(write_bundle(BUNDLE, tmp_path / "b.tar.gz"))


def opened(url: str, timeout: float = 2) -> PolicyEngine:
    return open_engine(BUNDLE, "opa", opa_url=url, opa_timeout=timeout)


def test_remembered_decisions_serve_only_while_the_revision_was_lately_seen(running: Any) -> None:
    """With OPA killed, misses are refused at once and hits once the last check is a second old; then it comes back."""
    engine = opened(running.url)
    assert engine.decide([DESK])[0].released
    running.kill()
    killed = time.monotonic()
    assert engine.recall([DESK])[0] is not None
    assert reason(engine, MAIL) == "engine_error"
    served = killed
    while (at := time.monotonic()) < killed + 30 and engine.recall([DESK])[0] is not None:
        served = at
    assert served - killed <= FRESH_S
    assert reason(engine) == "engine_error"
    running.start()
    until(lambda: engine.decide([MAIL])[0].released, 20)
    assert engine.recall([DESK, MAIL]) == engine.decide([DESK, MAIL])
    engine.close()


def test_it_is_back_soon_after_a_long_absence(running: Any) -> None:
    """Away for seconds; once it answers again, decisions are served soon, and nobody had to ask for it.

    Tried twice a second, however long it was away. In one of three tries: a busy machine starts OPA slowly.
    """
    engine = opened(running.url)
    assert engine.decide([DESK])[0].released
    took = []
    for _ in range(3):
        running.kill()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            engine.decide([DESK, MAIL])
            time.sleep(0.05)
        running.start()
        took.append(until(lambda: engine.recall([DESK])[0] is not None, 30))
        if took[-1] < 3.5:
            break
    assert min(took) < 3.5
    engine.close()


def test_while_it_is_away_nobody_waits(running: Any) -> None:
    """After three failures, denials cost next to nothing: hundreds in far less than one timeout each."""
    engine = opened(running.url)
    running.kill()
    for number in range(4):
        engine.decide([ask(number)])
    start = time.monotonic()
    for number in range(300):
        assert reason(engine, ask(number)) in {"engine_error", "engine_timeout"}
    assert time.monotonic() - start < 60
    engine.close()


def test_used_decisions_never_wait_for_a_check(running: Any) -> None:
    """For three seconds of use every hit is served at once: the revision is checked again before it is too old.

    In one of three tries: a busy machine may not run the checking thread in time.
    """
    engine = opened(running.url)
    misses = []
    for _ in range(3):
        engine.decide([DESK])
        end = time.monotonic() + 3
        missed = 0
        while time.monotonic() < end:
            missed += engine.recall([DESK])[0] is None
            time.sleep(0.002)
        misses.append(missed)
        if not missed:
            break
    assert 0 in misses
    engine.close()


def test_another_revision_denies_everything_until_they_agree(
    running: Any, opa_server: Callable[..., Any], tmp_path: Path
) -> None:
    """OPA is restarted with another catalogue: revision_mismatch for new and remembered alike; and back again."""
    engine = opened(running.url)
    assert engine.decide([DESK])[0].released
    running.restart(write_bundle(OTHER_BUNDLE, tmp_path / "other.tar.gz"))
    until(lambda: engine.recall([DESK])[0] is None, FRESH_S + 0.5)
    until(lambda: engine.assure() == "revision_mismatch", 2)
    assert reason(engine) == "revision_mismatch"
    assert reason(engine, MAIL) == "revision_mismatch"
    running.restart(write_bundle(BUNDLE, tmp_path / "again.tar.gz"))
    until(lambda: engine.decide([DESK])[0].released, 5)
    assert engine.decide([MAIL])[0].released
    engine.close()


def test_it_does_not_open_on_another_revision(opa_server: Callable[..., Any], tmp_path: Path) -> None:
    """The error names both revisions, and what to do."""
    running = opa_server(write_bundle(OTHER_BUNDLE, tmp_path / "b.tar.gz"))
    with pytest.raises(Unavailable) as caught:
        opened(running.url)
    said = str(caught.value)
    assert BUNDLE.revision in said
    assert OTHER_BUNDLE.revision in said
    assert "privet policy bundle" in said


def test_it_does_not_open_without_the_right_token(opa_server: Callable[..., Any], tmp_path: Path) -> None:
    """OPA answers 401: that does not mend itself, so the vault says so at once."""
    running = opa_server(write_bundle(BUNDLE, tmp_path / "b.tar.gz"), token="right")
    with pytest.raises(Unavailable, match=r"policy\.token_file"):
        opened(running.url)


def test_it_does_not_open_on_an_opa_without_policy(opa_server: Callable[..., Any], tmp_path: Path) -> None:
    """OPA runs, and has never heard of Privet."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".manifest").write_text('{"roots": ["elsewhere"]}')
    running = opa_server(tmp_path / "empty")
    with pytest.raises(Unavailable, match="none of Privet"):
        opened(running.url)


def test_it_opens_while_opa_is_away() -> None:
    """Nobody listens: it opens, and denies what it is asked."""
    engine = opened(f"http://127.0.0.1:{spare_port()}")
    assert reason(engine) == "engine_error"
    assert engine.assure() == "engine_error"
    engine.close()


def test_one_question_is_asked_once_however_many_ask_at_once() -> None:
    """64 threads ask the same two new questions at the same moment: OPA is asked each once, and all get its answer."""
    slow = threading.Event()

    def answer(handler: Any) -> None:
        if handler.path.endswith("/revision"):
            result(BUNDLE.revision)(handler)
        else:
            slow.wait(0.2)
            result(decision())(handler)

    with server(answer) as (url, seen):
        engine = opened(url)
        barrier = threading.Barrier(64)
        released: list[bool] = []

        def one() -> None:
            barrier.wait()
            released.append(engine.decide([DESK])[0].released)

        threads = [threading.Thread(target=one) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert released == [True] * 64
        assert sum(path.endswith("/decision") for _, path, _ in seen.requests) == 1
        engine.close()


def test_a_rush_of_new_questions_is_no_outage() -> None:
    """48 threads, each with a question of its own, an OPA that takes a moment: four under way at once, none refused."""
    under_way, most, guard = [0], [0], threading.Lock()

    def answer(handler: Any) -> None:
        if handler.path.endswith("/revision"):
            result(BUNDLE.revision)(handler)
            return
        with guard:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.03)
        with guard:
            under_way[0] -= 1
        asked = orjson.loads(handler.body)["input"]["fields"]
        result(decision(fields=dict.fromkeys(asked, ALLOW)))(handler)

    with server(answer) as (url, _):
        engine = opened(url, timeout=2)
        released: list[bool] = []
        threads = [
            threading.Thread(target=lambda n=n: released.append(engine.decide([ask(n)])[0].released))
            for n in range(48)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert released == [True] * 48
        assert 1 < most[0] <= 4
        engine.close()


def test_threads_that_ask_each_others_questions_do_not_lock() -> None:
    """Batches that overlap in both orders all end, each question asked once."""

    def answer(handler: Any) -> None:
        time.sleep(0.02)
        (result(BUNDLE.revision) if handler.path.endswith("/revision") else body(b"", status=500))(handler)

    with server(answer) as (url, _):
        engine = opened(url, timeout=1)
        batches = [[ask(1), ask(2), ask(3)], [ask(3), ask(2), ask(1)]] * 8
        threads = [threading.Thread(target=engine.decide, args=(batch,)) for batch in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
        assert isinstance(engine, RemoteMemoEngine)
        assert engine._flights == {}
        engine.close()


def test_many_threads_through_an_outage_are_answered_in_time(running: Any) -> None:
    """64 threads read while OPA is killed and comes back: every answer within the bound, right or refused."""
    timeout = 0.3
    engine = opened(running.url, timeout)
    engine.decide([DESK])
    slowest, wrong, stop = [0.0], [], threading.Event()

    def read(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            start = time.monotonic()
            both = engine.decide([DESK, ask(number * 10_000 + turn % 50)])
            slowest[0] = max(slowest[0], time.monotonic() - start)
            for said in both:
                reasons = {f.reason for f in said.fields.values()}
                if not reasons <= {"permitted", "unknown_field", "engine_error", "engine_timeout"}:
                    wrong.append(reasons)
            time.sleep(0.01)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    running.kill()
    time.sleep(1.5)
    running.start()
    until(lambda: engine.recall([DESK])[0] is not None, 20)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert slowest[0] < 2 * 4 * timeout + 8
    assert engine.decide([ask(1)])[0].released
    engine.close()


def test_a_check_counts_from_when_it_was_sent() -> None:
    """An answer that took 0.7 s vouches for 0.3 s more; an old one never makes a newer one older."""
    now = [10.0]
    watch = RevisionWatch(lambda: True, clock=lambda: now[0], background=False)
    watch.saw(9.3, ours=True)
    assert watch.is_fresh()
    now[0] = 10.25
    assert watch.is_fresh()
    now[0] = 10.31
    assert not watch.is_fresh()
    watch.saw(10.3, ours=True)
    watch.saw(9.9, ours=True)
    now[0] = 11.2
    assert watch.is_fresh()
    watch.saw(11.2, ours=False)
    assert not watch.is_fresh()
    assert watch.keeps_away() == Reason.REVISION_MISMATCH


def test_a_late_answer_does_not_vouch_for_a_policy_that_was_replaced() -> None:
    """Sent before OPA was seen with another revision, and answered after: remembered decisions stay refused."""
    now = [10.0]
    watch = RevisionWatch(lambda: True, clock=lambda: now[0], background=False)
    now[0] = 10.4
    watch.saw(10.2, ours=False)
    watch.saw(10.0, ours=True)
    assert not watch.is_fresh()
    assert watch.keeps_away() == Reason.REVISION_MISMATCH
    watch.saw(10.3, ours=True)
    assert watch.is_fresh()
    assert watch.keeps_away() is None


def test_a_thread_that_could_not_start_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system had none to give: nobody fails for it, and the checks begin once it has."""
    checked = threading.Event()

    def check() -> bool:
        checked.set()
        return True

    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    watch = RevisionWatch(check)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", fail)
        assert not watch.is_fresh()
    assert not watch.is_fresh()
    assert checked.wait(20)
    watch.close()


def test_a_check_that_breaks_is_made_again() -> None:
    """Whatever it raises: a thread that ended with it would leave each read to check for itself, for good."""
    turns: list[int] = []
    checked = threading.Event()

    def check() -> bool:
        turns.append(1)
        if len(turns) == 1:
            raise MemoryError
        checked.set()
        return True

    watch = RevisionWatch(check)
    assert not watch.is_fresh()
    assert checked.wait(20)
    watch.close()


def test_one_check_serves_all_who_wait() -> None:
    """32 threads need a check at the same time: one is made, when it succeeds and when it fails."""
    for broken in (False, True):
        checks: list[int] = []

        def answer(handler: Any, broken: bool = broken, checks: list[int] = checks) -> None:
            checks.append(1)
            time.sleep(0.2)
            (body(b"", status=500) if broken else result(BUNDLE.revision))(handler)

        with server(answer) as (url, _):
            engine = OpaEngine(BUNDLE, url, background=False)
            said: list[Reason | None] = []

            def ask_for_it(engine: OpaEngine = engine, said: list[Reason | None] = said) -> None:
                said.append(engine.assure())

            threads = [threading.Thread(target=ask_for_it) for _ in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert set(said) == {Reason.ENGINE_ERROR if broken else None}
            assert len(said) == 32
            assert len(checks) == 1
            engine.close()


def test_checks_stop_when_nobody_decides(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle vault asks OPA nothing; the next use waits for one check, and is served."""
    monkeypatch.setattr("privet.decide.watch.IDLE_S", 0.5)
    engine = OpaEngine(BUNDLE, running.url)
    memo = RemoteMemoEngine(engine)
    assert memo.decide([DESK])[0].released
    until(lambda: engine.watch._idle, 5)
    time.sleep(FRESH_S)
    assert memo.recall([DESK])[0] is None
    assert memo.decide([DESK])[0].released
    memo.close()
