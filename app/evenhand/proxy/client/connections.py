"""Connections to image APIs: kept ones, the one used last first, and new ones by name, TCP and TLS. No byte of HTTP is sent here.

A connection that was closed, or that said anything while nobody asked, is never given out. Faults are UpstreamErrors that
say that nothing was sent.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from itertools import chain, zip_longest

from evenhand.errors import UpstreamError
from evenhand.proxy.client.wire import Wire

IDLE_S = 15.0
_NAMES_S = 60.0
# RFC 8305 §8: how long one address is tried alone.
_HEAD_START_S = 0.25
_REFUSED = "The image API refused the connection or has no address; nothing was sent."
_LATE = "The image API could not be connected to in time; nothing was sent."
_NO_TLS = "The TLS handshake with the image API failed; nothing was sent."
_CLOSED = "The connections to image APIs were closed, since the sidecar stops; nothing was sent."

Key = tuple[str, str, int]
Address = tuple[int, tuple[object, ...]]


class Connections:
    """Use it inside a running event loop. How many may be in use at once is decided by who asks."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, idle_s: float = IDLE_S) -> None:
        self.idle: dict[Key, list[Wire]] = {}
        self._idle_s = idle_s
        self._busy: set[Wire] = set()
        self._tls = tls or _verified()
        self._names = Names()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    def kept(self, key: Key) -> Wire | None:
        """The connection that was used last, where one is fresh."""
        wires = self.idle.get(key)
        while wires:
            wire = wires.pop()
            if wire.is_fresh():
                self._busy.add(wire)
                return wire
            wire.close()
        return None

    async def new(self, key: Key, *, timeout_s: float) -> Wire:
        """Raises UpstreamError, with nothing sent."""
        try:
            async with asyncio.timeout(timeout_s):
                wire = await self._connected(key, timeout_s)
        except TimeoutError:
            raise UpstreamError(_LATE, status=504, sent=False) from None
        if self._is_closed or wire.closed:
            wire.close()
            raise UpstreamError(_CLOSED if self._is_closed else _REFUSED, status=502, sent=False)
        self._busy.add(wire)
        return wire

    async def _connected(self, key: Key, timeout_s: float) -> Wire:
        scheme, host, port = key
        try:
            joined = await self._names.joined(host, port)
        except (OSError, UnicodeError) as fault:
            raise UpstreamError(_REFUSED, status=502, sent=False) from fault
        loop = asyncio.get_running_loop()
        try:
            if scheme != "https":
                return (await loop.create_connection(Wire, sock=joined))[1]
            name = host.rstrip(".")
            return (
                await loop.create_connection(
                    Wire, sock=joined, ssl=self._tls, server_hostname=name, ssl_handshake_timeout=timeout_s + 1
                )
            )[1]
        except (OSError, ValueError) as fault:
            raise UpstreamError(_NO_TLS if scheme == "https" else _REFUSED, status=502, sent=False) from fault

    def leave(self, key: Key, wire: Wire) -> None:
        """Ends an exchange: the connection is kept where another may follow, and closed where not."""
        self._busy.discard(wire)
        if not wire.end():
            return
        if self._is_closed:
            wire.close()
            return
        loop = asyncio.get_running_loop()
        wire.idle_since = loop.time()
        self.idle.setdefault(key, []).append(wire)
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_s, self._close_old)

    def _close_old(self) -> None:
        """One timer for all; each list is in the order of time."""
        loop = asyncio.get_running_loop()
        ends = loop.time() - self._idle_s + 0.001
        for key, wires in list(self.idle.items()):
            while wires and (wires[0].closed or wires[0].idle_since <= ends):
                wires.pop(0).close()
            if not wires:
                del self.idle[key]
        oldest = min((wires[0].idle_since for wires in self.idle.values()), default=None)
        self._sweep = None if oldest is None else loop.call_at(oldest + self._idle_s, self._close_old)

    async def aclose(self) -> None:
        """Those in use break off."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for wire in chain(self._busy, *self.idle.values()):
            wire.close()
        self._busy.clear()
        self.idle.clear()
        await asyncio.sleep(0)


class Names:
    """Addresses of names, asked for once at a time and kept for a minute."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[Address]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[list[Address]]] = {}

    async def joined(self, host: str, port: int) -> socket.socket:
        """A connected socket. Raises OSError or UnicodeError."""
        addresses = await self._addresses(host, port)
        try:
            return await _raced(addresses)
        except OSError:
            self._known.pop((host, port), None)
            raise

    async def _addresses(self, host: str, port: int) -> list[Address]:
        until, known = self._known.get((host, port), (0.0, []))
        loop = asyncio.get_running_loop()
        if known and loop.time() < until:
            return known
        asking = self._asking.get((host, port))
        if asking is None:
            asking = self._asking[host, port] = loop.create_task(self._ask(host, port))
            asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Who leaves does not take the answer away from the others.
        return await asyncio.shield(asking)

    async def _ask(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        finally:
            del self._asking[host, port]
        addresses = _interleaved([(family, address) for family, _, _, _, address in found])
        self._known[host, port] = (loop.time() + _NAMES_S, addresses)
        return addresses


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The families in turn, that of the first address first (RFC 8305 §4)."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    other = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for pair in zip_longest(first, other) for each in pair if each is not None]


async def _raced(addresses: Sequence[Address]) -> socket.socket:
    """The first that answers; the next is tried when one failed, or was silent for a while. Raises OSError of the last."""
    if len(addresses) == 1:
        return await _joined(addresses[0])
    waiting, running, fault = list(addresses), set[asyncio.Task[socket.socket]](), OSError("no address")
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_joined(waiting.pop(0))))
            done, _ = await asyncio.wait(running, timeout=_HEAD_START_S if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                failed = task.exception()
                if failed is None:
                    running.discard(task)
                    return task.result()
                running.discard(task)
                fault = failed if isinstance(failed, OSError) else fault
        raise fault
    finally:
        await _dropped(running)


async def _dropped(running: set[asyncio.Task[socket.socket]]) -> None:
    for task in running:
        task.cancel()
    for left in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(left, socket.socket):
            left.close()


async def _joined(address: Address) -> socket.socket:
    family, place = address
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, place)
    except BaseException:
        made.close()
        raise
    return made


def _verified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
