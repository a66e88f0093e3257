"""The only place where plaintext comes into being: opens what a Grant names, and nothing else of the row.

Only `release` may import this (held by the import contracts). Refuses, as one IntegrityError, a row that does not
open in its place; what was not granted stays sealed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from privet.config.values import Value, decode_value
from privet.crypto.envelope import SubjectKeys
from privet.crypto.fields import field_aad_prefix, open_values, parse_index
from privet.domain.catalogue import Catalogue, Field
from privet.domain.decision import Grant, GrantedField
from privet.domain.ids import VaultId
from privet.domain.ports import RecordRow, SubjectRow


class Opened(NamedTuple):
    """Plaintext by path, None where nothing is held, and the revisions it had."""

    values: dict[str, Value | None]
    revisions: tuple[int, ...]


class Opener:
    """Opens the fields of one vault."""

    def __init__(self, *, catalogue: Catalogue, vault: VaultId) -> None:
        self._vault = vault
        self._types = {field.number: field.type for field in catalogue.every_field.values()}

    def profile(self, keys: SubjectKeys, row: SubjectRow, grant: Grant) -> Opened:
        """The granted fields of a profile."""
        return self._open(keys, field_aad_prefix(self._vault, row.subject), row.fields, grant)

    def record(self, keys: SubjectKeys, row: RecordRow, grant: Grant) -> Opened:
        """The granted fields of one record."""
        prefix = field_aad_prefix(self._vault, row.subject, row.collection, row.record)
        return self._open(keys, prefix, row.fields, grant)

    def _open(self, keys: SubjectKeys, prefix: bytes, packed: bytes, grant: Grant) -> Opened:
        index = parse_index(packed)
        plain = open_values(keys.data_cipher, prefix, packed, index, grant.numbers)
        types = self._types
        values: dict[str, Value | None] = {}
        revisions = []
        for path, number, _ in grant.fields:
            data = plain.get(number)
            if data is None:
                values[path] = None
                revisions.append(0)
            else:
                values[path] = decode_value(types[number], data)
                revisions.append(index[number][1])
        return Opened(values, tuple(revisions))


def grant_all(fields: Sequence[Field]) -> Grant:
    """The whole of a profile or record: for the subject herself, never for a service."""
    return Grant(
        fields=tuple(GrantedField(field.path, field.number, None) for field in fields),
        numbers=tuple(field.number for field in fields),
    )
