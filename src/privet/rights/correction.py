"""Rectification (GDPR Art. 16): the subject corrects or completes her own profile.

An ordinary field changes at once. A look-up field (by which people are found and signed in) keeps its old value until
she has proved that the new one is hers, with a code sent to the *new* address; the caller sends it. Whether another
person holds that value is not looked at before the proof, so nobody can ask who is a customer here. Refuses values of
the wrong type, fields nobody may use, records of collections, and clearing the last value she can be found by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from privet.audit.leaf import Act, Decision
from privet.config.values import Value, decode_value, encode_value
from privet.crypto.fields import VALUE
from privet.domain.catalogue import Catalogue, Field
from privet.domain.ids import SubjectId
from privet.errors import InvalidInput
from privet.identify.lookup import Lookups
from privet.intake.amendment import Amendment, Amendments, Held
from privet.intake.indexing import Indexing
from privet.intake.request import check_profile
from privet.intake.working import with_expiry, write_hash
from privet.rights.pending import TRIES, encode, new_code, open_pending, parse_pending, proves, seal_pending

CUSTOMER = "customer"
_WRONG = "this code is not right, or has run out; ask for the correction again to get a new one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """What came of a correction. `pending`: the code by field, for the trusted caller to send to the new address."""

    done: tuple[str, ...]
    pending: Mapping[str, str] = field(repr=False)
    audit_id: str


class Correction:
    """Corrects profiles for their subjects."""

    def __init__(self, *, amendments: Amendments, lookups: Lookups) -> None:
        self._amendments = amendments
        self._lookups = lookups
        self._indexing = Indexing(lookups=lookups, sealer=amendments.sealer)

    @property
    def _catalogue(self) -> Catalogue:
        return self._amendments.catalogue

    def correct(
        self, subject: SubjectId, values: Mapping[str, object], *, actor: str = CUSTOMER
    ) -> Corrected:
        """Corrects fields by path; None clears. Correcting again replaces what was pending.

        Raises InvalidInput naming the field (then nothing is changed), NotFound when she is not there.
        """
        changes = self._check(values)

        def change(held: Held) -> Amendment[Corrected]:
            done, sealed, codes = [], [], {}
            for at, value in changes:
                if at.lookup is not None and value is not None and self._is_new(held, at, value):
                    codes[at.path] = self._wait(held, at, value)
                else:
                    sealed.append(self._set(held, at, value))
                    done.append(at.path)
            entry = self._amendments.scribe.act(
                Act.CORRECT,
                Decision.DONE,
                {"actor": actor, "fields": sorted(done), "pending": sorted(codes)},
                keys=held.keys,
                subject=held.subject,
                classes=[self._catalogue.fields[path].category for path in done],
                count=len(done),
                written=write_hash(sealed),
            )
            made = Corrected(done=tuple(done), pending=codes, audit_id=entry.id.hex())
            return Amendment(result=made, entry=entry)

        return self._amendments.amend(subject, change)

    def confirm(self, subject: SubjectId, path: str, code: str, *, actor: str = CUSTOMER) -> str:
        """Completes a pending correction with its code; returns the audit id. From then on the new value finds her.

        Raises InvalidInput for a wrong code (five kill the correction), a run-out one, nothing pending, and, once the
        code is right, for a value that stands for another person.
        """
        at = self._lookup_field(path)
        if not 0 < len(str(code)) <= 100:
            raise InvalidInput(_WRONG, field="code")

        def change(held: Held) -> Amendment[tuple[str, InvalidInput | None]]:
            done, sealed, wrong = self._try(held, at, code)
            entry = self._amendments.scribe.act(
                Act.CORRECT,
                Decision.DONE if wrong is None else Decision.FAILED,
                {"actor": actor, "fields": [path] if done else [], "confirm": path},
                keys=held.keys,
                subject=held.subject,
                classes=[at.category] if done else [],
                count=1 if done else 0,
                written=write_hash([sealed]) if done else None,
            )
            return Amendment(result=(entry.id.hex(), wrong), entry=entry)

        audit_id, wrong = self._amendments.amend(subject, change)
        if wrong is not None:  # raised only now: the spent try is durable
            raise wrong
        return audit_id

    def _try(self, held: Held, at: Field, code: str) -> tuple[bool, bytes, InvalidInput | None]:
        """(whether it was completed, what was sealed, what to tell her)."""
        wrong = InvalidInput(_WRONG, field="code")
        text = held.facts.pending.get(at.number)
        if text is None:
            return False, b"", wrong
        pending = parse_pending(text)
        if held.now >= pending.expires or pending.tries >= TRIES:
            self._settle(held, at, None)
            return False, b"", wrong
        if not proves(pending, self._amendments.vault, held.subject, at.number, str(code)):
            spent = pending._replace(tries=pending.tries + 1)
            self._settle(held, at, encode(spent) if spent.tries < TRIES else None)
            return False, b"", wrong
        data = open_pending(held.keys, self._amendments.vault, held.subject, at.number, pending)
        self._settle(held, at, None)
        try:
            return True, self._set(held, at, decode_value(at.type, data)), None
        except InvalidInput as taken:
            return False, b"", taken

    def _check(self, values: Mapping[str, object]) -> list[tuple[Field, Value | None]]:
        checked, unknown = check_profile(self._catalogue, values)
        if unknown:
            path = unknown[0]
            if path in self._catalogue.every_field:
                who = self._catalogue.contact or self._catalogue.name
                raise InvalidInput(f"{path}: records are corrected by asking {who}", field=path)
            raise InvalidInput(f"{path[:60]!r} is not a field of the profile", field="values")
        for path, value in checked.items():
            if value is not None and path in self._catalogue.unusable:
                raise InvalidInput(f"{path}: no purpose may use this field, so it is not stored", field=path)
            if value is not None and self._catalogue.fields[path].lookup is not None:
                self._lookups.inner(self._catalogue.fields[path], str(value))
        return [(self._catalogue.fields[path], value) for path, value in checked.items()]

    def _lookup_field(self, path: str) -> Field:
        found = self._catalogue.fields.get(path)
        if found is None or found.lookup is None:
            raise InvalidInput("only look-up fields wait for a proof", field="field")
        return found

    def _is_new(self, held: Held, at: Field, value: Value) -> bool:
        """Whether this would change whom the field finds; another spelling of the same address does not."""
        before = self._amendments.sealer.inner(held.working, at)
        return before != self._lookups.inner(at, str(value))

    def _wait(self, held: Held, at: Field, value: Value) -> str:
        randomness = self._amendments.randomness
        code = new_code(randomness)
        text = seal_pending(
            held.keys,
            randomness(12),
            self._amendments.vault,
            held.subject,
            at.number,
            encode_value(at.type, value),
            code,
            held.now,
        )
        self._settle(held, at, text)
        return code

    def _settle(self, held: Held, at: Field, text: str | None) -> None:
        waiting = {number: kept for number, kept in held.facts.pending.items() if number != at.number}
        if text is not None:
            waiting[at.number] = text
        held.working.set_facts(replace(held.facts, pending=waiting))

    def _set(self, held: Held, at: Field, value: Value | None) -> bytes:
        """Seals or clears one field and moves its index. Raises InvalidInput for a look-up value of another's."""
        if at.lookup is not None:
            if value is None:
                self._refuse_last(held, at)
            self._settle(held, at, None)  # what she says now, also the old value again, is what counts
            planned = self._indexing.plan(
                held.unit, held.state.epochs, held.working, [(at, value)], may_know=frozenset()
            )
            self._indexing.apply(held.unit, held.working, planned)
        held.working.set_facts(with_expiry(held.facts, at, value, held.now))
        return self._amendments.sealer.set_value(held.working, at, value)

    def _refuse_last(self, held: Held, at: Field) -> None:
        others = (
            other
            for other in self._catalogue.fields.values()
            if other.lookup is not None and other.number != at.number
        )
        if not any((other.number, VALUE) in held.working.entries for other in others):
            raise InvalidInput(
                f"{at.path}: this is the last value you can be found by; add another first, or erase everything",
                field=at.path,
            )
