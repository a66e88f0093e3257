"""What a schema cannot say, and schemathesis therefore cannot know of a request that is to be taken.

An idempotency key is for one request. A new person's look-up value is the one that she is named by. Exact numbers have
34 digits at most.
"""

import uuid
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], **_: Any) -> None:
    """Only what is well formed is changed, and only in these three ways."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.headers and case.headers.get("Idempotency-Key") is not None:
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    body: Any = case.body
    if isinstance(body, dict):
        case.body = body = _rounded(body)
        subject, values = body.get("subject"), body.get("values")
        if isinstance(subject, dict) and isinstance(values, dict):
            values.update({field: value for field, value in subject.items() if field in values})


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
