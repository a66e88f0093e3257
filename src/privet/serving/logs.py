"""What the process says on standard error, one JSON object a line, for machines; on a terminal, for people.

Refuses what an exception says: its kind and place are logged, which say nothing about anybody. uvicorn's own loggers
are silent: they would print requests. Where nothing could be written, as on a full disk, the next line that can be says
in `lost_lines` how many were lost.
"""

import hashlib
import logging
import os
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog

from privet.config.settings.serving import TelemetrySettings
from privet.errors import PrivetError
from privet.serving.stream import Unfailing

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(settings: TelemetrySettings, *, worker: int) -> bool:
    """Once a process; True when the lines are for machines. From then on standard error fails nobody who writes."""
    stream = Unfailing(sys.stderr)
    sys.stderr = cast("TextIO", stream)
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())

    def named(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        del logger, method
        event["worker"] = worker
        if stream.lost:
            event["lost_lines"] = stream.lost
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
    root = logging.getLogger()
    root.handlers = [_Relay()]
    root.setLevel(logging.WARNING)
    logging.getLogger("privet").setLevel(_LEVELS[settings.log_level])
    logging.captureWarnings(True)
    # Both print what an exception says, by default.
    threading.excepthook = lambda args: _log_stray(args.exc_value)
    sys.unraisablehook = lambda args: _log_stray(args.exc_value)
    return as_json


class _Relay(logging.Handler):
    """Words of our own modules pass. Of libraries only who spoke, and where: they quote what they handle."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] == "privet":
            get_log().log(record.levelno, record.getMessage(), logger=record.name)
            return
        place = f"{record.filename}:{record.lineno}"
        get_log().log(record.levelno, "a library has something to say", logger=record.name, place=place)


def _log_stray(error: BaseException | None) -> None:
    """Of a thread or a finaliser that failed."""
    if error is not None and not isinstance(error, SystemExit):
        get_log().error("something failed on its own", **told(error))


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
