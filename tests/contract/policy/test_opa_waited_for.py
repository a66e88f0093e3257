"""A vault over a real OPA: who waits for it, and who does not."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.asking import ServiceRequests
from privet.bootstrap.vault import Vault
from privet.config.catalogue import load_catalogue
from privet.decide.bundle import build_bundle
from privet.domain.answer import Refusal, View
from privet.errors import AccessDenied, Unavailable
from tests.contract.policy.relay import MAIL, SERVICE, Relay, guest, in_thread, name_opa
from tests.contract.policy.signed import start_signed
from tests.invariants.world import PASSPHRASE, make_template

pytestmark = pytest.mark.opa


def test_while_opa_thinks_others_read_and_write(vault: Vault, relay: Relay) -> None:
    """A new question waits at OPA for seconds: known reads and the steward's writes go on, no transaction is held."""
    who = guest(vault, 1)
    desk, mailer = vault.service("front-desk"), vault.service("mailer")
    assert desk.fetch(who, **SERVICE)["given_name"] == "Ada"
    relay.open.clear()
    while relay.waiting.acquire(blocking=False):
        pass
    thread, said = in_thread(lambda: mailer.fetch(who, **MAIL))
    assert relay.waiting.acquire(timeout=20)
    start = time.monotonic()
    for _ in range(20):
        assert desk.fetch(who, **SERVICE)["given_name"] == "Ada"
    vault.customer(who).restrict()
    vault.customer(who).unrestrict()
    assert time.monotonic() - start < 15
    assert thread.is_alive()
    relay.open.set()
    thread.join(20)
    assert isinstance(said[0], AccessDenied)
    assert said[0].reasons == ("consent_required",)


def test_what_changed_while_opa_thought_is_what_counts(vault: Vault, relay: Relay) -> None:
    """She withdraws while OPA is asked about her consent: the read, decided after that, is refused."""
    who = guest(vault, 1)
    vault.customer(who).consent("marketing.email")
    relay.open.clear()
    while relay.waiting.acquire(blocking=False):
        pass
    thread, said = in_thread(lambda: vault.service("mailer").fetch(who, **MAIL))
    assert relay.waiting.acquire(timeout=20)
    vault.customer(who).withdraw("marketing.email")
    relay.open.set()
    thread.join(20)
    assert isinstance(said[0], AccessDenied)


def test_a_batch_leaves_out_what_must_be_asked(vault: Vault, relay: Relay) -> None:
    """Known reads of a batch are released at once; those left out are answered apart, and each has one leaf."""
    people = [guest(vault, number) for number in range(6)]
    desk = vault.service("front-desk")
    pipeline = vault.parts.pipeline
    desk.fetch(people[0], **SERVICE)
    vault.customer(people[2]).restrict()
    before = vault.parts.store.log.size()
    requests = ServiceRequests(vault.parts, "front-desk").fetch_many(people, **SERVICE)
    found = pipeline.read_known(requests)
    assert [read is None for read in found] == [False, False, True, False, False, False]
    assert vault.parts.store.log.size() == before + 5
    answers = desk.fetch_many(people, **SERVICE)
    assert [type(answer) for answer in answers] == [View, View, Refusal, View, View, View]
    assert len({answer.audit_id for answer in answers}) == 6
    assert vault.parts.store.log.size() == before + 11


def test_a_write_that_must_be_asked_holds_nothing(vault: Vault, relay: Relay) -> None:
    """A first put waits at OPA; meanwhile reads go on, and it is written in the end."""
    who = guest(vault, 1)
    desk = vault.service("front-desk")
    desk.fetch(who, **SERVICE)
    relay.open.clear()
    while relay.waiting.acquire(blocking=False):
        pass
    shop = vault.service("web-shop")
    thread, said = in_thread(lambda: shop.put(who, {"notes": "late"}, purpose="enrolment"))
    assert relay.waiting.acquire(timeout=20)
    start = time.monotonic()
    assert desk.fetch(who, **SERVICE)["given_name"] == "Ada"
    assert time.monotonic() - start < 15
    assert thread.is_alive()
    relay.open.set()
    thread.join(20)
    assert isinstance(said[0], str)


def test_many_threads_ask_opa_each_question_once(vault: Vault, relay: Relay) -> None:
    """64 threads, the same new read at once: OPA is asked about the person and about nobody, once each at most."""
    who = guest(vault, 1)
    desk = vault.service("front-desk")
    before = relay.decisions()
    barrier = threading.Barrier(64)
    values: list[Any] = []

    def read() -> None:
        barrier.wait()
        values.append(desk.fetch(who, **SERVICE)["given_name"])

    threads = [threading.Thread(target=read) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert values == ["Ada"] * 64
    assert relay.decisions() - before <= 2


@pytest.mark.postgres
def test_on_postgresql_too(postgres_url: str, opa_server: Any, tmp_path: Path) -> None:
    """A batch whose first try meets what must be asked leaves nothing behind: each read one leaf, the log whole."""
    directory = tmp_path / "vault"
    make_template(directory, postgres_url)
    running = start_signed(opa_server, build_bundle(load_catalogue(directory)), tmp_path)
    name_opa(directory, running.url)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        people = [guest(vault, number) for number in range(6)]
        desk = vault.service("front-desk")
        desk.fetch(people[0], **SERVICE)
        vault.customer(people[2]).restrict()
        store = vault.parts.store
        store.sequence()
        before = store.log.size()
        answers = desk.fetch_many(people, **SERVICE)
        assert [type(answer) for answer in answers] == [View, View, Refusal, View, View, View]
        running.kill()
        with pytest.raises(AccessDenied) as caught:
            vault.service("mailer").fetch(people[0], **MAIL)
        assert caught.value.reasons == ("engine_error",)
        store.sequence()
        assert store.log.size() == before + 7
        assert vault.officer("ana").audit.verify().ok


def test_when_no_answer_ever_helps_it_ends(
    vault: Vault, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever OPA says is lost each time: read and write end, refused with engine_timeout, each with its leaf."""
    who = guest(vault, 1)
    monkeypatch.setattr(vault.parts.engine, "recall", lambda inputs: [None] * len(inputs))
    monkeypatch.setattr(vault.parts.judge, "ask", lambda questions: {})
    with pytest.raises(AccessDenied) as caught:
        vault.service("front-desk").fetch(who, **SERVICE)
    assert caught.value.reasons == ("engine_timeout",)
    assert caught.value.audit_id
    with pytest.raises(AccessDenied) as denied:
        vault.service("web-shop").put(who, {"notes": "late"}, purpose="enrolment")
    assert denied.value.audit_id


def test_a_batch_that_fails_as_a_whole_still_asks(
    vault: Vault, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a batch fails it: the others are read one by one, those that must be asked as well."""
    people = [guest(vault, number) for number in range(4)]
    desk = vault.service("front-desk")
    vault.customer(people[3]).restrict()
    pipeline = vault.parts.pipeline
    real = pipeline.load
    failed: list[int] = []

    def load(requests: Any, *more: Any, **named: Any) -> Any:
        if len(requests) > 1 and not failed:
            failed.append(1)
            raise Unavailable("the disk")
        return real(requests, *more, **named)

    monkeypatch.setattr(pipeline, "load", load)
    answers = desk.fetch_many(people, **SERVICE)
    assert failed
    assert [type(answer) for answer in answers] == [View, View, View, Refusal]
