"""What a decision may know of a subject: her facts. Sealed in her row; resolved to statuses before a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from privet.domain.consent import ConsentStatus, FoldedConsent
from privet.domain.ids import Millis


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Folded from the ledger and from what she asked for. Names are catalogue names; times are milliseconds UTC."""

    consents: Mapping[str, FoldedConsent] = field(default_factory=dict)
    objected: frozenset[str] = frozenset()
    """Purposes objected to."""
    restricted: bool = False
    hold: bool = False
    """Legal hold: erasure waits."""
    minor_until: Millis | None = None
    relationship: tuple[str, ...] = ()
    expires: Mapping[int, Millis] = field(default_factory=dict)
    """When a field's retention runs out, by field number."""
    ledger: int = 0
    """Number of the last ledger entry."""
    pending: Mapping[int, str] = field(default_factory=dict)
    """Digest of the code that proves a corrected look-up value, by field number."""

    def with_consent(self, purpose: str, folded: FoldedConsent) -> "Facts":
        return replace(self, consents={**self.consents, purpose: folded}, ledger=self.ledger + 1)


PHANTOM = Facts()
"""The subject that nobody is: no consent, no flags."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingWishes:
    """What a person has refused, by the word of the control journal: it holds whatever her row says."""

    erased: bool = False
    restricted: bool = False
    objected: frozenset[str] = frozenset()
    withdrawn: Mapping[str, Millis] = field(default_factory=dict)
    """When each purpose was last withdrawn: a consent given before that is none."""

    def changed(self, **changes: Any) -> "StandingWishes":
        return replace(self, **changes)


NOTHING_STANDS = StandingWishes()


def standing_status(
    folded: FoldedConsent | None, stands: StandingWishes, purpose: str, now: int
) -> ConsentStatus:
    """A consent's status now, the journal's word counted: one given before the last withdrawal is withdrawn."""
    if folded is None:
        return ConsentStatus.UNKNOWN
    status = folded.status_at(now)
    withdrawn = status.permits and folded.at < stands.withdrawn.get(purpose, 0)
    return ConsentStatus.WITHDRAWN if withdrawn else status
