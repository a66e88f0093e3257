"""Consent in the words of the Data Privacy Vocabulary (DPV 2, ConsentStatus). Only given and renewed permit."""

from dataclasses import dataclass
from enum import StrEnum

from privet.domain.ids import Millis


class ConsentStatus(StrEnum):
    UNKNOWN = "unknown"
    REQUESTED = "requested"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    REVOKED = "revoked"

    @property
    def permits(self) -> bool:
        return self in (ConsentStatus.GIVEN, ConsentStatus.RENEWED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentRecord:
    """One entry of the append-only ledger: what the subject was shown, what she said, when, and through whom."""

    seq: int
    purpose: str
    status: ConsentStatus
    at: Millis
    until: Millis | None
    notice: str | None
    notice_version: str | None
    """SHA-256 of the notice's text, hex: the version she saw."""
    actor: str
    """`customer`, `service:NAME` or `steward`."""
    source: str | None = None
    """Where an imported consent came from, in the importer's words."""
    audit_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldedConsent:
    """The state of one purpose as the facts hold it: the last ledger entry, folded."""

    status: ConsentStatus
    at: Millis
    until: Millis | None = None
    notice_version: str | None = None

    def status_at(self, now: int) -> ConsentStatus:
        """The status at a moment: given consent that has run out is expired."""
        if self.until is not None and now >= self.until and self.status.permits:
            return ConsentStatus.EXPIRED
        return self.status
