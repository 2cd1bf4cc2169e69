"""Log lines: one JSON object a line on stderr, or plain text. Never a prompt, a credential or a query string."""

import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

import structlog

from evenhand.settings import Settings


class _Log:
    """structlog's logger as it was configured last, bound once and not for every line."""

    def __init__(self) -> None:
        self.bound: Any = structlog.get_logger("evenhand")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bound, name)


log = _Log()
_encoder = json.JSONEncoder(default=repr)  # json.dumps would make one for every line


def configure(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    last: Any = (
        structlog.processors.JSONRenderer(_encoded)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, _Stamp(), last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_lines,
        cache_logger_on_first_use=False,
    )
    log.bound = structlog.get_logger("evenhand").bind()
    server = logging.getLogger("uvicorn.error")
    server.handlers = [_Bridge()]
    server.propagate = False
    server.setLevel(logging.WARNING)


class _Stamp:
    """ISO 8601 in UTC with microseconds; what stands before them is made once a second."""

    def __init__(self) -> None:
        self._kept = -1, ""

    def __call__(self, _: Any, __: str, event: Any) -> Any:
        second, rest_ns = divmod(time.time_ns(), 1_000_000_000)
        kept, told = self._kept
        if second != kept:
            told = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._kept = second, told
        event["timestamp"] = f"{told}{rest_ns // 1000:06}Z"
        return event


def _encoded(event: Any, **_: Any) -> str:
    return _encoder.encode(event)


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
