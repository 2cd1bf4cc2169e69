"""The request side: what an ASGI request is, which bodies we read, and noticing when the client leaves."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from evenhand.errors import BodyError
from evenhand.proxy.headers import Pairs, first

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGoneError(Exception):
    """The client closed the connection; nobody is left to answer."""


class Client(Protocol):
    """What a server of ours knows of who sent the request that is answered, in the scope's extension `evenhand.client`."""

    def has_sent_all(self) -> bool:
        """Whether the whole body is here, so that `receive` tells it at once."""

    def on_leaving(self, do: Callable[[], None] | None) -> None:
        """`do` is called once, when the client leaves or where it has left already; None takes that back."""


def client_of(scope: Scope) -> Client | None:
    """None with other servers."""
    client: Client | None = scope.get("extensions", {}).get("evenhand.client")
    return client


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that tells a body once more that was read already."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def check_content(pairs: Pairs, media: Sequence[str]) -> None:
    """Raises BodyError 415 unless the body is one of `media` in UTF-8."""
    kind, _, parameters = (first(pairs, b"content-type") or b"").decode("latin-1").partition(";")
    if kind.strip().lower() not in media:
        raise BodyError(f"The Content-Type is '{kind.strip()}'; it must be {' or '.join(filter(None, media))}.", status=415)
    charsets = [item.partition("=")[2].strip(' "').lower() for item in parameters.split(";") if "charset" in item.lower()]
    if any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise BodyError(f"The charset is '{charsets[0]}'; send the body as UTF-8.", status=415)


class Watch:
    """While entered, cancels the task of the `with` block when the client leaves, and raises ClientGoneError there."""

    def __init__(self, receive: Receive, client: Client | None = None) -> None:
        """`receive` is asked where the server does not tell of itself who leaves."""
        self._receive = receive
        self._client = client
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> "Watch":
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if self._client is not None:
            self._client.on_leaving(self._leave)
        else:
            self._watcher = asyncio.create_task(self._wait())
        return self

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        self._gone = True
        self._task.cancel()

    async def __aexit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if self._client is not None:
            self._client.on_leaving(None)
        if self._watcher is not None:
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
