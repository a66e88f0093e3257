"""What a schema cannot say, and schemathesis therefore cannot know: an idempotency key is for one request."""

import uuid
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], **_: Any) -> None:
    """A fresh key wherever a well-formed one would have been sent twice."""
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if key is not None and case.meta is not None and case.meta.generation.mode.is_positive:
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
