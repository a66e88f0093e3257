"""Names of the catalogue in words: fields, groups of fields, purposes, services. Refuses to fail on one it lacks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from privet.domain.catalogue import Catalogue, Field, LegalBasis, Purpose, matches

GROUPS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Who you are", frozenset({"Name", "BirthDate", "AgeRange", "Age", "Nationality", "Language", "Gender"})),
    (
        "How to reach you",
        frozenset({"EmailAddress", "TelephoneNumber", "PhysicalAddress", "PostalCode", "City", "Country"}),
    ),
    (
        "What you like",
        frozenset(
            {
                "Preference",
                "Favourite",
                "FavouriteFood",
                "PrivacyPreference",
                "Interest",
                "Opinion",
                "RoomNumber",
            }
        ),
    ),
    ("Your health", frozenset({"Health", "HealthRecord", "Prescription", "Disability"})),
    (
        "Money",
        frozenset({"Credit", "CreditScore", "Income", "FinancialAccount", "PaymentCard", "Transaction"}),
    ),
    ("Numbers that stand for you", frozenset({"UID", "Identifier", "AccountIdentifier"})),
)
OTHER = "More about you"
_HEADING = 90

_BASES: Mapping[LegalBasis | None, str] = {
    LegalBasis.CONSENT: "only with your agreement",
    LegalBasis.CONTRACT: "needed for what you asked for",
    LegalBasis.LEGAL_OBLIGATION: "the law requires it",
    LegalBasis.VITAL_INTEREST: "somebody’s life may depend on it",
    LegalBasis.PUBLIC_TASK: "a public task",
    LegalBasis.LEGITIMATE_INTEREST: "without asking, unless you object",
    None: "never",
}


def plain(name: str) -> str:
    """`room.extra_towels` → "Room: extra towels"."""
    words = ": ".join(part.replace("_", " ").replace("-", " ").strip() for part in name.split("."))
    return words[:1].upper() + words[1:]


def group_of(field: Field) -> str:
    """The heading under which a field stands, by its category. A special one is never filed under a harmless one."""
    term = field.category.removeprefix("pd:")
    return next((heading for heading, terms in GROUPS if term in terms), OTHER)


class Labels:
    """The words of one catalogue, put together once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.uses = {path: _uses(catalogue, field) for path, field in catalogue.every_field.items()}
        """By field: what it may be used for, and the services that may use it for that, by name."""
        data = defaultdict[str, list[str]](list)
        for path, uses in sorted(self.uses.items()):
            for purpose, _ in uses:
                data[purpose].append(path)
        self.data: Mapping[str, Sequence[str]] = {name: self.join(paths) for name, paths in data.items()}
        """By purpose: the fields that some service may use for it, in words."""

    def field(self, path: str) -> str:
        """The words for a field; for a collection's field without its collection."""
        found = self.catalogue.every_field.get(path)
        return plain(path if found is None else found.name)

    def join(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Fields in words, those of one collection together: "Stays (hotel, meal)"."""
        alone, grouped = list[str](), defaultdict[str, list[str]](list)
        for path in paths:
            found = self.catalogue.every_field.get(path)
            if found is not None and found.collection is not None:
                grouped[found.collection].append(plain(found.name).lower())
            else:
                alone.append(plain(path))
        together = [f"{plain(name)} ({', '.join(sorted(names))})" for name, names in sorted(grouped.items())]
        return (*sorted(alone), *together)

    def purpose(self, name: str) -> str:
        """The catalogue's description when it is short enough for a heading, else the name in words."""
        found = self.catalogue.purposes.get(name)
        if found is None or not found.description or len(found.description) > _HEADING:
            return plain(name)
        return found.description.rstrip(".")

    def purpose_text(self, name: str) -> str:
        """What a purpose is, in full; "" where the heading says it all."""
        found = self.catalogue.purposes.get(name)
        return found.description if found is not None and len(found.description) > _HEADING else ""

    def service(self, name: str) -> str:
        """A service in words, with the company it belongs to when that is another."""
        found = self.catalogue.services.get(name)
        words = plain(name)
        return f"{words} ({found.recipient})" if found is not None and found.recipient else words

    def services_of(self, purpose: str) -> tuple[str, ...]:
        """The services that may use data for this purpose, in words."""
        return tuple(
            self.service(name)
            for name, service in sorted(self.catalogue.services.items())
            if purpose in service.purposes
        )


def _uses(catalogue: Catalogue, field: Field) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = []
    for purpose in sorted(catalogue.purposes_of(field)):
        services = tuple(
            name
            for name, service in sorted(catalogue.services.items())
            if purpose in service.purposes and any(matches(p, field.path) for p in service.fields)
        )
        if services:
            found.append((purpose, services))
    return tuple(found)


def basis_words(purpose: Purpose) -> str:
    """Why it is lawful, in a few words."""
    return _BASES[None if purpose.prohibited else purpose.basis]
