"""9: what a read costs, and where the time goes."""

import random
import time
from collections.abc import Callable
from functools import partial

from privet import View, by
from privet_cli.demo.sampling import STAGES, shares
from privet_cli.demo.stage import Stage, check
from privet_cli.demo.story.reads import GREETING, PERSONALISATION

_BATCH = 100


def tell(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(9, "What it costs")
    desk = stage.vault.service("city-front-desk")
    others = [guest for guest in stage.guests.people if guest is not stage.johnson]
    whom = [by(email=guest.email) for guest in random.Random(9).sample(others, min(1000, len(others)))]  # noqa: S311
    seconds = 0.4 if stage.fast else 1.5

    def one(at: int) -> int:
        view = desk.fetch(whom[at % len(whom)], purpose=PERSONALISATION, fields=GREETING)
        return len(view.values) == len(GREETING)

    def many(at: int) -> int:
        batch = [whom[place % len(whom)] for place in range(at * _BATCH, (at + 1) * _BATCH)]
        answers = desk.fetch_many(batch, purpose=PERSONALISATION, fields=GREETING)
        return sum(isinstance(answer, View) and len(answer.values) == len(GREETING) for answer in answers)

    rows = [["", "reads/s", *STAGES]]
    for name, read, size in (("one at a time", one, 1), (f"in batches of {_BATCH}", many, _BATCH)):
        speed = _run(read, size, seconds)
        share = shares(partial(_run, read, size, seconds))
        rows.append([name, f"{speed:,.0f}", *(f"{share[stage_]:.0%}" for stage_ in STAGES)])
    screen.rows(rows)
    screen.tell(
        f"A read: one guest found by email, {len(GREETING)} fields decided, opened (one of them masked), written to"
        " the log and durable there, then released. SQLite, one thread, this machine."
        f" Speeds over {seconds} s; shares from a second run, its stack looked at every millisecond."
        " Crypto includes sealing the log entry; the rest finds, masks and hands over."
    )


def _run(read: Callable[[int], int], size: int, seconds: float) -> float:
    """Reads a second, all of them full answers."""
    read(0)
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds or not done:
        good = read(done)
        check(good == size, "a read of the closing table did not get its fields")
        done += 1
    return done * size / took
