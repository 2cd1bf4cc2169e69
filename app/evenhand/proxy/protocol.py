"""The HTTP parser and event loop: httptools and uvloop where installed, h11 and asyncio elsewhere.

The server's own parsers wait without end for a slow client, keep what comes to nothing, take fields behind a body for
headers, go deaf after an upgrade nobody wanted and count no connections. All of it is mended here, for both parsers alike:
every state of a connection has a deadline, and a connection too many is told so at once. Nothing here reads a body.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from evenhand.proxy.door import Door, message_of
from evenhand.proxy.refusal import Refusal
from evenhand.settings import Settings

try:
    import httptools
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:
    httptools = None  # type: ignore[assignment]
    HttpToolsProtocol = H11Protocol  # type: ignore[assignment, misc]

Phase = Literal["head", "busy", "rest", "idle"]

KEEP_ALIVE_S = 75
# Above `header_bytes` a request is refused with a log line of its own; above this many times that it is not read on.
HEAD_TIMES = 2

_UNREADABLE = Refusal(400, "This is not an HTTP/1.1 request that can be read in one way only.", code="bad_request", close=True)
_HEAD_TOO_LARGE = Refusal(
    431, "The request headers are too large; send fewer or shorter ones.", code="headers_too_large", close=True
)


class Strict(asyncio.Protocol):
    """Put before one of the server's protocols. A deadline starts where a phase does, and no byte moves it."""

    settings: ClassVar[Settings]
    door: ClassVar[Door]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    connections: set[Any]
    cycle: Any
    _phase: Phase | None = None
    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _deaf = False

    def phase(self) -> Phase:
        """`head`: a request must come; `busy`: one is answered; `rest`: answered, its body still comes; `idle`: between two."""
        return "busy" if self.running() is not None else self.quiet()

    def running(self) -> Any:
        """The cycle of the request that is answered now, or None."""
        return self.cycle if self.cycle is not None and not self.cycle.response_complete else None

    def quiet(self) -> Phase:
        """The phase while nothing is answered."""
        return "head"

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= self.settings.max_connections:
            self.door.turn_away(transport)
            return
        super().connection_made(transport)
        self.look()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._deaf:
            self.read(data)
            self.look()

    def read(self, data: bytes) -> None:
        super().data_received(data)

    def look(self) -> None:
        """Sets the deadline of the phase we are in, where it has just begun."""
        phase = self.phase()
        if phase == self._phase or self.transport.is_closing():
            return
        self._phase = phase
        if self._timer is not None:
            self._timer.cancel()
        due_s = {"busy": None, "idle": KEEP_ALIVE_S}.get(phase, self.settings.header_timeout_s)
        self._timer = None if due_s is None else self.loop.call_later(due_s, self._expire)

    def _expire(self) -> None:
        """What is already written may still leave, but not without end."""
        self.transport.close()
        self._timer = self.loop.call_later(self.settings.body_timeout_s, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not take its answer; it has as long as for a body of its own."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.settings.body_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def refuse(self, refusal: Refusal) -> None:
        """Ends the connection, at once or behind the answer to a request that came whole and may be paid for."""
        running = self.running()
        if running is not None and not running.more_body:
            running.keep_alive = False
            self._deaf = True
            return
        if running is None or not running.response_started:
            self.transport.write(message_of(refusal))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self.refuse(_UNREADABLE)

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that is not taken is a plain request (RFC 9110 §7.8) and no news."""


# Visible ASCII without a fragment (RFC 9112 §3.2).
_TARGET = re.compile(rb"[!\"$-~]+")
# What h11 lets pass in a head: ends of lines by one character, folded lines, control characters (RFC 9112 §2.2, §5.2).
_ODD = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\n[ \t]|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FRAMING = (b"content-length", b"transfer-encoding")
_END = re.compile(rb"\r?\n\r?\n")


def _is_plain(version: str, target: bytes) -> bool:
    return version in ("1.0", "1.1") and _TARGET.fullmatch(target) is not None


class _Connection(h11.Connection):
    """As strict as httptools. `hint` is the status that the last fault would be told with."""

    hint = 400

    def next_event(self) -> Any:
        if self.their_state is h11.IDLE and _ODD.search(_END.split(self.trailing_data[0], maxsplit=1)[0]):
            raise h11.RemoteProtocolError("a head that is not plainly framed")
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as fault:
            self.hint = fault.error_status_hint
            raise
        if isinstance(event, h11.Request) and not _is_plain(event.http_version.decode(), event.target):
            raise h11.RemoteProtocolError("a request line that is not plain")
        return event


class PlainProtocol(Strict, H11Protocol):
    """h11 tells the target as it was spelled and limits what comes to nothing by itself."""

    conn: _Connection

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.conn = _Connection(h11.SERVER, HEAD_TIMES * self.settings.header_bytes)

    def quiet(self) -> Phase:
        if self.cycle is None:
            return "head"
        if self.conn.their_state is h11.SEND_BODY:
            return "rest"
        return "head" if self.conn.trailing_data[0] else "idle"

    def read(self, data: bytes) -> None:
        """What comes behind an announced end is not looked at."""
        if self.conn.their_state is not h11.MUST_CLOSE:
            super().read(data)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.look()

    def send_400_response(self, msg: str) -> None:
        self.refuse(_HEAD_TOO_LARGE if self.conn.hint == 431 else _UNREADABLE)


class FastProtocol(Strict, HttpToolsProtocol):
    """httptools sets no limit of its own; `_dull` counts the bytes that came to no head, no body and no end."""

    _running: Any = None
    _in_head = True
    _whole = True
    _behind_head = False
    _steps = 0
    _dull = 0
    _leaving: Callable[[], None] | None = None

    def running(self) -> Any:
        return self._running if self._running is not None and not self._running.response_complete else None

    def quiet(self) -> Phase:
        if self._running is None or (self._in_head and not self._whole):
            return "head"
        return "idle" if self._whole else "rest"

    def read(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        steps = self._steps
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.refuse(_UNREADABLE)
            return
        self._dull = self._dull + len(data) if steps == self._steps else 0
        if self._dull > HEAD_TIMES * self.settings.header_bytes:
            self.refuse(_HEAD_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        """The parser ends at an upgrade; another one goes on with the body, but not into a tunnel that was never opened."""
        while data and not self._deaf:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._deaf = self.scope["method"] == "CONNECT"
                self.cycle.keep_alive = self.cycle.keep_alive and not self._deaf
                self._start_behind_head()

    def _start_behind_head(self) -> None:
        """A new parser is told how the body is framed, and nothing else."""
        framing = [b"%s: %s\r\n" % pair for pair in self.headers if pair[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self._behind_head = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._behind_head = False

    def on_url(self, url: bytes) -> None:
        if not self._behind_head:
            super().on_url(url)

    def on_message_begin(self) -> None:
        if self._behind_head:
            return
        super().on_message_begin()
        self._in_head, self._whole = True, False
        self._steps += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Fields behind a body are no headers (RFC 9110 §6.5.1)."""
        if self._in_head and not self._behind_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._behind_head:
            return
        self._in_head = False
        self._steps += 1
        if not _is_plain(self.parser.get_http_version(), self.url):
            raise ValueError("a request line that is not plain")
        super().on_headers_complete()
        self.scope["raw_path"] = self.url.partition(b"?")[0]
        self.scope["extensions"] = {"evenhand.target": self.url, "evenhand.client": self}  # type: ignore[dict-item]

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """An upgrade is told to be complete before its body."""
        if self.parser.should_upgrade() and any(name in _FRAMING for name, _ in self.headers):
            return
        self._whole = True
        self._steps += 1
        super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.look()

    def connection_lost(self, exc: Exception | None) -> None:
        """The request that is answered may not be the one that was read last."""
        super().connection_lost(exc)
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        if self._leaving is not None:
            self._leaving()

    def has_sent_all(self) -> bool:
        """See incoming.Client."""
        return not self._running.more_body

    def on_leaving(self, do: Callable[[], None] | None) -> None:
        """See incoming.Client. Who leaves is noticed only while bytes are read."""
        self._leaving = do
        if do is None:
            return
        if self._running.disconnected:
            do()
        else:
            self.flow.resume_reading()


def http_protocol(settings: Settings, turned_away: Callable[[], object] = int) -> type[asyncio.Protocol]:
    """One for each port, since each counts its own connections; `turned_away` is called for each one above the limit."""
    base = PlainProtocol if settings.http_parser == "h11" or httptools is None else FastProtocol
    return type(base.__name__, (base,), {"settings": settings, "door": Door(settings.max_connections, turned_away)})


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
