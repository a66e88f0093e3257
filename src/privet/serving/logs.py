"""What the process says on standard error, one JSON object a line, for machines; on a terminal, for people.

Refuses what an exception says: its kind and place are logged, which say nothing about anybody. uvicorn's own loggers
are silent: they would print requests.
"""

import hashlib
import logging
import os
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog

from privet.config.settings.serving import TelemetrySettings
from privet.errors import PrivetError

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(settings: TelemetrySettings, *, worker: int) -> None:
    """Once a process."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())

    def named(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        del logger, method
        event["worker"] = worker
        return event

    render: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            named,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [logging.NullHandler()], False
        logger.setLevel(logging.CRITICAL)


def get_log() -> Any:
    """The logger: `log.info("event", key=value)`."""
    return structlog.get_logger()


def told(error: BaseException) -> dict[str, str]:
    """What may be logged of an exception. Only Privet's own sentences are repeated: they name nobody."""
    kind, place = type(error).__name__, place_of(error.__traceback__)
    found = {
        "kind": kind,
        "place": place,
        "reference": hashlib.sha256(f"{kind} {place}".encode()).hexdigest()[:8],
    }
    if isinstance(error, PrivetError):
        found["message"] = error.message
    return found


def place_of(traceback: TracebackType | None) -> str:
    """File and line of the innermost frame that is ours, else of the innermost."""
    place = ours = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        place = f"{os.path.basename(file)}:{traceback.tb_lineno}"  # noqa: PTH119  a code object's name, not a path
        if "privet" in file:
            ours = place
        traceback = traceback.tb_next
    return ours or place or "nowhere"


def show_code(address: str, text: str) -> None:
    """For the operator of a vault without mail. `address` is masked."""
    shown = "".join(c for c in f"{address}: {text}" if c.isprintable())
    sys.stderr.write(f"privet: code for {shown}\n")
    sys.stderr.flush()
