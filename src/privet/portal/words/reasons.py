"""Why something was refused, said to the person it is about. The codes are those of docs/reasons.md.

Refuses to leave a code without a sentence: one that is new says that it was refused, and its code.
"""

from collections.abc import Mapping

from privet.domain.decision import Reason

_SENTENCES: Mapping[str, str] = {
    Reason.PERMITTED: "It was allowed.",
    Reason.PURPOSE_MISSING: "No reason for the use was given. Every use must have one.",
    Reason.UNKNOWN_PURPOSE: "The reason that was given is not one we know.",
    Reason.UNKNOWN_SERVICE: "The system that asked is not one we know.",
    Reason.UNKNOWN_FIELD: "We hold nothing of that name.",
    Reason.INVALID_REQUEST: "The request was not well formed.",
    Reason.SERVICE_NOT_PERMITTED: "This system may not use data for this reason.",
    Reason.LOOKUP_NOT_PERMITTED: "This system may not look people up in this way.",
    Reason.PURPOSE_PROHIBITED: "This use is forbidden here. Nobody can allow it.",
    Reason.PURPOSE_NOT_PERMITTED: "This system may not use this for this reason.",
    Reason.NO_LEGAL_BASIS: "There is no lawful ground for this use.",
    Reason.CONSENT_REQUIRED: "You have not agreed to this.",
    Reason.CONSENT_REFUSED: "You said no to this.",
    Reason.CONSENT_WITHDRAWN: "You took your agreement back.",
    Reason.CONSENT_EXPIRED: "Your agreement had run out.",
    Reason.CONSENT_INVALID: "Your agreement is no longer valid.",
    Reason.OBJECTED: "You objected to this.",
    Reason.RESTRICTED: "You told us to stop using your data.",
    Reason.MINOR: "This use is not for people under age.",
    Reason.PAUSED: "We had paused this use.",
    Reason.EXPIRED: "It had been kept long enough, and is about to be deleted.",
    Reason.BUDGET_SPENT: "This system had read as much as it may in that time.",
    Reason.NOT_AVAILABLE: "It was not available.",
    Reason.UNREADABLE: "The record could not be read safely, so nothing was given.",
    Reason.ENGINE_ERROR: "We could not check whether it was allowed, so nothing was given.",
    Reason.ENGINE_TIMEOUT: "We could not check in time whether it was allowed, so nothing was given.",
    Reason.REVISION_MISMATCH: "Our rules were just changing, so nothing was given.",
    Reason.BATCH_FAILED: "Something failed on our side, so nothing was given.",
}


_OF_AGREEMENT: Mapping[str, str] = {
    Reason.SERVICE_NOT_PERMITTED: "This system is not one that asks for this agreement.",
}


def tell_reason(code: str, *, of_agreement: bool = False) -> str:
    """One sentence, to her. `of_agreement`: a system had asked about her agreement, not for data."""
    known = (_OF_AGREEMENT if of_agreement else _SENTENCES).get(code) or _SENTENCES.get(code)
    return known if known is not None else f"It was refused ({code[:60]})."
