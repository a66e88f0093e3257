"""The sentence that goes with a reason: what stands in the way, and what would help, said without a value or a person.

Refuses to say more than the reason code: the wording of one code is the same whoever the person is.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from privet.decide.spelling import Spellings
from privet.domain.answer import Withheld
from privet.domain.catalogue import Catalogue, matches
from privet.domain.decision import Reason

_SENTENCES: Mapping[str, str] = {
    Reason.PURPOSE_MISSING: "no purpose was named; say why you need this{purposes}",
    Reason.UNKNOWN_PURPOSE: "the catalogue has no such purpose{purposes}{meant}",
    Reason.UNKNOWN_SERVICE: "the catalogue has no such service",
    Reason.UNKNOWN_FIELD: "{place} has no such {kind}field{nearest}",
    Reason.INVALID_REQUEST: "the request is not well formed",
    Reason.SERVICE_NOT_PERMITTED: "{service} may not claim the purpose {purpose}{purposes}",
    Reason.LOOKUP_NOT_PERMITTED: "{service} may not name people by this look-up field{lookups}",
    Reason.PURPOSE_PROHIBITED: "{purpose} is prohibited here; no service and no consent can lift that",
    Reason.PURPOSE_NOT_PERMITTED: "{service} may not use {field} for {purpose}{alternatives}",
    Reason.NO_LEGAL_BASIS: "{purpose} has no legal basis in the catalogue",
    Reason.CONSENT_REQUIRED: "there is no consent for {purpose}; only the person can give it",
    Reason.CONSENT_REFUSED: "consent for {purpose} was refused",
    Reason.CONSENT_WITHDRAWN: "consent for {purpose} was withdrawn",
    Reason.CONSENT_EXPIRED: "consent for {purpose} has run out; only the person can renew it",
    Reason.CONSENT_INVALID: "consent for {purpose} is no longer valid",
    Reason.OBJECTED: "the person objects to {purpose}",
    Reason.RESTRICTED: "the person has restricted the use of her data",
    Reason.MINOR: "{purpose} is not for minors",
    Reason.PAUSED: "a compliance officer has paused this",
    Reason.EXPIRED: "{field} has passed its retention",
    Reason.BUDGET_SPENT: "{service} has used up its budget of reads",
    Reason.NOT_AVAILABLE: "there is nobody of that name here, or nothing may be told of her now",
    Reason.UNREADABLE: "the stored record does not open; a steward should run `privet doctor`",
    Reason.ENGINE_ERROR: "the policy engine could not decide; try again",
    Reason.ENGINE_TIMEOUT: "the policy engine did not answer in time; try again",
    Reason.REVISION_MISMATCH: "the policy engine holds another revision of the policy; try again shortly",
    Reason.BATCH_FAILED: "this read failed; try again",
}


_LISTED = 12
"""Names in one sentence."""


class Wording:
    """Sentences for one catalogue, made once each. What they name stands in the catalogue: nothing is of a person."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._withheld = lru_cache(maxsize=16_384)(self._compose)
        # A service is told of its own names only.
        self._fields = {
            name: Spellings(
                path for path in catalogue.every_field if any(matches(p, path) for p in service.fields)
            )
            for name, service in catalogue.services.items()
        }
        self._claims = {
            name: Spellings(sorted(service.purposes)) for name, service in catalogue.services.items()
        }

    def withheld(self, service: str, purpose: str, told: Mapping[str, str]) -> Mapping[str, Withheld]:
        """A Withheld for each field's reason, read-only."""
        return MappingProxyType(
            {field: self._withheld(service, purpose, field, reason) for field, reason in told.items()}
        )

    def refusal(self, withheld: Mapping[str, Withheld]) -> str:
        """One sentence for a whole refusal: the distinct sentences of its fields."""
        return "; ".join(dict.fromkeys(kept.message for kept in withheld.values()))

    def _compose(self, service: str, purpose: str, field: str, reason: str) -> Withheld:
        known = purpose if purpose in self._catalogue.purposes else "this purpose"
        field_known = field if field in self._catalogue.every_field else "this field"
        collection = self._collection(field)
        sentence = _SENTENCES.get(reason, "refused").format(
            place=f"the collection {collection}" if collection else "the catalogue",
            kind="" if collection else "profile ",
            service=service,
            purpose=known,
            field=field_known,
            meant=self._meant(service, purpose) if reason == Reason.UNKNOWN_PURPOSE else "",
            purposes=self._purposes(service),
            lookups=self._lookups(service),
            nearest=self._nearest(service, field) if reason == Reason.UNKNOWN_FIELD else "",
            alternatives=self._alternatives(service, field) if reason == Reason.PURPOSE_NOT_PERMITTED else "",
        )
        return Withheld(reason, sentence)

    def _collection(self, field: str) -> str:
        """Of which collection an unknown field would be; "" for one of the profile, and for one that is known."""
        name = field.partition(".")[0]
        known = name in self._catalogue.collections and field not in self._catalogue.every_field
        return name if known else ""

    def _purposes(self, service: str) -> str:
        known = self._catalogue.services.get(service)
        return f"; purposes it may: {_listed(sorted(known.purposes))}" if known and known.purposes else ""

    def _lookups(self, service: str) -> str:
        known = self._catalogue.services.get(service)
        return f"; look-ups it may: {_listed(sorted(known.find))}" if known and known.find else ""

    def _meant(self, service: str, purpose: str) -> str:
        """A purpose of this service that was meant, it may be."""
        known = self._claims.get(service)
        found = known.near(purpose) if known is not None else ()
        return f"; do you mean {_listed(found)}?" if found else ""

    def _nearest(self, service: str, field: str) -> str:
        """A field of this service that was meant, it may be."""
        known = self._fields.get(service)
        found = known.near(field) if known is not None else ()
        if field in found:  # known, but not of the profile
            return f"; {field} is of a collection: ask for its history"
        return f"; do you mean {_listed(found)}?" if found else ""

    def _alternatives(self, service: str, field: str) -> str:
        """The purposes for which this very service could have this field, if the person lets it."""
        known, held = self._catalogue.services.get(service), self._catalogue.every_field.get(field)
        if known is None or held is None:
            return ""
        if not any(matches(pattern, field) for pattern in known.fields):
            return f"; {field} is not among the fields of {service}"
        permitted = self._catalogue.purposes_of(held)
        may = sorted(purpose for purpose in known.purposes if purpose in permitted)
        return f"; purposes that may: {_listed(may)}" if may else f"; no purpose of {service} may"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
