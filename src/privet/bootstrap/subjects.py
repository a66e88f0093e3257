"""What may be done about one subject, wired from an open vault: for the customer's session, the steward's and the CLI.

Refuses to guess who is meant: nobody, and an ambiguous look-up, are NotFound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from privet.bootstrap.parts import Parts
from privet.consent.choices import Choices
from privet.consent.collected import Collected
from privet.consent.told import Telling
from privet.crypto.envelope import unwrap_subject_keys
from privet.domain.answer import Consent
from privet.domain.ids import NOBODY, SubjectId
from privet.domain.request import By, SubjectRef
from privet.errors import IntegrityError, NotFound
from privet.identify.current import check_current
from privet.intake.amendment import NOBODY_HERE, Amendments, Held
from privet.release.disclosure import Disclosure
from privet.rights.access import OwnData
from privet.rights.accesses import AccessBook
from privet.rights.correction import Correction
from privet.rights.erasure import Erasure
from privet.rights.portability import Portability
from privet.rights.restriction import Flags
from privet.rights.retention import Retention


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectRights:
    """The parts of consent and rights."""

    amendments: Amendments
    choices: Choices
    collected: Collected
    telling: Telling
    own: OwnData
    accesses: AccessBook
    correction: Correction
    flags: Flags
    portability: Portability
    erasure: Erasure
    retention: Retention


def wire_rights(parts: Parts) -> SubjectRights:
    """Joins them. Cheap: a session makes its own."""
    amendments = Amendments(
        store=parts.store,
        catalogue=parts.catalogue,
        keyring=parts.keyring,
        vault=parts.vault,
        sealer=parts.sealer,
        scribe=parts.scribe,
        journal=parts.journal,
        standing=parts.standing,
        clock=parts.clock,
        randomness=parts.randomness,
    )
    disclosure = Disclosure(catalogue=parts.catalogue, vault=parts.vault)
    choices = Choices(amendments=amendments)
    own = OwnData(amendments=amendments, disclosure=disclosure)
    accesses = AccessBook(amendments=amendments)

    def papers(held: Held) -> tuple[Sequence[Consent], Sequence[Mapping[str, Any]]]:
        standing, ledger = choices.papers(held)
        return standing, [entry.receipt for entry in ledger if entry.receipt is not None]

    collected = Collected(amendments=amendments, choices=choices)
    return SubjectRights(
        amendments=amendments,
        choices=choices,
        collected=collected,
        telling=Telling(
            amendments=amendments,
            choices=choices,
            collected=collected,
            judge=parts.judge,
            controls=parts.controls,
        ),
        own=own,
        accesses=accesses,
        correction=Correction(amendments=amendments, lookups=parts.lookups),
        flags=Flags(amendments=amendments),
        portability=Portability(amendments=amendments, own=own, accesses=accesses, consents=papers),
        erasure=Erasure(amendments=amendments, keypack=parts.keypack),
        retention=Retention(amendments=amendments, lookups=parts.lookups, disclosure=disclosure),
    )


def get_subject(parts: Parts, who: By) -> SubjectId:
    """The one person this look-up names.

    Raises NotFound, InvalidInput for no look-up field or a malformed value, IntegrityError when the index leads to
    somebody who does not hold the value.
    """
    found = find_subject(parts, None, who)
    if found is None:
        raise NotFound(NOBODY_HERE)
    return found


def find_subject(parts: Parts, service: str | None, who: SubjectRef) -> SubjectId | None:
    """Whom this names, by a look-up or a pairwise id of `service`; None for nobody.

    Raises InvalidInput for a malformed look-up, IntegrityError when the index leads to somebody else.
    """
    with parts.store.read() as unit:
        state = unit.state()
        check_current(parts.catalogue, parts.keyring, state)
        found = parts.resolver.subjects(unit, state.epochs, [(service, who)])[0]
        if not isinstance(who, By):
            return found
        # Nobody is looked for too, so that the statements are the same whoever is, or is not, here.
        row = unit.find_rows([found or NOBODY]).get(found or NOBODY)
        parts.standing.refresh()
        stands = parts.standing.find(row.subject) if row is not None else None
    if stands is not None and stands.erased:
        return None  # erased, and put back; or a crash amid it: the next rotation takes what is left
    if row is None:
        return found
    try:
        keys = unwrap_subject_keys(parts.keyring, parts.vault, row.subject, row.keys)
    except IntegrityError:
        return found  # nothing of hers opens; she can still be erased
    parts.lookups.verify_held(keys, row, who)
    return found
