"""What a decision takes and gives (design: the decision). No subject id, no clock, no value is ever in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

Effect = Literal["allow", "transform", "deny"]


class Operation(StrEnum):
    READ = "read"
    FIND = "find"
    HISTORY = "history"
    WRITE = "write"


class Reason(StrEnum):
    """Every reason code. docs/reasons.md has an entry for each: what it means, who can change it."""

    PERMITTED = "permitted"
    PURPOSE_MISSING = "purpose_missing"
    UNKNOWN_PURPOSE = "unknown_purpose"
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_REQUEST = "invalid_request"
    SERVICE_NOT_PERMITTED = "service_not_permitted"
    """The service may not claim this purpose."""
    LOOKUP_NOT_PERMITTED = "lookup_not_permitted"
    """The service may not name people by this look-up field."""
    PURPOSE_PROHIBITED = "purpose_prohibited"
    """The purpose, or the field for this purpose, is prohibited; nothing lifts it."""
    PURPOSE_NOT_PERMITTED = "purpose_not_permitted"
    """This field is not for this purpose, or not for this service."""
    NO_LEGAL_BASIS = "no_legal_basis"
    CONSENT_REQUIRED = "consent_required"
    """No consent is on record (unknown or only requested)."""
    CONSENT_REFUSED = "consent_refused"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_INVALID = "consent_invalid"
    """Invalidated or revoked."""
    OBJECTED = "objected"
    RESTRICTED = "restricted"
    MINOR = "minor"
    PAUSED = "paused"
    EXPIRED = "expired"
    """The field's retention has run out; it is about to be swept."""
    BUDGET_SPENT = "budget_spent"
    NOT_AVAILABLE = "not_available"
    """No such person, or nothing of hers may be told now: the same words for both."""
    UNREADABLE = "unreadable"
    """The stored facts or keys do not open: what cannot be checked is refused."""
    ENGINE_ERROR = "engine_error"
    ENGINE_TIMEOUT = "engine_timeout"
    REVISION_MISMATCH = "revision_mismatch"
    BATCH_FAILED = "batch_failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldDecision:
    effect: Effect
    reason: str
    transform: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One answer of the policy. `released` is true when at least one field is allowed or transformed."""

    fields: Mapping[str, FieldDecision]
    obligations: tuple[str, ...]
    revision: str

    @property
    def released(self) -> bool:
        return any(f.effect != "deny" for f in self.fields.values())


class GrantedField(NamedTuple):
    """One field that a decision lets out, and how."""

    path: str
    number: int
    transform: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What `decrypt` may open: made from a decision by `decide.verdict` and by nothing else."""

    fields: tuple[GrantedField, ...]
    numbers: frozenset[int]


class PolicyEngine(Protocol):
    """A PDP: a pure function of (bundle revision, input). Raises nothing: what fails is a refusal with a reason."""

    @property
    def revision(self) -> str: ...

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        """Decides each canonical JSON input, in order."""
        ...

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        """As `decide`, but never waits for anybody: None where it would. Safe within a unit of work."""
        ...

    def assure(self) -> Reason | None:
        """Why nothing can be decided now; None when it can. May wait for as long as one question."""
        ...

    def explain(self, question: bytes) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """For each field every rule that spoke: [{"rule", "reason", "effect"}]."""
        ...

    def close(self) -> None: ...


class Remembering(PolicyEngine, Protocol):
    """A PDP with a memory before it, as a vault has one."""

    @property
    def hits(self) -> int:
        """Questions answered from memory, since the start."""
        ...

    @property
    def misses(self) -> int:
        """Questions put to the engine, since the start."""
        ...
