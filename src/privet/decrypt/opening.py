"""The only place where plaintext comes into being: opens what a Grant names, and nothing else of the row.

Only `release` may import this (held by the import contracts). Refuses, as one IntegrityError, a row that does not
open in its place; what was not granted stays sealed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from privet.config.values import UNDECODABLE, Value, bare_decoder, decode_value
from privet.crypto.envelope import SubjectKeys
from privet.crypto.fields import field_aad_prefix, open_values
from privet.domain.catalogue import Catalogue, Field
from privet.domain.decision import Grant, GrantedField
from privet.domain.ids import VaultId
from privet.domain.ports import RecordRow, SubjectRow


class Opened(NamedTuple):
    """Plaintext by path, None where nothing is held, and the contexts it was sealed in: which revisions those were."""

    values: dict[str, Value | None]
    revisions: bytes

    def __repr__(self) -> str:
        return "Opened(hidden)"


class Opener:
    """Opens the fields of one vault."""

    def __init__(self, *, catalogue: Catalogue, vault: VaultId) -> None:
        self._vault = vault
        self._types = {field.number: field.type for field in catalogue.every_field.values()}
        self._decoders = {number: bare_decoder(kind) for number, kind in self._types.items()}

    def profile(self, keys: SubjectKeys, row: SubjectRow, grant: Grant) -> Opened:
        """The granted fields of a profile."""
        return self._open(keys, field_aad_prefix(self._vault, row.subject), row.fields, grant)

    def record(self, keys: SubjectKeys, row: RecordRow, grant: Grant) -> Opened:
        """The granted fields of one record."""
        prefix = field_aad_prefix(self._vault, row.subject, row.collection, row.record)
        return self._open(keys, prefix, row.fields, grant)

    def _open(self, keys: SubjectKeys, prefix: bytes, packed: bytes, grant: Grant) -> Opened:
        plain, contexts = open_values(keys.data_cipher, prefix, packed, grant.numbers)
        decoders = self._decoders
        try:
            values: dict[str, Value | None] = {
                path: decoders[number](plain[number]) if number in plain else None
                for path, number, _ in grant.fields
            }
        except UNDECODABLE:
            values = {}
        if (
            not values
        ):  # an empty grant, or a value that does not decode: the slow way says which type it is not
            types = self._types
            for path, number, _ in grant.fields:
                values[path] = decode_value(types[number], plain[number]) if number in plain else None
        return Opened(values, contexts)


def grant_all(fields: Sequence[Field]) -> Grant:
    """The whole of a profile or record: for the subject herself, never for a service."""
    return Grant(
        fields=tuple(GrantedField(field.path, field.number, None) for field in fields),
        numbers=frozenset(field.number for field in fields),
    )
