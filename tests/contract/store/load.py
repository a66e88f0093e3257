"""Several workers that read and write without a pause, and remember what they were told is durable."""

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

from privet.domain.ids import SubjectId
from privet.domain.ports import Store
from privet.errors import PrivetError
from tests.contract.store.rows import Rows


@dataclass
class Told:
    """What one worker heard."""

    logged: set[bytes] = field(default_factory=set)
    """Ids of entries whose unit of work came back."""
    facts: bytes = b""
    """What it last swapped into its subject's row and was told is there, and its revision."""
    revision: int = 0
    unsure: set[bytes] = field(default_factory=set)
    """Facts whose swap failed: they may be there or not."""
    failures: list[PrivetError] = field(default_factory=list)
    slowest: float = 0.0
    last: float = 0.0
    """When a unit of work last came back well."""
    wrong: list[BaseException] = field(default_factory=list)


class Load:
    """One thread a store, each with a subject of its own. Stops when left."""

    def __init__(self, stores: list[Store]) -> None:
        self.stores = stores
        self.told = [Told() for _ in stores]
        self.subjects: list[SubjectId] = []
        self._ending = threading.Event()
        rows = Rows()
        for store, told in zip(stores, self.told, strict=True):
            row = rows.row()
            with store.write() as unit:
                unit.insert_subject(row)
            self.subjects.append(row.subject)
            told.facts, told.revision = row.facts, row.facts_rev
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(len(stores))
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.await_progress()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in self._threads)
        assert not [wrong for told in self.told for wrong in told.wrong]

    def await_progress(self, within: float = 20.0) -> None:
        """Until each worker has done something that began after now."""
        begun = time.monotonic() + 0.2
        until = begun + within
        while any(told.last < begun for told in self.told):
            assert time.monotonic() < until, f"no progress: {[told.failures[-1:] for told in self.told]}"
            time.sleep(0.02)

    @property
    def slowest(self) -> float:
        return max(told.slowest for told in self.told)

    def verify_kept(self, store: Store) -> None:
        """Everything acknowledged is there: in the log exactly once, and in the rows."""
        logged = [row.id for row in store.log.entries(0, store.log.size())]
        assert len(logged) == len(set(logged))
        for told in self.told:
            assert told.logged <= set(logged)
        with store.read() as unit:
            found = unit.find_rows(self.subjects)
        for subject, told in zip(self.subjects, self.told, strict=True):
            assert found[subject].facts == told.facts or found[subject].facts in told.unsure
            assert found[subject].facts_rev >= told.revision

    def _work(self, number: int) -> None:
        told, store, subject = self.told[number], self.stores[number], self.subjects[number]
        rows = Rows(number + 2)
        while not self._ending.is_set():
            begun = time.monotonic()
            facts, entry = rows.noise(40), rows.entry()
            try:
                with store.write() as unit:
                    unit.state()
                    row = unit.find_rows([subject])[subject]
                    assert row.facts == told.facts or row.facts in told.unsure
                    assert row.facts_rev >= told.revision
                    told.facts, told.revision = row.facts, row.facts_rev
                    unit.swap_facts(subject, row.facts_rev, facts)
                    unit.append([entry])
                told.facts, told.revision = facts, row.facts_rev + 1
                told.logged.add(entry.id)
                told.unsure.clear()
                told.last = time.monotonic()
            except PrivetError as error:
                told.failures.append(error)
                told.unsure.add(facts)
            except BaseException as error:  # noqa: BLE001  shown by the test
                told.wrong.append(error)
                return
            told.slowest = max(told.slowest, time.monotonic() - begun)
            time.sleep(0.002)
