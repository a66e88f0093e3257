"""Services and officers: who may claim which purpose on which fields, and who may look at the log.

Refuses names that are nowhere else in the catalogue, patterns that cover nothing, and looking people up by a field
that is no look-up.
"""

from collections.abc import Mapping

from privet.config.catalogue.bindings import check_apart, read_certificates, read_oidc, read_spiffe
from privet.config.catalogue.fields import check_name
from privet.config.catalogue.problems import Path, Problems, quoted, unknown
from privet.config.catalogue.purposes import read_names
from privet.config.catalogue.shapes import OfficerShape, ServiceShape, shape_of
from privet.domain.catalogue import Field, Officer, Purpose, Service, matches


def read_services(
    raw: Mapping[str, object],
    fields: Mapping[str, Field],
    purposes: Mapping[str, Purpose],
    problems: Problems,
) -> dict[str, Service]:
    """The services by name. `fields` are all paths, those of collections too."""
    found = {}
    for name, entry in raw.items():
        path = ("services", name)
        check_name(name, path, problems)
        shape = shape_of(ServiceShape, entry, path, problems)
        found[name] = Service(
            name=name,
            purposes=frozenset(read_names(shape.purposes, purposes, (*path, "purposes"), problems)),
            fields=_patterns(shape.fields or [], fields, (*path, "fields"), problems),
            find=_find(shape.find or [], fields, (*path, "find"), problems),
            enrols=bool(shape.enrols),
            collects=frozenset(read_names(shape.collects, purposes, (*path, "collects"), problems)),
            recipient=shape.recipient or "",
            oidc=read_oidc(shape.oidc, "a service", path, problems),
            certificates=read_certificates(shape, path, problems),
            spiffe=read_spiffe(shape, path, problems),
        )
    return found


def _patterns(
    named: list[str], fields: Mapping[str, Field], path: Path, problems: Problems
) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for at, pattern in enumerate(named):
        if any(matches(pattern, field) for field in fields):
            kept[pattern] = None
        elif "*" in pattern:
            problems.error(
                (*path, at),
                f'{quoted(pattern)} covers no field; write a path, "room.*" for all below it, or "*"',
            )
        else:
            problems.error((*path, at), unknown("field", "fields", pattern, fields))
    return tuple(kept)


def _find(named: list[str], fields: Mapping[str, Field], path: Path, problems: Problems) -> frozenset[str]:
    lookups = {name for name, field in fields.items() if field.lookup is not None}
    for at, name in enumerate(named):
        if name in fields and name not in lookups:
            problems.error(
                (*path, at),
                f"{quoted(name)} finds nobody; give the field lookup: unique or shared, or remove it here",
            )
        elif name not in fields:
            problems.error((*path, at), unknown("look-up field", "look-up fields", name, lookups))
    return frozenset(named) & lookups


def read_officers(raw: Mapping[str, object], problems: Problems) -> dict[str, Officer]:
    """The officers by name, with the OpenID Connect issuer and subject by which each signs in, if any."""
    found = {}
    for name, entry in raw.items():
        path = ("officers", name)
        check_name(name, path, problems)
        oidc = shape_of(OfficerShape, entry, path, problems).oidc
        found[name] = Officer(name=name, oidc=read_oidc(oidc, "an officer", path, problems))
    return found


def check_credentials(
    services: Mapping[str, Service], officers: Mapping[str, Officer], problems: Problems
) -> None:
    """Notes credentials that would stand for two."""
    bound: dict[Path, object] = {}
    for kind, entries in (("services", services), ("officers", officers)):
        for name, entry in entries.items():
            if len(entry.oidc) == 2:
                bound[kind, name, "oidc"] = (entry.oidc["issuer"], entry.oidc["subject"])
    for name, service in services.items():
        bound |= {("services", name, "certificates", held): held for held in sorted(service.certificates)}
        bound |= {("services", name, "spiffe", held): held for held in sorted(service.spiffe)}
    check_apart(bound, problems)
