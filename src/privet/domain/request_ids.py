"""The id of one request, by which its caller, the service's log of errors and the audit log mean the same.

Refuses what would not stand in a header as it is (`X-Request-Id`).
"""

import re
from typing import Final

from privet.errors import InvalidInput

FORM: Final = "[A-Za-z0-9._-]{1,64}"
_fits = re.compile(FORM).fullmatch


def parse_request_id(text: object, *, field: str = "request_id") -> str:
    """Raises InvalidInput, naming `field`, without repeating what it was given."""
    if isinstance(text, str) and _fits(text):
        return text
    raise InvalidInput(
        "a request id has 1 to 64 letters, digits, dots, underscores and hyphens, in ASCII", field=field
    )
