"""Room for as many connections as the settings allow: the process's limit of open files is raised to fit.

Refuses nothing: where the system allows fewer, connections beyond them wait, and the operator is told.
"""

import resource
from typing import Final

OTHERS: Final = 256
"""Files that are no clients: the database, anchors, the journal, mail, the policy engine."""


def allow_connections(most: int) -> int | None:
    """Raises the limit for `most` connections; None when they fit, else how many will."""
    wanted = most + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):
        allowed = soft
    return _fitting(allowed, most)


def find_too_few(most: int) -> int | None:
    """How many connections would fit, if fewer than `most`; None when they all will. Changes nothing."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if hard == resource.RLIM_INFINITY else _fitting(hard, most)


def _fitting(limit: int, most: int) -> int | None:
    return None if limit >= most + OTHERS else max(1, limit - OTHERS)
