"""Tests of a catalogue, written by those who own it: `tests/*.yaml` beside catalogue.yaml.

    cases:
      - {service: newsletter, purpose: marketing.email, field: email, consent: given, effect: allow}
      - {service: newsletter, purpose: marketing.email, field: email, effect: deny, reason: consent_required}

Refuses, with file and line, cases that say anything else: a test that tests nothing is worse than none.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from privet.bootstrap.explaining import make_asked
from privet.config.catalogue.problems import Problems, unknown
from privet.config.catalogue.yaml_source import MOST_BYTES, parse_source
from privet.decide.bundle import build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.question import Asked, Circumstances, Controls, canonical_input
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentStatus
from privet.domain.decision import Operation, Reason
from privet.errors import CatalogueError, InvalidInput, Unavailable

FOLDER = "tests"
_TEXTS = ("name", "service", "purpose", "field", "effect", "reason", "consent", "operation", "lookup")
_FLAGS = ("restricted", "minor", "expired")
_LISTS = ("objected", "paused")
_EFFECTS = ("allow", "transform", "deny")
_NEEDED = ("service", "purpose", "field", "effect")


class PolicyCase(NamedTuple):
    """One case and where it stands (`tests/marketing.yaml:3`). `reason` "": any."""

    where: str
    name: str
    asked: Asked
    person: Circumstances
    controls: Controls
    effect: str
    reason: str


class Outcome(NamedTuple):
    case: PolicyCase
    effect: str
    reason: str

    @property
    def ok(self) -> bool:
        return self.effect == self.case.effect and self.case.reason in ("", self.reason)


def load_cases(directory: Path, catalogue: Catalogue) -> list[PolicyCase]:
    """Every case of every file. Raises InvalidInput listing all problems, Unavailable when a file cannot be read."""
    cases: list[PolicyCase] = []
    faults: list[str] = []
    for path in sorted((directory / FOLDER).glob("*.yaml")):
        shown = f"{FOLDER}/{path.name}"
        problems = Problems(shown)
        raw = parse_source(_read(path, shown), problems)
        cases += _cases(raw, shown, catalogue, problems)
        if problems:
            try:
                problems.fail()
            except CatalogueError as error:
                faults += error.problems
    if faults:
        raise InvalidInput("\n".join(faults))
    return cases


def run_cases(catalogue: Catalogue, cases: Sequence[PolicyCase]) -> list[Outcome]:
    """Puts each case to the embedded engine."""
    engine = EmbeddedEngine(build_bundle(catalogue))
    try:
        decisions = engine.decide([canonical_input(c.asked, c.person, c.controls) for c in cases])
    finally:
        engine.close()
    outcomes = []
    for case, decision in zip(cases, decisions, strict=True):
        said = decision.fields[case.asked.fields[0]]
        outcomes.append(Outcome(case, said.effect, said.reason))
    return outcomes


def _read(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InvalidInput(f"{shown}:1: the file is larger than 2 MB")
        return data.decode("utf-8")
    except OSError as error:
        raise Unavailable(f"{shown} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{shown}:1: the file is not UTF-8; save it as UTF-8") from None


def _cases(
    raw: Mapping[str, object], shown: str, catalogue: Catalogue, problems: Problems
) -> list[PolicyCase]:
    for key in raw:
        if key != "cases":
            problems.error((key,), unknown("section", "sections", key, ("cases",)))
    listed = raw.get("cases")
    if not isinstance(listed, list) or not listed:
        if not problems:
            problems.error((), "must have a list `cases:` of at least one case")
        return []
    return [
        case
        for at, given in enumerate(listed)
        if (case := _case(given, at, shown, catalogue, problems)) is not None
    ]


def _case(given: object, at: int, shown: str, catalogue: Catalogue, problems: Problems) -> PolicyCase | None:
    where = ("cases", at)
    line = problems.line(where)
    if not isinstance(given, Mapping):
        problems.error(where, "a case is a mapping: {service: …, purpose: …, field: …, effect: …}")
        return None
    known = (*_TEXTS, *_FLAGS, *_LISTS)
    wrong = False
    for key, value in given.items():
        right = (
            isinstance(value, str)
            if key in _TEXTS
            else isinstance(value, bool)
            if key in _FLAGS
            else isinstance(value, list) and all(isinstance(item, str) for item in value)
        )
        if key not in known:
            problems.error((*where, key), unknown("key", "keys of a case", key, known))
            wrong = True
        elif not right:
            form = "text" if key in _TEXTS else "true or false" if key in _FLAGS else "a list of names"
            problems.error((*where, key), f"must be {form}")
            wrong = True
    for key in _NEEDED:
        if key not in given:
            problems.missing(where, key, "a case needs service, purpose, field and effect")
            wrong = True
    if wrong:
        return None
    for key, words in (
        ("effect", _EFFECTS),
        ("reason", [reason.value for reason in Reason]),
        ("consent", [status.value for status in ConsentStatus]),
        ("operation", [operation.value for operation in Operation]),
    ):
        if key in given and given[key] not in words:
            problems.error((*where, key), unknown(key, f"words for {key}", str(given[key]), words))
            wrong = True
    if wrong:
        return None
    field = str(given["field"])
    name = str(given.get("name") or f"{given['service']}, {given['purpose']}, {field}")
    return PolicyCase(
        f"{shown}:{line}",
        name,
        make_asked(
            catalogue,
            service=str(given["service"]),
            purpose=str(given["purpose"]),
            fields=(field,),
            lookup=str(given.get("lookup", "")),
            operation=str(given.get("operation", "")),
        ),
        Circumstances(
            consent=str(given.get("consent", "unknown")),
            restricted=given.get("restricted") is True,
            objected=tuple(given.get("objected") or ()),
            minor=given.get("minor") is True,
            expired=(field,) if given.get("expired") is True else (),
        ),
        Controls(paused=tuple(given.get("paused") or ())),
        str(given["effect"]),
        str(given.get("reason", "")),
    )
