"""`EvenhandTransport`: the proxy's decisions inside of an httpx client, around the transport that really sends.

Requests of guarded operations go out spliced, and their answers come back with our fields and the revised prompt; all others
pass as they are. Faults of the inner transport are its own. Nothing is sent twice, and n images stay one request.
"""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, TypeVar

import httpx

from evenhand.errors import BodyError
from evenhand.proxy.call import Call
from evenhand.proxy.headers import Pairs, first
from evenhand.proxy.ids import request_id
from evenhand.proxy.incoming import Message, replayed
from evenhand.proxy.plugins.embedded import Embedded, onward, outward, refused
from evenhand.proxy.refusal import Refusal, refusal_of
from evenhand.proxy.watch.ledger import Sink
from evenhand.rules import Ruleset

Result = TypeVar("Result")


class EvenhandTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Around a transport of either kind. `prefix` is what stands before the API's own path in its base URL.

    httpx.Client(transport=EvenhandTransport(httpx.HTTPTransport()))
    httpx.AsyncClient(transport=EvenhandTransport(httpx.AsyncHTTPTransport()))
    """

    def __init__(
        self,
        inner: httpx.BaseTransport | httpx.AsyncBaseTransport,
        *,
        rules: Ruleset | Path | str | None = None,
        dialects: str = "",
        prefix: str = "",
        sinks: Sequence[Sink] = (),
        **settings: Any,
    ) -> None:
        # Typed as Any, since a client of either kind calls only the half that fits.
        self._inner: Any = inner
        self.embedded = Embedded(rules=rules, dialects=dialects, prefix=prefix, sinks=sinks, **settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = _call_of(request)
        if not self._knows(call, request):
            response: httpx.Response = self._inner.handle_request(request)
            return response
        request.read()
        try:
            changed = _here(self._changed(call, request))
            response = self._inner.handle_request(changed)
            if self._reads(call, response):
                response.read()
            return self._told(call, response)
        except Refusal as refusal:
            return _refused(call, refusal, request)
        finally:
            self.embedded.tell(call)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _call_of(request)
        if not self._knows(call, request):
            response: httpx.Response = await self._inner.handle_async_request(request)
            return response
        await request.aread()
        try:
            changed = await self._changed(call, request)
            response = await self._inner.handle_async_request(changed)
            if self._reads(call, response):
                await response.aread()
            return self._told(call, response)
        except Refusal as refusal:
            return _refused(call, refusal, request)
        finally:
            self.embedded.tell(call)

    def _knows(self, call: Call, request: httpx.Request) -> bool:
        return self.embedded.knows(call, origin=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}")

    async def _changed(self, call: Call, request: httpx.Request) -> httpx.Request:
        """The request to send: the client's own where nothing of it changes. Raises Refusal."""
        try:
            with await self.embedded.take_in(call, replayed(request.content, _nothing)) as intake:
                errand = await self.embedded.settle(call, intake.body)
                if not (_asks_us(call) or errand.changes_body or errand.reads_answer):
                    return request
                body = bytes(errand.bodies[0])
                headers = onward(call, length=len(body), decoded=intake.decoded)
        except BodyError as fault:
            raise refusal_of(fault) from None
        return type(request)(request.method, request.url, headers=headers, content=body, extensions=request.extensions)

    def _reads(self, call: Call, response: httpx.Response) -> bool:
        call.status = response.status_code
        return self.embedded.reads(call, call.status, _lowered(response.headers))

    def _told(self, call: Call, response: httpx.Response) -> httpx.Response:
        """With our fields; where it was read, a new one that can be read again."""
        if not self._reads(call, response):
            response.headers = type(response.headers)(outward(call, response.headers.raw))
            return response
        began, body = perf_counter(), response.content
        revised = self.embedded.read(call, call.status, body)
        call.work_s += perf_counter() - began
        new = body if revised is None and "content-encoding" in response.headers else revised
        headers = outward(call, response.headers.raw, body=new)
        library = _library(response)
        stream = library.ByteStream(body if new is None else new)
        made: httpx.Response = library.Response(
            response.status_code, headers=headers, stream=stream, extensions=response.extensions
        )
        return made

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __enter__(self) -> "EvenhandTransport":
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._inner.__exit__(exc_type, exc_value, traceback)

    async def __aenter__(self) -> "EvenhandTransport":
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc_value, traceback)


def _call_of(request: httpx.Request) -> Call:
    path, _, query = request.url.raw_path.partition(b"?")
    pairs = _lowered(request.headers)
    return Call(
        method=request.method,
        path=path,
        query=query,
        pairs=pairs,
        request_id=request_id(first(pairs, b"x-request-id")),
        began=perf_counter(),
    )


def _asks_us(call: Call) -> bool:
    return any(name.startswith(b"x-evenhand") for name, _ in call.pairs)


def _lowered(headers: httpx.Headers) -> Pairs:
    return [(name.lower(), value) for name, value in headers.raw]


def _refused(call: Call, refusal: Refusal, request: httpx.Request) -> httpx.Response:
    headers, body = refused(call, refusal)
    call.status = refusal.status
    response: httpx.Response = _library(request).Response(refusal.status, headers=headers, content=body)
    return response


def _library(made: httpx.Request | httpx.Response) -> Any:
    """The one that asks: httpx, or another with the same interface, whose classes are its own."""
    plain = type(made).__mro__[-2]
    return import_module(plain.__module__.partition(".")[0])


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _here(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs to its end in this thread, which has its own language model; aside where a loop runs here already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _looped(work)
    return _aside().submit(_looped, work).result()


def _looped(work: Coroutine[Any, Any, Result]) -> Result:
    """In a loop of its own, that no other code of the program ever sees."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@cache
def _aside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="evenhand-aside")


if hasattr(os, "register_at_fork"):
    # A forked child has no worker, and would wait for it for ever.
    os.register_at_fork(after_in_child=_aside.cache_clear)
