"""Where a consent stands, in words to her. The statuses are DPV's (domain.consent)."""

from collections.abc import Mapping

from privet.domain.consent import ConsentStatus as Status

WORDS: Mapping[str, str] = {
    Status.UNKNOWN: "Off. You have not been asked",
    Status.REQUESTED: "Off, until you answer. You were asked",
    Status.GIVEN: "On. You agreed",
    Status.RENEWED: "On. You agreed again",
    Status.REFUSED: "Off. You said no",
    Status.WITHDRAWN: "Off. You took your agreement back",
    Status.EXPIRED: "Off. Your agreement ran out; you had given it",
    Status.INVALIDATED: "Off. Your agreement was found not to be valid",
    Status.REVOKED: "Off. We ended this",
}


def is_on(status: str) -> bool:
    """Whether data may be used under it."""
    return Status(status).permits
