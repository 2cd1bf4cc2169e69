"""Log lines: one JSON object a line on stderr, or plain text. Never a prompt, a credential or a query string."""

import logging
import sys
import traceback
from contextlib import suppress
from typing import Any

import structlog

from evenhand.settings import Settings

log: Any = structlog.get_logger("evenhand")


def configure(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    last: Any = (
        structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_lines,
        cache_logger_on_first_use=False,
    )
    server = logging.getLogger("uvicorn.error")
    server.handlers = [_Bridge()]
    server.propagate = False
    server.setLevel(logging.WARNING)


def where(fault: BaseException) -> str:
    """The fault's type and the place it was raised; its message may hold a prompt and stays out."""
    frames = traceback.extract_tb(fault.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return type(fault).__name__ + place


class _Lines:
    """Writes to wherever stderr is at the moment; a line that can't be written must not cost a request."""

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")

    log = debug = info = warning = error = critical = msg


def _lines(*_: Any) -> _Lines:
    return _Lines()


class _Bridge(logging.Handler):
    """What the server has to say, without tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[1] if record.exc_info else None
        log.log(record.levelno, "server", says=str(record.msg % record.args if record.args else record.msg), **_fault(fault))


def _fault(fault: BaseException | None) -> dict[str, str]:
    return {"fault": where(fault)} if fault else {}
