"""The import map: which column of a file becomes which field, collection value or consent.

Refuses unknown keys, fields and purposes that the catalogue does not have, and a map that would import nothing; each
problem names file, line, key and the fix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from privet.config.catalogue.problems import Path as KeyPath
from privet.config.catalogue.problems import Problems, unknown
from privet.config.catalogue.yaml_source import parse_source
from privet.domain.catalogue import Catalogue
from privet.errors import CatalogueError, InvalidInput, Unavailable

MOST_BYTES = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentColumn:
    """Where a consent stands: yes or no, and when and where it was given, if the file says."""

    column: str
    date: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportMap:
    """A checked map. Mappings go from our name to the file's column."""

    lookup: str
    lookup_column: str
    fields: Mapping[str, str]
    collection: str | None
    record: Mapping[str, str]
    """Names within the collection, `time` and `key` included, to columns."""
    consents: Mapping[str, ConsentColumn]
    purpose: str

    @property
    def columns(self) -> frozenset[str]:
        """Every column the map reads."""
        consents = (c for one in self.consents.values() for c in (one.column, one.date, one.source) if c)
        return frozenset({self.lookup_column, *self.fields.values(), *self.record.values(), *consents})


def load_import_map(path: Path, catalogue: Catalogue) -> ImportMap:
    """The map in a YAML file. Raises InvalidInput listing every problem, Unavailable when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"the import map {path} cannot be read ({error.strerror})") from None
    try:
        if len(data) > MOST_BYTES:
            raise InvalidInput(f"{path.name}:1: the import map is larger than 200 kB")
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name}:1: the import map is not UTF-8; save it as UTF-8") from None
    return parse_import_map(text, catalogue, file=path.name)


def parse_import_map(text: str, catalogue: Catalogue, *, file: str) -> ImportMap:
    """As `load_import_map`, from text."""
    problems = Problems(file)
    raw = parse_source(text, problems)
    reader = _Reader(catalogue, problems)
    made = reader.read(raw)
    if made is None:
        try:
            problems.fail()
        except CatalogueError as error:
            raise InvalidInput(error.message) from None
    return made


class _Reader:
    def __init__(self, catalogue: Catalogue, problems: Problems) -> None:
        self._catalogue = catalogue
        self._problems = problems

    def read(self, raw: Mapping[str, object]) -> ImportMap | None:
        self._keys(raw, (), {"subject", "fields", "collection", "consents", "purpose"})
        subject = self._mapping(raw.get("subject"), ("subject",), {"lookup", "column"})
        lookup = self._text(subject, ("subject", "lookup"))
        column = self._text(subject, ("subject", "column"))
        held = self._catalogue.fields.get(lookup)
        if lookup and (held is None or held.lookup != "unique"):
            known = [f.path for f in self._catalogue.fields.values() if f.lookup == "unique"]
            self._problems.error(
                ("subject", "lookup"), unknown("unique look-up", "unique look-ups here", lookup, known)
            )
        fields = self._fields(raw.get("fields"))
        collection, record = self._collection(raw.get("collection"))
        consents = self._consents(raw.get("consents"))
        purpose = self._text(raw, ("purpose",))
        if purpose and purpose not in self._catalogue.purposes:
            self._problems.error(
                ("purpose",), unknown("purpose", "purposes here", purpose, self._catalogue.purposes)
            )
        if not (fields or record or consents):
            self._problems.error((), "maps nothing; name `fields`, a `collection` or `consents`")
        if self._problems:
            return None
        return ImportMap(
            lookup=lookup,
            lookup_column=column,
            fields=fields,
            collection=collection,
            record=record,
            consents=consents,
            purpose=purpose,
        )

    def _fields(self, raw: object) -> dict[str, str]:
        fields = self._columns(raw, ("fields",))
        for path in fields:
            if path not in self._catalogue.fields:
                self._problems.error(
                    ("fields", path),
                    unknown("profile field", "profile fields here", path, self._catalogue.fields),
                )
        return fields

    def _collection(self, raw: object) -> tuple[str | None, dict[str, str]]:
        if raw is None:
            return None, {}
        where: KeyPath = ("collection",)
        given = self._mapping(raw, where, {"name", "time", "key", "fields"})
        name = self._text(given, (*where, "name"))
        held = self._catalogue.collections.get(name)
        if held is None:
            if name:
                self._problems.error(
                    (*where, "name"),
                    unknown("collection", "collections here", name, self._catalogue.collections),
                )
            return None, {}
        record = self._columns(given.get("fields"), (*where, "fields"))
        for short in record:
            if short not in held.fields:
                self._problems.error(
                    (*where, "fields", short), unknown("field", f"fields of {name}", short, held.fields)
                )
        record[held.time] = self._text(given, (*where, "time"))
        if held.key is not None:
            record[held.key] = self._text(given, (*where, "key"))
        elif "key" in given:
            self._problems.error((*where, "key"), f"{name} has no key in the catalogue; leave it out")
        return name, record

    def _consents(self, raw: object) -> dict[str, ConsentColumn]:
        if raw is None:
            return {}
        consents: dict[str, ConsentColumn] = {}
        for purpose, given in self._mapping(raw, ("consents",), None).items():
            where: KeyPath = ("consents", purpose)
            known = self._catalogue.purposes.get(purpose)
            if known is None or known.prohibited:
                usable = [p.name for p in self._catalogue.purposes.values() if not p.prohibited]
                self._problems.error(where, unknown("purpose", "purposes here", purpose, usable))
            elif isinstance(given, str) and given:
                consents[purpose] = ConsentColumn(column=given)
            else:
                parts = self._mapping(given, where, {"column", "date", "source"})
                consents[purpose] = ConsentColumn(
                    column=self._text(parts, (*where, "column")),
                    date=self._text(parts, (*where, "date")) if "date" in parts else None,
                    source=self._text(parts, (*where, "source")) if "source" in parts else None,
                )
        return consents

    def _columns(self, raw: object, where: KeyPath) -> dict[str, str]:
        if raw is None:
            return {}
        given = self._mapping(raw, where, None)
        return {name: self._text(given, (*where, name)) for name in given}

    def _mapping(self, raw: object, where: KeyPath, keys: set[str] | None) -> Mapping[str, object]:
        if not isinstance(raw, Mapping):
            self._problems.error(where, "must be a mapping, name: column")
            return {}
        if keys is not None:
            self._keys(raw, where, keys)
        return raw

    def _keys(self, raw: Mapping[str, object], where: KeyPath, keys: set[str]) -> None:
        for key in raw:
            if key not in keys:
                self._problems.error((*where, key), unknown("key", "keys here", key, keys))

    def _text(self, raw: Mapping[str, object], where: KeyPath) -> str:
        value = raw.get(str(where[-1]))
        if isinstance(value, str) and value:
            return value
        self._problems.error(where, "is missing, or is no text; give the name")
        return ""
