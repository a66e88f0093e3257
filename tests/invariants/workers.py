"""Other processes on the same vault: readers that never pause, choosers, writers to be killed.

They are forked off a server that has everything imported, so that fifty of them cost little.
"""

import contextlib
import functools
import itertools
import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from privet.bootstrap.vault import Vault
from privet.domain.ids import SubjectId
from privet.domain.request import by
from privet.errors import AccessDenied, Unavailable
from tests.invariants.world import PASSPHRASE, rotate_keys

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.invariants.workers"])

Pipe = multiprocessing.connection.Connection
PAUSE_S = 0.002


class Worker:
    """One process that runs `main(pipe, *arguments)` and says `ready` first."""

    def __init__(self, main: Callable[..., None], *arguments: Any) -> None:
        self.pipe, theirs = _context.Pipe()
        self.process = _context.Process(target=main, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()

    def expect(self, word: object = "ready") -> None:
        assert self.receive() == word

    def receive(self, seconds: float = 60) -> Any:
        assert self.pipe.poll(seconds), "a worker does not answer"
        return self.pipe.recv()

    def ask(self, question: object) -> Any:
        self.pipe.send(question)
        return self.receive()

    def rest(self) -> list[Any]:
        """What it said and nobody read yet, once it is gone."""
        said = []
        with contextlib.suppress(EOFError, ConnectionResetError):
            while self.pipe.poll(0):
                said.append(self.pipe.recv())
        return said

    def kill(self) -> None:
        """kill -9."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(30)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.pipe.send(None)
        self.process.join(10)
        self.kill()
        self.pipe.close()


def _sound(_vault: Vault) -> None:
    """The vault as it is."""


def _facts_cached(vault: Vault) -> None:
    """Broken on purpose: what is known of a person is kept from read to read."""
    deciding: Any = vault.parts.pipeline._decide
    real = deciding._facts
    kept: dict[SubjectId, Any] = {}

    def facts(keys: Any, row: Any, *rest: Any) -> Any:
        if row.subject not in kept:
            kept[row.subject] = real(keys, row, *rest)
        return kept[row.subject]

    deciding._facts = facts


def _loaded_outside(vault: Vault) -> None:
    """Broken on purpose: rows come from a copy that is a little old, not from the unit that logs."""
    store = vault.parts.store
    identifying: Any = vault.parts.pipeline._identify
    real = identifying.identify
    kept: dict[tuple[SubjectId, ...], tuple[float, Any]] = {}

    class Stale:
        def __init__(self, unit: Any) -> None:
            self._unit = unit

        def find_rows(self, subjects: Any) -> Any:
            place = tuple(subjects)
            if place not in kept or time.monotonic() - kept[place][0] > 0.05:
                with store.read() as unit:
                    kept[place] = (time.monotonic(), unit.find_rows(subjects))
            return kept[place][1]

        def __getattr__(self, name: str) -> Any:
            return getattr(self._unit, name)

    identifying.identify = lambda unit, state, requests: real(Stale(unit), state, requests)


def _consent_ignored(vault: Vault) -> None:
    """Broken on purpose: the memo forgets that consent is part of the question."""
    judge: Any = vault.parts.judge
    real = judge.judge
    kept: dict[Any, Any] = {}

    def decide(questions: Any, answers: Any) -> Any:
        verdicts = []
        for question, verdict in zip(questions, real(questions, answers), strict=True):
            if verdict.released:
                kept[question.asked] = verdict
            verdicts.append(kept.get(question.asked, verdict) if question.person else verdict)
        return verdicts

    judge.judge = decide


VARIANTS: Mapping[str, Callable[[Vault], None]] = {
    "sound": _sound,
    "facts cached": _facts_cached,
    "loaded outside the unit": _loaded_outside,
    "consent left out of the memo": _consent_ignored,
}


def read_without_pause(pipe: Pipe, directory: Path, variant: str) -> None:
    """Reads the address sent to it for marketing until told to stop; then tells (start, end, released) of each."""
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        VARIANTS[variant](vault)
        mailer = vault.service("mailer")
        pipe.send("ready")
        while (address := pipe.recv()) is not None:
            who, seen = by(email=address), []
            pipe.send("going")
            while not pipe.poll(PAUSE_S):
                start = time.monotonic_ns()
                try:
                    many = mailer.fetch_many([who, who], purpose="marketing.email", fields=["email"])
                    released = any(hasattr(one, "values") for one in many)
                except Unavailable:
                    continue
                seen.append((start, time.monotonic_ns(), released))
            pipe.recv()
            pipe.send(seen)


def choose(pipe: Pipe, directory: Path) -> None:
    """Does what it is told for a customer: (address, method, arguments); answers (start, end)."""
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        pipe.send("ready")
        while (told := pipe.recv()) is not None:
            address, method, arguments = told
            me = vault.customer(by(email=address))
            start = time.monotonic_ns()
            with contextlib.suppress(AccessDenied):
                getattr(me, method)(*arguments)
            pipe.send((start, time.monotonic_ns()))


def telling(main: Callable[..., None]) -> Callable[..., None]:
    """A child that dies of an error says so in the pipe."""

    @functools.wraps(main)
    def run(pipe: Pipe, *arguments: Any) -> None:
        try:
            main(pipe, *arguments)
        except BaseException:
            pipe.send(("died", traceback.format_exc()))
            raise

    return run


@telling
def live(pipe: Pipe, directory: Path, seed: int) -> None:
    """Enrols, writes, consents, withdraws, restricts, erases and reads without end; tells each thing once it is done.

    Before each act it says ("begin", act, address, detail), after it ("done", act, address, detail, audit id).
    """
    draw = random.Random(seed)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        shop, desk, mailer = vault.service("web-shop"), vault.service("front-desk"), vault.service("mailer")
        pipe.send(("ready",))
        people: list[str] = []
        restricted: set[str] = set()
        for number in itertools.count():
            act = draw.choice(ACTS) if people else "enrol"
            address = f"s{seed}n{number}@example.org" if act == "enrol" else draw.choice(people)
            if act == "put" and address in restricted:
                act = "unrestrict"  # no service changes what is held of her until then
            who, detail = by(email=address), f"{seed}-{number}"
            pipe.send(("begin", act, address, detail))
            audit_id: object = ""
            if act == "enrol":
                audit_id = shop.put(who, {"given_name": detail}, purpose="enrolment")
                people.append(address)
            elif act == "put":
                audit_id = shop.put(who, {"notes": detail}, purpose="enrolment")
            elif act == "record":
                stay = {"arrived": "2024-05-01", "booking": detail, "room": "1"}
                audit_id = desk.record(who, "stays", stay, purpose="stay")
            elif act in ("consent", "withdraw"):
                getattr(vault.customer(who), act)("marketing.email")
            elif act in ("restrict", "unrestrict"):
                audit_id = getattr(vault.customer(who), act)()
                (restricted.add if act == "restrict" else restricted.discard)(address)
            elif act == "erase":
                audit_id = vault.customer(who).erase()
                people.remove(address)
            else:
                reads = mailer.fetch_many([who] * 3, purpose="marketing.email", fields=["email"])
                audit_id = [read.audit_id for read in reads]
            pipe.send(("done", act, address, detail, audit_id))


ACTS = [
    "enrol",
    "put",
    "put",
    "record",
    "consent",
    "consent",
    "withdraw",
    "restrict",
    "unrestrict",
    "erase",
    "read",
]


@telling
def rotate_without_end(pipe: Pipe, directory: Path) -> None:
    """Rotates the keys again and again; tells each epoch once its rotation is done."""
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        # On SQLite nobody has a row loaded while keys go; elsewhere what is under way is let finish.
        grace = 0.0 if vault.parts.store.backend == "sqlite" else 0.25
        pipe.send(("ready",))
        while True:
            pipe.send(("rotated", rotate_keys(vault, grace_s=grace).epoch))
