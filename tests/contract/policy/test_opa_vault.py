"""A vault over a real OPA: who waits for it, and what is refused while it is away or holds another policy."""

import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.asking import ServiceRequests
from privet.bootstrap.doctoring import examine
from privet.bootstrap.vault import Vault
from privet.config.catalogue import load_catalogue
from privet.decide.bundle import build_bundle
from privet.domain.answer import Refusal, View
from privet.domain.request import By, by
from privet.errors import AccessDenied, Unavailable
from tests.contract.policy.signed import TOKEN, start_signed, write_signed
from tests.contract.policy.test_opa_hostile import BUNDLE, Seen, server
from tests.contract.policy.test_opa_watch import until
from tests.invariants.world import PASSPHRASE, make_template

pytestmark = pytest.mark.opa

SERVICE: dict[str, Any] = {"purpose": "stay", "fields": ["given_name"]}
MAIL: dict[str, Any] = {"purpose": "marketing.email", "fields": ["email"]}


class Relay:
    """Stands before a real OPA, and can hold decisions back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.open = threading.Event()
        self.open.set()
        self.waiting = threading.Semaphore(0)
        self.seen = Seen()

    def __call__(self, handler: Any) -> None:
        if handler.path.endswith("/decision"):
            self.waiting.release()
            self.open.wait(20)
        inner = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        inner.request("POST", handler.path, handler.body, dict(handler.headers))
        answer = inner.getresponse()
        content = answer.read()
        inner.close()
        handler.send_response(answer.status)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)

    def decisions(self) -> int:
        return sum(path.endswith("/decision") for _, path, _ in self.seen.requests)


def name_opa(directory: Path, url: str, timeout_ms: int = 5_000) -> None:
    """The vault decides by the OPA there."""
    token = directory / "opa.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    settings = directory / "privet.toml"
    lines = [
        line for line in settings.read_text().splitlines() if not line.startswith(("engine", "timeout_ms"))
    ]
    at = lines.index("[policy]")
    lines[at + 1 : at + 1] = [
        'engine = "opa"', f'url = "{url}"', 'token_file = "opa.token"', f"timeout_ms = {timeout_ms}",
    ]  # fmt: skip
    settings.write_text("\n".join(lines) + "\n")


@pytest.fixture
def relay(opa_of_it: Any, directory: Path) -> Iterator[Relay]:
    found = Relay(opa_of_it.port)
    with server(found) as (url, seen):
        found.seen = seen
        name_opa(directory, url)
        yield found
        found.open.set()


@pytest.fixture
def vault(relay: Relay, directory: Path) -> Iterator[Vault]:
    with Vault.open(directory, passphrase=PASSPHRASE) as opened:
        yield opened


def guest(vault: Vault, number: int) -> By:
    who = by(email=f"guest{number}@example.org")
    vault.service("web-shop").put(who, {"given_name": "Ada"}, purpose="enrolment")
    return who


def in_thread(work: Any) -> tuple[threading.Thread, list[Any]]:
    """Starts it; what it returned or raised is in the list."""
    said: list[Any] = []

    def run() -> None:
        try:
            said.append(work())
        except Exception as error:  # noqa: BLE001 - told to the test
            said.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, said


def test_while_opa_thinks_others_read_and_write(vault: Vault, relay: Relay) -> None:
    """A new question waits at OPA for seconds: known reads and the steward's writes go on, no transaction is held."""
    who = guest(vault, 1)
    desk, mailer = vault.service("front-desk"), vault.service("mailer")
    assert desk.fetch(who, **SERVICE)["given_name"] == "Ada"
    relay.open.clear()
    while relay.waiting.acquire(blocking=False):
        pass
    thread, said = in_thread(lambda: mailer.fetch(who, **MAIL))
    assert relay.waiting.acquire(timeout=5)
    start = time.monotonic()
    for _ in range(20):
        assert desk.fetch(who, **SERVICE)["given_name"] == "Ada"
    vault.customer(who).restrict()
    vault.customer(who).unrestrict()
    assert time.monotonic() - start < 2
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
    assert relay.waiting.acquire(timeout=5)
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
    known = (
        vault.parts.asking.fetch("front-desk", people[0], **SERVICE)
        if hasattr(vault.parts, "asking")
        else None
    )
    del known
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
    assert relay.waiting.acquire(timeout=5)
    start = time.monotonic()
    assert desk.fetch(who, **SERVICE)["given_name"] == "Ada"
    assert time.monotonic() - start < 1
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


def test_with_opa_gone_misses_are_refused_and_logged(vault: Vault, opa_of_it: Any, relay: Relay) -> None:
    """engine_error, with a leaf of its own; what was known serves for a second; then OPA is back, without a restart."""
    who = guest(vault, 1)
    desk, mailer = vault.service("front-desk"), vault.service("mailer")
    desk.fetch(who, **SERVICE)
    opa_of_it.kill()
    with pytest.raises(AccessDenied) as caught:
        mailer.fetch(who, **MAIL)
    assert caught.value.reasons == ("engine_error",)
    assert caught.value.audit_id
    with pytest.raises(AccessDenied):
        vault.service("web-shop").put(who, {"notes": "late"}, purpose="enrolment")
    until(lambda: refused(desk, who), 3)
    opa_of_it.start()
    until(lambda: not refused(desk, who), 5)
    assert vault.parts.engine.assure() is None


def refused(desk: Any, who: By) -> bool:
    try:
        desk.fetch(who, **SERVICE)
    except AccessDenied as denied:
        reasons = set(denied.reasons)
    else:
        reasons = set()
    assert reasons <= {"engine_error", "engine_timeout", "revision_mismatch"}
    return bool(reasons)


def test_it_opens_while_opa_is_away_and_rights_go_on(directory: Path, opa_of_it: Any) -> None:
    """OPA away at start: reads are refused, a withdrawal and an erasure are not."""
    name_opa(directory, opa_of_it.url, 300)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        who = guest(vault, 1)
        vault.customer(who).consent("marketing.email")
    opa_of_it.kill()
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        assert refused(vault.service("front-desk"), who)
        vault.customer(who).withdraw("marketing.email")
        vault.customer(who).erase()


def test_rolling_to_a_new_revision(directory: Path, opa_of_it: Any, tmp_path: Path) -> None:
    """The new bundle at OPA first, then the vault: refused in between, never wrong; the other order changes nothing."""
    name_opa(directory, opa_of_it.url)
    old = load_catalogue(directory)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        who = guest(vault, 1)
        desk = vault.service("front-desk")
        assert not refused(desk, who)
        before = (directory / "catalogue.yaml").read_text()
        (directory / "catalogue.yaml").write_text(
            before.replace(
                "fields:\n",
                "fields:\n  added: {type: string, category: pd:Name, allow: [stay]}\n",
                1,
            )
        )
        new = load_catalogue(directory)
        assert build_bundle(new).revision != build_bundle(old).revision
        # The vault first: refused, and the running one goes on as if nothing had been tried.
        with pytest.raises(Unavailable) as caught:
            Vault.open(directory, passphrase=PASSPHRASE)
        assert build_bundle(new).revision in str(caught.value)
        assert build_bundle(old).revision in str(caught.value)
        assert not refused(desk, who)
        # OPA first: the old vault refuses from then on, with the reason.
        opa_of_it.restart(write_signed(build_bundle(new), tmp_path))
        until(lambda: refused(desk, who), 3)
        with pytest.raises(AccessDenied) as denied:
            desk.fetch(who, **SERVICE)
        assert denied.value.reasons == ("revision_mismatch",)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        assert vault.service("front-desk").fetch(who, **SERVICE)["given_name"] == "Ada"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o666])
def test_a_token_that_anyone_may_read_is_refused(directory: Path, opa_of_it: Any, mode: int) -> None:
    """The token asks in the vault's name: its file is the vault's alone."""
    name_opa(directory, opa_of_it.url)
    (directory / "opa.token").chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        Vault.open(directory, passphrase=PASSPHRASE)


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


def test_files_of_the_settings_that_cannot_be_used_are_named(directory: Path, tmp_path: Path) -> None:
    """A missing authority or certificate, and a key that anyone may read: said before OPA is asked."""
    name_opa(directory, "https://127.0.0.1:1")
    settings = directory / "privet.toml"
    plain = settings.read_text()
    settings.write_text(plain.replace('engine = "opa"', 'engine = "opa"\nca_file = "ca.pem"'))
    with pytest.raises(Unavailable, match=r"policy\.ca_file"):
        Vault.open(directory, passphrase=PASSPHRASE)
    own = 'engine = "opa"\ncertificate_file = "us.crt"\nkey_file = "us.key"'
    settings.write_text(plain.replace('engine = "opa"', own))
    with pytest.raises(Unavailable, match=r"policy\.certificate_file"):
        Vault.open(directory, passphrase=PASSPHRASE)
    for name in ("us.crt", "us.key"):
        (directory / name).write_text("x")
        (directory / name).chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600"):
        Vault.open(directory, passphrase=PASSPHRASE)


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


def doctor_says(directory: Path) -> list[tuple[str, str]]:
    said = examine(directory, passphrase=PASSPHRASE.encode(), prompt=None)
    return [(one.level, one.sentence) for one in said if "OPA" in one.sentence]


def test_doctor_names_what_is_wrong_with_opa(
    directory: Path, opa_of_it: Any, opa_server: Any, tmp_path: Path
) -> None:
    """Well; away; with another policy; with another token: each in a sentence."""
    name_opa(directory, opa_of_it.url)
    assert doctor_says(directory) == [("ok", "the OPA server answers, with this vault's policy")]
    opa_of_it.kill()
    ((level, said),) = doctor_says(directory)
    assert (level, "does not answer" in said) == ("fault", True)
    opa_of_it.restart(write_signed(BUNDLE, tmp_path))
    ((level, said),) = doctor_says(directory)
    assert (level, BUNDLE.revision in said) == ("fault", True)
    (directory / "opa.token").write_text("x" * 40)
    ((level, said),) = doctor_says(directory)
    assert (level, "policy.token_file" in said) == ("fault", True)
