"""The client side: an `httpx.AsyncBaseTransport` over aiohttp's connections, called directly and never through AsyncClient.

An httpx.Request comes in; a streaming httpx.Response goes out, headers raw and in order, the body as it arrived.
It follows no redirect, keeps no cookie, reads no environment and sends nothing twice. Faults are UpstreamErrors; where every
connection is in use for longer than a caller may wait, a Refusal says so.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import TracebackType

import aiohttp
import httpx
from aiohttp import ClientTimeout, hdrs
from multidict import CIMultiDict
from yarl import URL

from evenhand.errors import UpstreamError
from evenhand.proxy.refusal import Refusal

_OWN_HEADERS = frozenset({hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE})
_LINE_BYTES = 65_536


class Pool:
    """So many connections at most; who comes later waits in order, for `wait_s` at most."""

    def __init__(self, places: int, *, wait_s: float) -> None:
        self.in_use = 0
        self._places = places
        self._wait_s = wait_s
        self._gate = asyncio.Semaphore(places)

    async def enter(self) -> "Place":
        """Raises Refusal 503 where no connection becomes free in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._gate.acquire()
        except TimeoutError:
            message = (
                f"All {self._places:,} connections to image APIs are in use, so nothing was sent; "
                "try again, or raise EVENHAND_CONNECTIONS."
            )
            raise Refusal(503, message, code="pool_full", retry=True) from None
        self.in_use += 1
        return Place(self)

    def leave(self) -> None:
        self.in_use -= 1
        self._gate.release()


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

    __slots__ = ("_answer", "_place")

    def __init__(self, answer: aiohttp.ClientResponse, place: Place) -> None:
        self._answer = answer
        self._place = place

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise _told(fault) from fault
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        self._answer.close()
        self._place.leave()


class UpstreamTransport(httpx.AsyncBaseTransport):
    """One pool of connections for all callers. Use it inside a running event loop."""

    def __init__(self, *, connections: int, timeout_s: float, connect_timeout_s: float, pool_wait_s: float = 1.0) -> None:
        self._defaults = {"total": timeout_s, "connect": connect_timeout_s}
        self._pool = Pool(connections, wait_s=pool_wait_s)
        self._session = aiohttp.ClientSession(
            # Waiting for a connection in use and making a new one have deadlines of their own, so the first is ours.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_OWN_HEADERS,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
        )

    @property
    def in_use(self) -> int:
        """Connections that carry a request at this moment, or are being made for one."""
        return self._pool.in_use

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """`extensions` may hold `target` (the raw path and query to send) and `timeout` (seconds: total, connect)."""
        place = await self._pool.enter()
        try:
            answer = await self._asked(request)
        except BaseException:
            place.leave()
            raise
        return httpx.Response(answer.status, headers=list(answer.raw_headers), stream=UpstreamStream(answer, place))

    async def _asked(self, request: httpx.Request) -> aiohttp.ClientResponse:
        url = request.url
        target: bytes = request.extensions.get("target", url.raw_path)
        limits = self._defaults | request.extensions.get("timeout", {})
        try:
            answer = await self._session.request(
                request.method,
                URL(f"{url.scheme}://{url.netloc.decode()}{target.decode('ascii')}", encoded=True),
                headers=_sendable(request.headers.raw),
                data=await _body(request),
                allow_redirects=False,
                timeout=ClientTimeout(total=limits["total"], connect=limits["connect"]),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise _told(fault) from fault
        if answer.status < 200:
            answer.close()
            raise UpstreamError("The image API changed to a protocol that nobody asked for.", status=502, sent=True)
        return answer

    async def aclose(self) -> None:
        await self._session.close()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


async def _body(request: httpx.Request) -> bytes | httpx.AsyncByteStream | None:
    """Bytes where the whole body is at hand; else a stream, whose length the headers tell."""
    if isinstance(request.stream, httpx.ByteStream):
        return await request.aread() or None
    assert isinstance(request.stream, httpx.AsyncByteStream)
    return request.stream


def _sendable(headers: Iterable[tuple[bytes, bytes]]) -> CIMultiDict[str]:
    """aiohttp encodes header values as UTF-8, so only values that are UTF-8 keep their bytes."""
    try:
        return CIMultiDict((name.decode("ascii"), value.decode("utf-8")) for name, value in headers)
    except UnicodeDecodeError:
        raise UpstreamError(
            "A request header holds bytes that are not UTF-8, which can't be forwarded.", status=400, sent=False
        ) from None


def _told(fault: BaseException) -> UpstreamError:
    """What went wrong in a sentence without URL or header. Only a failed connect is certain to have sent nothing."""
    if isinstance(fault, aiohttp.ConnectionTimeoutError):
        return UpstreamError("The image API could not be connected to in time; nothing was sent.", status=504, sent=False)
    if isinstance(fault, aiohttp.ClientSSLError):
        return UpstreamError("The TLS handshake with the image API failed; nothing was sent.", status=502, sent=False)
    if isinstance(fault, aiohttp.ClientConnectorError):
        return UpstreamError("The image API refused the connection or has no address; nothing was sent.", status=502, sent=False)
    if isinstance(fault, asyncio.TimeoutError):
        return UpstreamError("The image API did not answer in time; it may still have drawn the picture.", status=504, sent=True)
    return UpstreamError("The image API broke off the connection; it may still have drawn the picture.", status=502, sent=True)
