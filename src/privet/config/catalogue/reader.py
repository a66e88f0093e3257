"""A catalogue from its files: YAML, shapes, names, graph, checks, in that order, every fault reported at once.

Refuses everything that is not wholly right: a vault does not open on half of its rules.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from privet.config.catalogue import checks
from privet.config.catalogue.fields import check_name, read_collections, read_fields
from privet.config.catalogue.numbering import digest_of
from privet.config.catalogue.problems import Problems, unknown
from privet.config.catalogue.purposes import find_cycles, find_too_deep, read_purposes
from privet.config.catalogue.services import check_credentials, read_officers, read_services
from privet.config.catalogue.shapes import OrganisationShape, shape_of
from privet.config.catalogue.yaml_source import MOST_BYTES, Plain, parse_source
from privet.domain.catalogue import Catalogue, Notice
from privet.errors import CatalogueError

FILE = "catalogue.yaml"
NOTICES = "notices"
_SECTIONS = ("organisation", "fields", "collections", "purposes", "services", "officers")
_DEFAULT_NAME = "This organisation"
_DEFAULT_CONTACT = "the organisation that holds your data"


def load_catalogue(directory: Path) -> Catalogue:
    """The catalogue of a vault directory: `catalogue.yaml` and `notices/*.md`.

    Raises CatalogueError with every problem; also when a file is missing, unreadable or not UTF-8.
    """
    faults: list[str] = []
    text = _read(directory / FILE, FILE, faults)
    notices: dict[str, str] = {}
    folder = directory / NOTICES
    if folder.is_dir():
        for path in sorted(folder.glob("*.md")):
            notice = _read(path, f"{NOTICES}/{path.name}", faults)
            if notice is not None:
                notices[path.stem] = notice
    if text is None or faults:
        raise CatalogueError("\n".join(faults), problems=faults)
    return _parse_once(text, tuple(sorted(notices.items())))


@lru_cache(maxsize=8)
def _parse_once(text: str, notices: tuple[tuple[str, str], ...]) -> Catalogue:
    """Making a vault reads its catalogue twice, and tests make one vault after the other of the same."""
    return parse_catalogue(text, file=FILE, notices=dict(notices))


def _read(path: Path, shown: str, faults: list[str]) -> str | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        faults.append(f"{shown}:1: the file: is not there; `privet init` writes a starter catalogue")
    except OSError as error:
        faults.append(f"{shown}:1: the file: cannot be read ({error.strerror}); check its rights")
    else:
        if len(data) > MOST_BYTES:
            faults.append(f"{shown}:1: the file: is larger than 2 MB; shorten it")
            return None
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            faults.append(f"{shown}:{line}: the file: is not UTF-8; save it as UTF-8")
    return None


def parse_catalogue(text: str, *, file: str, notices: Mapping[str, str]) -> Catalogue:
    """The catalogue of a text, numbers all 0. `notices` are texts by name; `file` is what problems call the text.

    Raises CatalogueError whose `problems` hold one line for each fault, in the order of the file.
    """
    problems = Problems(file)
    raw = parse_source(text, problems)
    if not raw and problems:
        problems.fail()
    for key in raw:
        if key not in _SECTIONS:
            problems.error((key,), unknown("section", "sections", key, _SECTIONS))
    shown = {name: _notice(name, body, problems) for name, body in notices.items()}
    sections = {name: _section(raw, name, problems) for name in _SECTIONS}
    if not sections["fields"] and not sections["collections"]:
        problems.error((), "has no fields; write at least one under fields:")
    purposes = read_purposes(sections["purposes"], shown, problems)
    for name in purposes:
        check_name(name, ("purposes", name), problems)
    fields = read_fields(sections["fields"], purposes, problems)
    collections = read_collections(sections["collections"], fields, purposes, problems)
    every = fields | {f.path: f for c in collections.values() for f in c.fields.values()}
    organisation = shape_of(OrganisationShape, sections["organisation"], ("organisation",), problems)
    draft = Catalogue(
        name=organisation.name or _DEFAULT_NAME,
        contact=organisation.contact or _DEFAULT_CONTACT,
        fields=fields,
        collections=collections,
        purposes=purposes,
        services=read_services(sections["services"], every, purposes, problems),
        officers=read_officers(sections["officers"], problems),
        notices=shown,
        digest="",
        where={},
    )
    check_credentials(draft.services, draft.officers, problems)
    parents = {name: purpose.parents for name, purpose in purposes.items()}
    if not find_cycles(parents):
        deep = find_too_deep(parents)
        if deep is not None:
            problems.error(
                ("purposes", deep, "parents"), "stands below more than 30 levels; flatten the hierarchy"
            )
        else:
            checks.check(draft, problems)
    if problems:
        problems.fail()
    return replace(draft, digest=digest_of(draft), where=_where(draft, problems), warnings=problems.warnings)


def _section(raw: Mapping[str, Plain], name: str, problems: Problems) -> dict[str, Plain]:
    section = raw.get(name)
    if isinstance(section, dict):
        return section
    if section is not None:
        problems.error((name,), "must be a mapping of names; indent them below it")
    return {}


def _notice(name: str, body: str, problems: Problems) -> Notice:
    data = body.encode("utf-8", "surrogatepass")
    if not body.strip():
        problems.error((), f"the notice notices/{name}.md is empty; write what the customer is told")
    return Notice(name=name, version=hashlib.sha256(data).hexdigest(), text=body)


def _where(catalogue: Catalogue, problems: Problems) -> dict[str, str]:
    """`fields.room.bed` and `fields.room.bed.allow` → file and line; a collection's field as `fields.stays.room`."""
    found: dict[str, str] = {}
    places = {f"fields.{f.path}": checks.field_path(f) for f in catalogue.every_field.values()}
    for kind in ("collections", "purposes", "services", "officers"):
        places |= {f"{kind}.{name}": (kind, name) for name in getattr(catalogue, kind)}
    below: dict[tuple[str | int, ...], list[str]] = {}
    for path in problems.lines:
        if path and isinstance(path[-1], str):
            below.setdefault(path[:-1], []).append(path[-1])
    for name, path in places.items():
        found[name] = f"{problems.file}:{problems.line(path)}"
        for key in below.get(path, ()):
            found.setdefault(f"{name}.{key}", f"{problems.file}:{problems.lines[(*path, key)]}")
    found |= {f"notices.{name}": f"{NOTICES}/{name}.md:1" for name in catalogue.notices}
    return found
