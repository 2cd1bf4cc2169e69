"""The client side: an `httpx.AsyncBaseTransport` over connections of our own, called directly and never through AsyncClient.

An httpx.Request comes in; a streaming httpx.Response goes out, headers raw and in order, the body as it arrived.
It follows no redirect, keeps no cookie, reads no environment and sends nothing twice. Faults are UpstreamErrors; where every
connection is in use for longer than a caller may wait, a Refusal says so.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import httpx

from evenhand.proxy.client.connections import Connections, Key
from evenhand.proxy.client.sending import body_of, head_of, send
from evenhand.proxy.client.wire import Wire
from evenhand.proxy.refusal import Refusal

_PORTS = {"http": 80, "https": 443}


class Pool:
    """So many connections at most; who comes later waits in order, for `wait_s` at most."""

    def __init__(self, places: int, *, wait_s: float) -> None:
        self.in_use = 0
        self._places = places
        self._wait_s = wait_s
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def enter(self) -> "Place":
        """Raises Refusal 503 where no connection becomes free in time."""
        if self.in_use < self._places:  # then nobody waits, since who leaves hands the place on
            self.in_use += 1
        else:
            await self._handed()
        return Place(self)

    async def _handed(self) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(self._wait_s, _give_up, turn)
        try:
            has_place = await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.result():
                self.leave()
            raise
        finally:
            timer.cancel()
            if turn in self._waiting:
                self._waiting.remove(turn)
        if not has_place:
            message = (
                f"All {self._places:,} connections to image APIs are in use, so nothing was sent; "
                "try again, or raise EVENHAND_CONNECTIONS."
            )
            raise Refusal(503, message, code="pool_full", retry=True)

    def leave(self) -> None:
        """Who has waited longest takes the place; it is free only where nobody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self.in_use -= 1


def _give_up(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)


class Place:
    """A connection's place in the pool; it is given back once, however often it is left."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Pool) -> None:
        self._pool: Pool | None = pool

    def leave(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.leave()


class UpstreamStream(httpx.AsyncByteStream):
    """The body of an answer. Closing it early closes the connection, so that the upstream sees the client leave."""

    __slots__ = ("_connections", "_key", "_place", "_wire")

    def __init__(self, wire: Wire, connections: Connections, key: Key, place: Place) -> None:
        self._wire: Wire | None = wire
        self._connections = connections
        self._key = key
        self._place = place

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (wire := self._wire) is not None:
                if wire.chunks:
                    yield wire.take()
                elif wire.complete:
                    break
                elif wire.fault is not None:
                    raise wire.fault
                else:
                    await wire.arrival()
        finally:
            self._leave()

    async def aclose(self) -> None:
        self._leave()

    def _leave(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            self._connections.leave(self._key, wire)
            self._place.leave()


class UpstreamTransport(httpx.AsyncBaseTransport):
    """One pool of connections for all callers. Use it inside a running event loop."""

    def __init__(
        self,
        *,
        connections: int,
        timeout_s: float,
        connect_timeout_s: float,
        pool_wait_s: float = 1.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._defaults = {"total": timeout_s, "connect": connect_timeout_s}
        self._pool = Pool(connections, wait_s=pool_wait_s)
        self._connections = Connections(tls=tls)

    @property
    def in_use(self) -> int:
        """Connections that carry a request at this moment, or are being made for one."""
        return self._pool.in_use

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """`extensions` may hold `target` (the raw path and query to send) and `timeout` (seconds: total, connect)."""
        body = body_of(request)
        head, length = head_of(request, body)
        limits: dict[str, Any] = request.extensions.get("timeout", {})
        total: float = limits.get("total") or self._defaults["total"]
        url = request.url
        key = (url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])
        place = await self._pool.enter()
        wire = None
        try:
            wire = self._connections.kept(key)
            if wire is None:
                began = time.monotonic()
                connect = limits.get("connect") or self._defaults["connect"]
                wire = await self._connections.new(key, timeout_s=min(connect, total))
                total -= time.monotonic() - began
            wire.begin(timeout_s=total, has_body=request.method != "HEAD")
            send(wire, head, body, length)
            await wire.answer()
        except BaseException:
            if wire is not None:
                wire.close()
                self._connections.leave(key, wire)
            place.leave()
            raise
        stream = UpstreamStream(wire, self._connections, key, place)
        return httpx.Response(wire.status, headers=wire.fields, stream=stream)

    async def aclose(self) -> None:
        await self._connections.aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()
