"""The graph of purposes: each a DPV term with a legal basis, below any number of parents.

Refuses cycles, each named in full, and hierarchies deeper than 30: nobody could say what such a purpose covers.
"""

import re
from collections.abc import Iterable, Mapping

from privet.config.catalogue.durations import find_days
from privet.config.catalogue.problems import Path, Problems, quoted, unknown
from privet.config.catalogue.shapes import PurposeShape, shape_of
from privet.domain.catalogue import LegalBasis, Notice, Purpose

MOST_DEPTH = 30
ARTICLE9 = (
    "explicit_consent", "employment", "vital_interest", "non_profit", "made_public", "legal_claims",
    "substantial_public_interest", "health_care", "public_health", "research",
)  # fmt: skip
"""GDPR Art. 9(2)(a) to (j), in its order."""

DURATION_FIX = "is not a duration; write for instance P3Y, P6M or P30D"
_TERM = re.compile(r"dpv:[A-Z][A-Za-z0-9]{0,80}")


def read_purposes(
    raw: Mapping[str, object], notices: Mapping[str, Notice], problems: Problems
) -> dict[str, Purpose]:
    """Every purpose, its faults noted; parents that are not there are left out. Cycles are only noted."""
    found = {name: _read_purpose(name, entry, raw, notices, problems) for name, entry in raw.items()}
    for cycle in find_cycles({name: purpose.parents for name, purpose in found.items()}):
        chain = " → ".join([*cycle, cycle[0]])
        problems.error(("purposes", cycle[0], "parents"), f"{chain} is a cycle; remove one of these parents")
    return found


def _read_purpose(
    name: str, raw: object, known: Iterable[str], notices: Mapping[str, Notice], problems: Problems
) -> Purpose:
    path = ("purposes", name)
    shape = shape_of(PurposeShape, raw, path, problems)
    parents = read_names(shape.parents, known, (*path, "parents"), problems)
    prohibited = bool(shape.prohibited)
    if shape.dpv is None:
        problems.missing(path, "dpv", "write for instance dpv: dpv:ServiceProvision")
    elif not _TERM.fullmatch(shape.dpv):
        problems.error(
            (*path, "dpv"),
            f"{quoted(shape.dpv)} has not the form dpv:Term; write for instance dpv: dpv:ServiceProvision",
        )
    if shape.notice is not None and shape.notice not in notices:
        problems.error(
            (*path, "notice"),
            f"there is no notice {quoted(shape.notice)}; create notices/{shape.notice}.md beside {problems.file}",
        )
    days = None
    if shape.consent_for is not None:
        days = find_days(shape.consent_for)
        if days is None:
            problems.error((*path, "consent_for"), f"{quoted(shape.consent_for)} {DURATION_FIX}")
    if shape.article9 is not None and shape.article9 not in ARTICLE9:
        problems.error((*path, "article9"), unknown("ground", "grounds", shape.article9, ARTICLE9))
    return Purpose(
        name=name,
        dpv=shape.dpv or "",
        basis=_read_basis(shape, name, problems),
        parents=parents,
        notice=shape.notice,
        prohibited=prohibited,
        consent_days=days,
        article9=shape.article9,
        description=shape.description or "",
    )


def _read_basis(shape: PurposeShape, name: str, problems: Problems) -> LegalBasis | None:
    path = ("purposes", name)
    if shape.basis is None:
        if not shape.prohibited:
            problems.missing(path, "basis", "write for instance basis: consent, or prohibited: true")
        return None
    text = shape.basis.strip().replace("-", "_").replace(" ", "_")
    if text not in list(LegalBasis):
        problems.error((*path, "basis"), unknown("legal basis", "legal bases", shape.basis, list(LegalBasis)))
        return None
    return LegalBasis(text)


def read_names(
    names: Iterable[str] | None, known: Iterable[str], path: Path, problems: Problems
) -> tuple[str, ...]:
    """The purposes of a list, without repeats; each that is not in `known` is noted on its own line and left out."""
    purposes = set(known)
    kept: dict[str, None] = {}
    for at, name in enumerate(names or ()):
        if name in purposes:
            kept[name] = None
        else:
            problems.error((*path, at), unknown("purpose", "purposes", name, purposes))
    return tuple(kept)


def find_cycles(parents: Mapping[str, tuple[str, ...]]) -> list[list[str]]:
    """Cycles of the graph, each as its names in order from the first met. Iterative: a long chain is no attack."""
    done: set[str] = set()
    cycles: list[list[str]] = []
    for start in parents:
        trail: list[str] = []
        on_trail: dict[str, int] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                trail.pop()
                del on_trail[name]
                done.add(name)
            elif name in on_trail:
                cycles.append(trail[on_trail[name] :])
            elif name not in done:
                on_trail[name] = len(trail)
                trail.append(name)
                stack.append((name, True))
                stack.extend((parent, False) for parent in reversed(parents[name]))
    return cycles


def find_too_deep(parents: Mapping[str, tuple[str, ...]]) -> str | None:
    """A purpose with more than MOST_DEPTH levels above it, in a graph without cycles; None when there is none."""
    level = set(parents)
    for _ in range(MOST_DEPTH + 1):
        level = {name for name in level if any(parent in level for parent in parents[name])}
    return min(level, default=None)
