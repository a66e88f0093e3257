"""Who is asked about: look-up values to blind indexes, indexes to subjects.

While two epochs live, an index is probed under both. Refuses to choose between two people: an ambiguous look-up
finds nobody. The index is the word of whoever can write to the database, so the row it leads to must hold the value
itself. Nothing here says whether a person may be seen; the decision does.
"""

import hmac
from collections.abc import Iterable, Mapping

from privet.crypto import blind
from privet.crypto.envelope import SubjectKeys
from privet.crypto.fields import INNER, field_aad_prefix, open_value, parse_packed
from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue, Field
from privet.domain.ids import FieldNumber, SubjectId, VaultId
from privet.domain.ports import SubjectRow
from privet.domain.request import By
from privet.errors import IntegrityError, InvalidInput
from privet.identify.normalise import normalise


class Lookups:
    """Blind indexes of one vault under its catalogue."""

    def __init__(self, *, catalogue: Catalogue, keyring: Keyring, vault: VaultId) -> None:
        self._catalogue = catalogue
        self._keyring = keyring
        self._vault = vault

    def field(self, name: str) -> Field:
        """The look-up field of that name. Raises InvalidInput when it is none."""
        found = self._catalogue.fields.get(name)
        if found is None or found.lookup is None:
            known = sorted(f.path for f in self._catalogue.fields.values() if f.lookup)
            raise InvalidInput(
                f"people cannot be looked up by this field; look-ups here are: {', '.join(known) or 'none'}",
                field="subject",
            )
        return found

    def inner(self, field: Field, value: str) -> bytes:
        """The permanent, secret half of a value's index. Raises InvalidInput for a value not of the field's type."""
        return blind.inner(self._keyring, self._vault, FieldNumber(field.number), normalise(field, value))

    def index(self, inner: bytes, epoch: int) -> bytes:
        return blind.index(self._keyring, self._vault, epoch, inner)

    def probes(self, who: By, epochs: Iterable[int]) -> tuple[bytes, ...]:
        """The index values under which this person would stand, one an epoch."""
        inner = self.inner(self.field(who.field), who.value)
        return tuple(self.index(inner, epoch) for epoch in epochs)

    def verify_held(self, keys: SubjectKeys, row: SubjectRow, who: By) -> None:
        """That the row an index led to holds, sealed, the very value that `who` names.

        Raises IntegrityError otherwise: index rows are not authenticated, and one may have been pointed at another.
        """
        field = self.field(who.field)
        found = next((e for e in parse_packed(row.fields) if e[0] == field.number and e[1] == INNER), None)
        if found is not None:
            held = open_value(keys.data_cipher, field_aad_prefix(self._vault, row.subject), found)
            if hmac.compare_digest(held, self.inner(field, who.value)):
                return
        raise IntegrityError("the look-up index leads to somebody else; run `privet doctor`")


def only_one(probes: Iterable[bytes], found: Mapping[bytes, tuple[SubjectId, ...]]) -> SubjectId | None:
    """The one subject under these probes; None for nobody and for several."""
    people = {subject for probe in probes for subject in found.get(probe, ())}
    return people.pop() if len(people) == 1 else None
