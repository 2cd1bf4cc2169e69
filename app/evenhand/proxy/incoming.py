"""The request side: read a body with a limit and a deadline, notice when the client leaves."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from evenhand.errors import BodyError
from evenhand.proxy.headers import Pairs, every, first

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGoneError(Exception):
    """The client closed the connection; nobody is left to answer."""


async def read_body(receive: Receive, pairs: Pairs, *, limit: int, timeout_s: float) -> bytes:
    """Raises BodyError 413 above `limit` bytes, 408 after `timeout_s`; ClientGoneError where the client left."""
    told = first(pairs, b"content-length")
    if told and told.isdigit() and int(told) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(receive, limit)
    except TimeoutError:
        raise BodyError(f"The request body did not arrive within {timeout_s:g} s; send it faster.", status=408) from None


async def _collect(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that tells a body once more that was read already."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _too_large(limit: int) -> BodyError:
    return BodyError(f"The request body is larger than {limit:,} bytes, the limit here; send less.", status=413)


def check_content(pairs: Pairs, media: str) -> None:
    """Raises BodyError 415 unless the body is `media` in UTF-8, not compressed."""
    coding = [value.strip().lower() for value in every(pairs, b"content-encoding")]
    if coding and coding != [b"identity"]:
        shown = b", ".join(coding).decode("latin-1")
        raise BodyError(f"The body is encoded as '{shown}'; send it without Content-Encoding.", status=415)
    kind, _, parameters = (first(pairs, b"content-type") or b"").decode("latin-1").partition(";")
    if kind.strip().lower() != media:
        raise BodyError(f"The Content-Type is '{kind.strip()}'; it must be {media}.", status=415)
    charsets = [item.partition("=")[2].strip(' "').lower() for item in parameters.split(";") if "charset" in item.lower()]
    if any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise BodyError(f"The charset is '{charsets[0]}'; send the body as UTF-8.", status=415)


class Watch:
    """While entered, cancels the task of the `with` block when the client leaves, and raises ClientGoneError there."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False

    async def __aenter__(self) -> "Watch":
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watcher = asyncio.create_task(self._wait())
        return self

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()

    async def __aexit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        self._watcher.cancel()
        if not self._gone:
            return
        if not isinstance(fault, asyncio.CancelledError):
            await self._let_the_cancel_land()
        if self._task.uncancel() == 0:
            raise ClientGoneError from None

    @staticmethod
    async def _let_the_cancel_land() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
