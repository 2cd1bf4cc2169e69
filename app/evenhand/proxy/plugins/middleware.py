"""`EvenhandMiddleware`: the proxy's decisions in front of an ASGI app that is an image API, or a gateway to one.

Bodies of guarded operations are read, judged and spliced before the app sees them; its answer gets our fields and, where the
dialect has a place, the revised prompt. Everything else passes untouched, streams too. n images stay one request.
"""

from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from evenhand.dialects.splice import Pieces
from evenhand.errors import BodyError
from evenhand.proxy.call import Call
from evenhand.proxy.headers import Pairs, first
from evenhand.proxy.ids import request_id
from evenhand.proxy.incoming import App, ClientGoneError, Message, Receive, Scope, Send
from evenhand.proxy.intake import Intake
from evenhand.proxy.plugins.embedded import Embedded, onward, outward, refused
from evenhand.proxy.refusal import Refusal, refusal_of
from evenhand.proxy.watch.ledger import Sink
from evenhand.rules import Ruleset

# Ways to send a file past us, which would leave nothing to read.
_SHORTCUTS = ("http.response.pathsend", "http.response.zerocopysend")


class EvenhandMiddleware:
    """`prefix` is what stands before the API's own path; further settings are those of the sidecar, such as `tenant_header`.

    app.add_middleware(EvenhandMiddleware)                      # Starlette, FastAPI
    app = EvenhandMiddleware(app, rules="rules", prefix="/ai")  # any ASGI app
    """

    def __init__(
        self,
        app: App,
        *,
        rules: Ruleset | Path | str | None = None,
        dialects: str = "",
        prefix: str = "",
        sinks: Sequence[Sink] = (),
        **settings: Any,
    ) -> None:
        self.app = app
        self.embedded = Embedded(rules=rules, dialects=dialects, prefix=prefix, sinks=sinks, **settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _call_of(scope) if scope["type"] == "http" else None
        if call is None or not self.embedded.knows(call):
            await self.app(scope, receive, send)
            return
        try:
            intake = await self.embedded.take_in(call, receive)
        except ClientGoneError:
            return
        except BodyError as fault:
            await _refuse(call, refusal_of(fault), send)
            return
        try:
            await self._guarded(call, intake, scope, receive, send)
        finally:
            await intake.aclose()

    async def _guarded(self, call: Call, intake: Intake, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            errand = await self.embedded.settle(call, intake.body)
        except BodyError as fault:
            await _refuse(call, refusal_of(fault), send)
            return
        except Refusal as refusal:
            await _refuse(call, refusal, send)
            return
        body = errand.bodies[0]
        changed = {**scope, "headers": onward(call, length=len(body), decoded=intake.decoded)}
        if errand.reads_answer:
            changed["extensions"] = {k: v for k, v in (scope.get("extensions") or {}).items() if k not in _SHORTCUTS}
        try:
            await self.app(changed, _told(body, receive), _Answering(call, self.embedded, send))
        finally:
            self.embedded.tell(call)


class _Answering:
    """A `send` that adds our fields, and holds back an answer while it is to be read."""

    def __init__(self, call: Call, embedded: Embedded, send: Send) -> None:
        self._call = call
        self._embedded = embedded
        self._send = send
        self._start: Message = {}
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._holds = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._holds and message["type"] == "http.response.body":
            await self._more(message)
        else:
            await self._let_go()
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        pairs: Pairs = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        self._call.status = message["status"]
        self._start = {**message, "headers": pairs}
        plain = (first(pairs, b"content-encoding") or b"identity").strip().lower() == b"identity"
        self._holds = plain and self._embedded.reads(self._call, message["status"], pairs)
        if not self._holds:
            await self._send({**self._start, "headers": outward(self._call, pairs)})

    async def _more(self, message: Message) -> None:
        self._held.append(message.get("body", b""))
        self._held_bytes += len(self._held[-1])
        if not message.get("more_body"):
            await self._end()
        elif self._held_bytes > self._embedded.settings.answer_bytes:
            await self._let_go()

    async def _end(self) -> None:
        self._holds = False
        began, body = perf_counter(), b"".join(self._held)
        revised = self._embedded.read(self._call, self._call.status, body)
        self._call.work_s += perf_counter() - began
        await self._send({**self._start, "headers": outward(self._call, self._start["headers"], body=revised)})
        await self._send({"type": "http.response.body", "body": body if revised is None else revised, "more_body": False})

    async def _let_go(self) -> None:
        """What was held back goes on as it came."""
        if not self._holds:
            return
        self._holds = False
        await self._send({**self._start, "headers": outward(self._call, self._start["headers"])})
        await self._send({"type": "http.response.body", "body": b"".join(self._held), "more_body": True})


def _call_of(scope: Scope) -> Call:
    """Apps route by the decoded path, many of them whether or not it ends in a slash; so that one counts here."""
    root, path = scope.get("root_path", ""), scope["path"]
    inner = path.removeprefix(root) if path.startswith(f"{root}/") else path
    pairs: Pairs = [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"]]
    return Call(
        method=scope["method"],
        path=inner.rstrip("/").encode("utf-8", "surrogateescape"),
        query=scope.get("query_string", b""),
        pairs=pairs,
        request_id=request_id(first(pairs, b"x-request-id")),
        began=perf_counter(),
    )


def _told(body: Pieces, receive: Receive) -> Receive:
    """A `receive` that tells the new body, then what the server has to say."""
    waiting = _messages(body)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return again


def _messages(body: Pieces) -> Iterator[MutableMapping[str, Any]]:
    left = len(body)
    for piece in body:
        left -= len(piece)
        yield {"type": "http.request", "body": piece, "more_body": left > 0}
    if not len(body):
        yield {"type": "http.request", "body": b"", "more_body": False}


async def _refuse(call: Call, refusal: Refusal, send: Send) -> None:
    headers, body = refused(call, refusal)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
