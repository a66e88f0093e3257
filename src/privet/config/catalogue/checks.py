"""What only the whole catalogue shows: special fields without a ground (refused), and what is legal but odd (warned).

The purpose rule itself is `Catalogue.purposes_of` (Byun & Li 2008); prohibition always wins.
"""

from privet.config.catalogue.problems import Path, Problems, quoted
from privet.domain.catalogue import Catalogue, Field, LegalBasis, Purpose, matches


def check(catalogue: Catalogue, problems: Problems) -> None:
    """Notes errors and warnings. The graph of purposes must have no cycle."""
    barred = frozenset(p.name for p in catalogue.purposes.values() if p.prohibited)
    for field in catalogue.every_field.values():
        path = field_path(field)
        _check_ground(catalogue, field, path, problems)
        _warn_both(catalogue, field, field.prohibit | barred, path, problems)
        if field.path in catalogue.unusable and path in problems.lines:
            problems.warn(
                path, "no purpose may ever use it, so writing it is refused; allow a purpose, or remove it"
            )
    for purpose in catalogue.purposes.values():
        if purpose.basis is LegalBasis.CONSENT and purpose.notice is None and not purpose.prohibited:
            problems.warn(
                ("purposes", purpose.name),
                "rests on consent and has no notice; write what the customer is told in notices/NAME.md and name it",
            )
    for name in catalogue.services:
        _warn_service(catalogue, name, problems)


def field_path(field: Field) -> Path:
    """Where a field stands in the file."""
    if field.collection is None:
        return ("fields", field.path)
    return ("collections", field.collection, "fields", field.name)


def _grounded(purpose: Purpose) -> bool:
    return purpose.basis is LegalBasis.CONSENT or purpose.notice is not None or purpose.article9 is not None


def _check_ground(catalogue: Catalogue, field: Field, path: Path, problems: Problems) -> None:
    if not field.special or any(_grounded(catalogue.purposes[p]) for p in catalogue.purposes_of(field)):
        return
    problems.error(
        path,
        "is special, and no purpose that may use it can have explicit consent or an Art. 9(2) ground; "
        "allow a purpose with basis: consent, give its purpose a notice, or state article9: on the purpose",
    )


def _warn_both(
    catalogue: Catalogue, field: Field, barred: frozenset[str], path: Path, problems: Problems
) -> None:
    for key in ("allow", "allow_masked"):
        for name in sorted(getattr(field, key)):
            against = sorted((catalogue.ancestors[name] | catalogue.descendants[name]) & barred)
            if against:
                problems.warn(
                    (*path, key),
                    f"{quoted(name)} is allowed, but {quoted(against[0])} is prohibited; prohibition wins: remove one",
                )


def _warn_service(catalogue: Catalogue, name: str, problems: Problems) -> None:
    service = catalogue.services[name]
    reach = [f for f in catalogue.every_field.values() if any(matches(p, f.path) for p in service.fields)]
    usable = frozenset[str]().union(*{catalogue.purposes_of(field) for field in reach})
    for key, claims in (("purposes", service.purposes), ("collects", service.collects)):
        for claim in sorted(claims):
            if catalogue.purposes[claim].prohibited:
                problems.warn(
                    ("services", name, key),
                    f"{quoted(claim)} is prohibited, so it will always be refused; remove it",
                )
            # Who enrols may claim a purpose only to write; a write does not need the field's allow.
            elif key == "purposes" and claim not in usable and not service.enrols:
                problems.warn(
                    ("services", name, key),
                    f"none of its fields is allowed for {quoted(claim)}; add one to fields, or remove the purpose",
                )
