"""Which consent status follows which. Pure. Statuses are DPV 2's; only given and renewed permit (domain.consent).

Refuses purposes that nothing can permit: no consent is taken for a prohibited one. And refuses services the last
word: what she has refused or withdrawn herself, only she can give again.
"""

from enum import StrEnum

from privet.domain.catalogue import Catalogue, Purpose, Service
from privet.domain.consent import ConsentStatus as Status
from privet.errors import InvalidInput

_HERS_TO_LIFT = frozenset(
    {Status.REQUESTED, Status.REFUSED, Status.WITHDRAWN, Status.INVALIDATED, Status.REVOKED}
)


class Wish(StrEnum):
    """What is asked of the ledger."""

    GIVE = "give"  # she says yes
    REQUEST = "request"  # she is to be asked, or a yes of hers awaits her own confirmation
    DECLINE = "decline"  # she says no, before or after a yes


def next_status(current: Status, wish: Wish, *, by_subject: bool) -> Status | None:
    """The status that follows, or None when nothing changes.

    `current` is the status now: run-out consent counts as expired. Give: given, or renewed where a consent stood
    before (given, renewed, expired); by a service, after a no of hers or while she is being asked, only a request.
    Request: never weakens a standing consent. Decline: withdrawn after a yes (also one that ran out), refused where
    there was none, and nothing where it already is a no.
    """
    if wish is Wish.DECLINE:
        if current in (Status.GIVEN, Status.RENEWED, Status.EXPIRED):
            return Status.WITHDRAWN
        return Status.REFUSED if current in (Status.UNKNOWN, Status.REQUESTED) else None
    if wish is Wish.REQUEST or (not by_subject and current in _HERS_TO_LIFT):
        return None if current.permits or current is Status.REQUESTED else Status.REQUESTED
    return Status.RENEWED if current.permits or current is Status.EXPIRED else Status.GIVEN


def get_consentable(catalogue: Catalogue, name: str) -> Purpose:
    """The purpose. Raises InvalidInput for one that the catalogue does not know, or that nothing can permit."""
    purpose = get_known(catalogue, name)
    if not is_consentable(catalogue, name):
        raise InvalidInput(
            f"{name}: this purpose is prohibited here, and no consent can permit it", field="purpose"
        )
    return purpose


def is_consentable(catalogue: Catalogue, name: str) -> bool:
    """Whether consent to a purpose of the catalogue can permit anything."""
    near = catalogue.ancestors[name] | catalogue.descendants[name]
    return not any(catalogue.purposes[other].prohibited for other in near)


def get_known(catalogue: Catalogue, name: str) -> Purpose:
    """The purpose, prohibited or not: a no is always taken. Raises InvalidInput for an unknown one."""
    purpose = catalogue.purposes.get(name) if type(name) is str else None
    if purpose is None:
        raise InvalidInput("no purpose of that name is in the catalogue", field="purpose")
    return purpose


def profits(catalogue: Catalogue, service: Service, purpose: str) -> bool:
    """Whether a consent recorded by this service would serve itself, or open a special category of data.

    Then what it records stays requested until she confirms (design: the decision).
    """
    return purpose in service.purposes or needs_explicit(catalogue, purpose)


def needs_explicit(catalogue: Catalogue, purpose: str) -> bool:
    """Whether consent to this purpose opens a special category of data (GDPR Art. 9)."""
    return any(
        field.special and purpose in catalogue.purposes_of(field) for field in catalogue.every_field.values()
    )
