"""Adopting a catalogue: numbers for what is new, refusal of what would orphan stored data, one leaf a revision.

Refuses to drop, or to change the type of, a field that still holds data: sweep it first. Refuses numbers that are not
those this vault gave: the sealed values are bound to numbers, so whoever could move a number to another name could have
a field released under another field's rules. A MAC under the keyring's root holds them.
"""

import hmac
from collections.abc import Callable, Mapping

import orjson

from privet.config.catalogue import with_numbers
from privet.crypto.fields import parse_packed
from privet.crypto.framing import join
from privet.crypto.kdf import mac
from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.ids import VaultId
from privet.domain.ports import EntryRow, ReadUnit, Store, WriteUnit
from privet.errors import CatalogueError, IntegrityError

_NOTE = "catalogue/shape"
_MAC = "catalogue/numbers"
_PAGE = 500


def adopt(
    store: Store,
    catalogue: Catalogue,
    entry: Callable[[Catalogue, str], EntryRow],
    *,
    file: str,
    keyring: Keyring,
    vault: VaultId,
) -> Catalogue:
    """The catalogue with its permanent numbers, current in the vault when this returns.

    `entry` makes the leaf of a new revision (given the numbered catalogue and the digest before). Raises
    CatalogueError when a field that holds data was dropped or changed its type, IntegrityError when the stored numbers
    are not those that were given.
    """
    key = keyring.expand_root(join(b"catalogue numbers", vault))
    with store.read() as unit:
        _verify_numbers(unit, key)
        numbers, before = dict(unit.numbers()), unit.state().catalogue_digest
    if before == catalogue.digest:
        return with_numbers(catalogue, numbers)
    with store.write() as unit:
        _verify_numbers(unit, key)
        before = unit.state().catalogue_digest
        numbers = dict(unit.numbers())
        added = _new_numbers(catalogue, numbers)
        numbered = with_numbers(catalogue, numbers | added)
        _refuse_orphans(unit, numbered, numbers, file)
        if before != catalogue.digest:
            unit.set_catalogue(catalogue.digest, added)
            unit.set_service_note(_MAC, mac(key, _numbers(numbers | added)))
            unit.set_service_note(_NOTE, orjson.dumps(_shape(numbered), option=orjson.OPT_SORT_KEYS))
            unit.append([entry(numbered, before)])
    return numbered


def _verify_numbers(unit: ReadUnit, key: bytes) -> None:
    numbers = unit.numbers()
    stored = unit.find_service_note(_MAC)
    if stored is None and not numbers and not unit.count_subjects():
        return  # a new vault
    if stored is None or not hmac.compare_digest(stored, mac(key, _numbers(numbers))):
        raise IntegrityError(
            "the database's numbers for the catalogue's fields are not those this vault gave them; restore a backup"
        )


def _numbers(numbers: Mapping[tuple[str, str], int]) -> bytes:
    return orjson.dumps(sorted([kind, name, number] for (kind, name), number in numbers.items()))


def number(catalogue: Catalogue, numbers: Mapping[tuple[str, str], int]) -> Catalogue:
    """The catalogue with the numbers given, and fresh ones for what they lack. Nothing is stored."""
    return with_numbers(catalogue, {**numbers, **_new_numbers(catalogue, numbers)})


def _new_numbers(catalogue: Catalogue, numbers: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    added: dict[tuple[str, str], int] = {}
    wanted = [("field", path) for path in sorted(catalogue.every_field)]
    wanted += [("collection", name) for name in sorted(catalogue.collections)]
    top = {kind: max([n for (k, _), n in numbers.items() if k == kind], default=0) for kind, _ in wanted}
    for kind, name in wanted:
        if (kind, name) not in numbers:
            top[kind] += 1
            added[kind, name] = top[kind]
    return added


def _shape(catalogue: Catalogue) -> dict[str, str]:
    """Each field's type, to notice when it changes."""
    return {path: repr(held.type.kind) + repr(held.type.of) for path, held in catalogue.every_field.items()}


def _refuse_orphans(
    unit: WriteUnit, catalogue: Catalogue, numbers: Mapping[tuple[str, str], int], file: str
) -> None:
    stored = unit.find_service_note(_NOTE)
    if stored is None:
        return
    before: dict[str, str] = orjson.loads(stored)
    after = _shape(catalogue)
    watched = {
        numbers["field", path]: path
        for path, shape in before.items()
        if after.get(path) != shape and ("field", path) in numbers
    }
    if not watched:
        return
    held = _held_numbers(unit, frozenset(watched))
    problems = [
        f"{file}: fields.{watched[number]}: still holds data, so it can be neither dropped nor given another type; "
        "put it back, clear the values, then try again"
        for number in sorted(held)
    ]
    if problems:
        raise CatalogueError("\n".join(problems), problems=problems)


def _held_numbers(unit: WriteUnit, wanted: frozenset[int]) -> set[int]:
    """Which of these field numbers any profile or record holds. Reads names of fields, opens nothing."""
    held: set[int] = set()
    after = None
    while held != wanted:
        rows = unit.subjects_after(after, _PAGE)
        if not rows:
            break
        for row in rows:
            blobs = [row.fields, *(record.fields for record in unit.records(row.subject))]
            held |= {entry[0] for blob in blobs for entry in parse_packed(blob)} & wanted
        after = rows[-1].subject
    return held
