"""Counts over the log: how often each service read for each purpose, and with what outcome. Opens no private part.

Refuses to count what the log does not say in the clear; a damaged leaf ends it (IntegrityError, naming the entry).
"""

from collections import Counter
from dataclasses import dataclass

from privet.audit.leaf import Act, Decision
from privet.audit.query import leaves_since
from privet.bootstrap.parts import Parts
from privet.domain.ids import Millis


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One group of entries. `service` None: the customer, the steward or an officer acted."""

    service: str | None
    purpose: str | None
    act: str
    permit: int
    partial: int
    refuse: int
    done: int
    failed: int
    fields: int
    """Values released or written, in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    entries: int
    lines: tuple[Line, ...]


def make_report(parts: Parts, *, since: Millis | None, until: Millis | None, actor: str) -> Report:
    """Counts of the entries in a time. The report is logged, and does not count itself."""
    parts.store.sequence()
    log = parts.store.log
    before = log.size()
    with parts.store.write() as unit:
        private = {"actor": actor, "since": since, "until": until}
        unit.append([parts.scribe.act(Act.REPORT, Decision.DONE, private)])
    parts.checkpointer.tick()
    counts: Counter[tuple[str | None, str | None, str, str]] = Counter()
    fields: Counter[tuple[str | None, str | None, str]] = Counter()
    for _, leaf in leaves_since(log.entries_newest(before), since):
        if (since is not None and leaf.t_ms < since) or (until is not None and leaf.t_ms > until):
            continue
        counts[leaf.service, leaf.purpose, leaf.act, leaf.decision.value] += 1
        fields[leaf.service, leaf.purpose, leaf.act] += leaf.n
    groups = sorted({key[:3] for key in counts}, key=lambda group: tuple(part or "~" for part in group))
    return Report(
        entries=sum(counts.values()),
        lines=tuple(
            Line(
                service=service,
                purpose=purpose,
                act=act,
                **{word.value: counts[service, purpose, act, word.value] for word in Decision},
                fields=fields[service, purpose, act],
            )
            for service, purpose, act in groups
        ),
    )
