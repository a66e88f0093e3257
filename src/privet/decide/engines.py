"""Opens the PDP that the settings name, with a memo before it.

REFUSES an engine that is not one of the three: InvalidInput.
"""

from privet.decide.bundle import Bundle
from privet.decide.memo import DEFAULT_SIZE, MemoEngine
from privet.domain.decision import PolicyEngine
from privet.errors import InvalidInput


def open_engine(bundle: Bundle, kind: str = "embedded", *, memo_size: int = DEFAULT_SIZE) -> PolicyEngine:
    """The engine `kind` for this bundle: "embedded" (regorus) or "regopy". Raises Unavailable."""
    if kind == "embedded":
        from privet.decide.embedded import EmbeddedEngine

        return MemoEngine(EmbeddedEngine(bundle), memo_size)
    if kind == "regopy":
        from privet.decide.regopy_engine import RegopyEngine

        return MemoEngine(RegopyEngine(bundle), memo_size)
    raise InvalidInput(
        f"policy.engine is {kind!r}; it must be embedded, regopy or opa", field="policy.engine"
    )
