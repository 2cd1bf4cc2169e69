"""One connection to an image API: bytes of a request go out, an answer is read as it comes, one exchange at a time.

A fault is an UpstreamError that says that something was sent. After one, and after anything that is not exactly one whole
answer to one whole request, the connection is closed and never used again.
"""

import asyncio
import select
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, cast

from evenhand.errors import UpstreamError
from evenhand.proxy.client.reading import Reading

_BUFFER_BYTES = 262_144
_LATE = "The image API did not answer in time; it may still have drawn the picture."
_BROKEN = "The image API broke off the connection; it may still have drawn the picture."
_UNSENDABLE = "The request's body could not be read to its end, so the image API got a part of it only."


class Wire(Reading, asyncio.Protocol):
    """`fault` is why the answer of this exchange will not be whole."""

    __slots__ = (
        "_is_full", "_is_paused", "_loop", "_poll", "_room", "_sending", "_timer", "_transport", "_waiter",
        "closed", "fault", "idle_since",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._is_full = self._is_paused = self.closed = False
        self.fault: UpstreamError | None = None
        self.idle_since = 0.0

    def begin(self, *, timeout_s: float, has_body: bool) -> None:
        """From now on one answer is awaited, for `timeout_s` at most with all of its body."""
        self.expect(has_body=has_body)
        self._timer = self._loop.call_later(timeout_s, self.fail, _LATE, 504)

    def write(self, data: bytes | memoryview) -> None:
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    def send(self, body: Coroutine[Any, Any, bool]) -> None:
        """Writes a large body while the answer may already come; `body` tells whether all of it went out."""
        self._sending = self._loop.create_task(self._sent(body))

    async def _sent(self, body: Coroutine[Any, Any, bool]) -> None:
        try:
            is_whole = await body
        except Exception:  # whatever the source of the body raises
            is_whole = False
        if not is_whole:
            self.fail(_UNSENDABLE)

    async def drain(self) -> None:
        """Waits until there is room for more to write."""
        if self._transport is None or self._transport.is_closing():
            await asyncio.sleep(0)  # the task is cancelled by now, or soon, and this is where it hears of it
        elif self._is_full:
            self._room = self._loop.create_future()
            await self._room

    async def answer(self) -> None:
        """Waits for status and fields. Raises UpstreamError where none come."""
        while not self.status:
            if self.fault is not None:
                raise self.fault
            await self.arrival()

    async def arrival(self) -> None:
        """Waits until anything of the answer comes, or a fault."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take(self) -> bytes:
        if self._is_paused:
            self._resume()
        return super().take()

    def end(self) -> bool:
        """Ends the exchange; tells whether another one may follow on this connection. Else it is closed."""
        if self.closed or not self.stays or self._is_sending():
            self.close()
            return False
        self._sending = None
        self.take()
        return True

    def _is_sending(self) -> bool:
        """The upstream may answer before it has read all of the request."""
        written = self._transport is not None and self._transport.get_write_buffer_size() == 0
        return not written or not (self._sending is None or self._sending.done())

    def is_fresh(self) -> bool:
        """Nothing has come since the last answer, not even an end that the event loop has not seen yet."""
        return not self.closed and (self._poll is None or not self._poll.poll(0))

    def fail(self, message: str, status: int = 502) -> None:
        if self.fault is None and not self.complete:
            self.fault = UpstreamError(message, status=status, sent=True)
        self.close()

    def close(self) -> None:
        """What was not whole by now will not be."""
        if self.fault is None and not self.complete:
            self.fault = UpstreamError(_BROKEN, status=502, sent=True)
        self.closed = True
        if self._transport is not None:
            self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()
        self._wake()
        self.resume_writing()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        self._is_paused = False
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        awaited = not (self.complete or self.closed)
        if not awaited:
            self.close()  # bytes that belong to no request of ours
            return
        if why := self.feed(data):
            self.fail(why)
        elif self.complete and self._timer is not None:
            self._timer.cancel()
        elif self.buffered > _BUFFER_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        if not self.complete and self.ends_by_closing() and self._is_clean_end():
            self.finish(stays=False)
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.close()
        self._transport = self._poll = self.parser = None  # they hold one another

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _is_clean_end(self) -> bool:
        """Whether TLS, where it is spoken, was ended by the other side and not by somebody on the way (RFC 8446 §6.1)."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        if tls is None:
            return True
        with suppress(ssl.SSLError):
            return bool(tls.read(1) == b"")
        return False
