"""The only place where plaintext comes into being: opens what a Grant names, and nothing else of the row.

Only `release` may import this (held by the import contracts). Refuses, as one IntegrityError, a row that does not
open in its place; what was not granted stays sealed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from privet.config.values import UNDECODABLE, Value, bare_decoder, decode_value
from privet.crypto.envelope import SubjectKeys
from privet.crypto.fields import field_aad_prefix, open_values
from privet.crypto.row_shapes import RowShapes
from privet.domain.catalogue import Catalogue, Field
from privet.domain.decision import Grant, GrantedField
from privet.domain.ids import VaultId
from privet.domain.ports import RecordRow, SubjectRow

_KEPT = 256


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
        self._plans: dict[int, _Plan] = {}
        self._decoders = {number: bare_decoder(kind) for number, kind in self._types.items()}

    def profile(self, keys: SubjectKeys, row: SubjectRow, grant: Grant) -> Opened:
        """The granted fields of a profile."""
        return self._open(keys, field_aad_prefix(self._vault, row.subject), row.fields, grant)

    def record(self, keys: SubjectKeys, row: RecordRow, grant: Grant) -> Opened:
        """The granted fields of one record."""
        prefix = field_aad_prefix(self._vault, row.subject, row.collection, row.record)
        return self._open(keys, prefix, row.fields, grant)

    def _open(self, keys: SubjectKeys, prefix: bytes, packed: bytes, grant: Grant) -> Opened:
        plan = self._plans.get(id(grant))
        if plan is None:
            plan = self._plan(grant)
        values = plan.empty.copy()
        try:
            return Opened(values, plan.rows.open_into(keys.data_cipher, prefix, packed, values))
        except UNDECODABLE:
            pass
        # A value that does not decode: the slow way says which type it is not.
        plain, contexts = open_values(keys.data_cipher, prefix, packed, grant.numbers)
        types = self._types
        return Opened(
            {
                path: decode_value(types[number], plain[number]) if number in plain else None
                for path, number, _ in grant.fields
            },
            contexts,
        )

    def _plan(self, grant: Grant) -> "_Plan":
        """Of a grant, once: verdicts share theirs among all reads alike. By identity, so the grant is held."""
        decoders = self._decoders
        plan = _Plan(
            grant,
            {path: None for path, _, _ in grant.fields},
            RowShapes({number: (path, decoders[number]) for path, number, _ in grant.fields}),
        )
        if len(self._plans) >= _KEPT:
            self._plans.clear()
        self._plans[id(grant)] = plan
        return plan


class _Plan(NamedTuple):
    grant: Grant
    empty: dict[str, Value | None]
    """All paths in the caller's order, without values."""
    rows: RowShapes[str, Value | None]


def grant_all(fields: Sequence[Field]) -> Grant:
    """The whole of a profile or record: for the subject herself, never for a service."""
    return Grant(
        fields=tuple(GrantedField(field.path, field.number, None) for field in fields),
        numbers=frozenset(field.number for field in fields),
    )
