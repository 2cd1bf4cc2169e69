"""The proxied paths: a pure ASGI callable around the FastAPI app. It forwards what is listed and refuses the rest.

Bodies are read, judged and spliced; answers stream back as they come. An answer that breaks off never looks complete.
"""

import asyncio
from time import perf_counter

import httpx

from evenhand.dialects.spec import Operation
from evenhand.errors import BodyError, UpstreamError
from evenhand.proxy.call import Call, call_of, our_headers, report
from evenhand.proxy.errand import Errand, bypassed, errand_of
from evenhand.proxy.headers import client_headers, fault_of, first
from evenhand.proxy.incoming import App, ClientGoneError, Receive, Scope, Send, Watch, read_body, replayed
from evenhand.proxy.live import Live
from evenhand.proxy.logs import log, where
from evenhand.proxy.meters import Meters
from evenhand.proxy.refusal import Refusal, refusal_body, refusal_headers, refusal_of
from evenhand.proxy.target import check_path, disguised, find, pick
from evenhand.proxy.upstream import Answer, Outgoing, ask
from evenhand.proxy.wishes import Wishes, wishes_of

OWN_PATHS = (b"/rewrite", b"/integrations/", b"/docs", b"/openapi.json")


class Proxy:
    def __init__(self, app: App, live: Live, transport: httpx.AsyncBaseTransport, meters: Meters) -> None:
        self.app = app
        self.live = live
        self.transport = transport
        self.meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        call = call_of(scope)
        if _is_own(call.path):
            await self._own(call, scope, receive, send)
            return
        try:
            await self._forward(call, scope, receive, send)
        except (BodyError, UpstreamError) as fault:
            self._note(call, fault)
            await _refuse(call, refusal_of(fault), send)
        except Refusal as refusal:
            await _refuse(call, refusal, send)
        except ClientGoneError:
            call.told.append("client_gone")
            self.meters.clients_gone.inc()
        except Exception as fault:
            log.error("fault", request_id=call.request_id, fault=where(fault))
            await _refuse(
                call, Refusal(500, "A fault of the sidecar kept the answer back; its log says where.", code="fault"), send
            )
        except asyncio.CancelledError:
            await _refuse(call, Refusal(503, "The sidecar was stopped before the answer came.", code="stopped"), send)
            raise
        report(call, self.meters, self.live.serving.revision)

    async def _own(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        """Our own API, with the same limits on what is read."""
        settings = self.live.settings
        try:
            body = await read_body(receive, call.pairs, limit=settings.batch_bytes, timeout_s=settings.body_timeout_s)
            await self.app(scope, replayed(body, receive), send)
        except BodyError as fault:
            await _refuse(call, refusal_of(fault), send)
        except ClientGoneError:
            self.meters.clients_gone.inc()

    async def _forward(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        settings, serving = self.live.settings, self.live.serving
        if fault := fault_of(call.pairs, limit=settings.header_bytes):
            raise Refusal(fault[0], fault[1], code="invalid_headers", close=True)
        check_path(call.path, scope.get("extensions", {}).get("evenhand.target"))
        call.operation = find(serving.operations, call.method, call.path)
        wishes = wishes_of(call.pairs, settings)
        if call.operation is None:
            _check_unlisted(call, self.live)
        upstream = pick(serving.upstreams, call.path)
        body = await read_body(receive, call.pairs, limit=settings.body_bytes, timeout_s=settings.body_timeout_s)
        arrived = perf_counter()
        if call.operation is None:
            call.errand = Errand(bodies=(body,))
        else:
            call.errand = await self._guarded(call, call.operation, body, wishes)
        outgoing = Outgoing(
            method=call.method, target=call.target, pairs=call.pairs, request_id=call.request_id, upstream=upstream
        )
        call.work_s = perf_counter() - arrived
        await self._exchange(call, outgoing, call.errand, receive, send)

    async def _guarded(self, call: Call, operation: Operation, body: bytes, wishes: Wishes) -> Errand:
        """A fault of ours, wherever it sits, ends as the policy says: the original goes on, or nothing does."""
        try:
            return await errand_of(body, call.pairs, operation, self.live, wishes, self.meters)
        except (BodyError, Refusal):
            raise
        except Exception as fault:
            log.error("errand_fault", request_id=call.request_id, fault=where(fault))
            return bypassed(body, operation, self.live.serving, self.meters)

    async def _exchange(self, call: Call, outgoing: Outgoing, errand: Errand, receive: Receive, send: Send) -> None:
        settings = self.live.settings
        async with Watch(receive):
            answer = await ask(self.transport, outgoing, errand, limit=settings.answer_bytes, at_once=settings.split_at_once)
            call.work_s += answer.work_s
            try:
                await self._relay(call, answer, send)
            finally:
                await answer.response.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _relay(self, call: Call, answer: Answer, send: Send) -> None:
        """All of the answer but its end, which is told only after everything went well."""
        response = answer.response
        headers = client_headers(response.headers.raw, ours=our_headers(call), body=answer.body)
        upstream_id = first(response.headers.raw, b"x-request-id")
        if upstream_id and upstream_id != call.request_id.encode():
            headers.append((b"x-upstream-request-id", upstream_id))
        call.status = response.status_code
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        start = answer.start if answer.body is None else answer.body
        if start:
            await send({"type": "http.response.body", "body": start, "more_body": True})
        if not answer.complete:
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for chunk in response.stream:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _note(self, call: Call, fault: BodyError | UpstreamError) -> None:
        if isinstance(fault, UpstreamError):
            call.told.append("upstream_sent" if fault.sent else "upstream_not_sent")
            self.meters.upstream_faults.labels(str(fault.sent).lower()).inc()


def _is_own(raw_path: bytes) -> bool:
    return any(raw_path == path or raw_path.startswith(path.rstrip(b"/") + b"/") for path in OWN_PATHS)


def _check_unlisted(call: Call, live: Live) -> None:
    """Raises Refusal where the policy denies paths that no dialect lists, or where one may be a guarded path in disguise."""
    shown = call.path[:120].decode("ascii")
    operations = live.serving.operations
    listed = [operation for operation in operations if operation.matches(call.path)]
    if live.serving.rules.policy.unknown_routes == "pass":
        guarded = disguised(operations, call.path)
        if guarded and not listed:
            raise Refusal(400, f"The path {shown} is another spelling of {guarded.path}; use that one.", code="invalid_target")
        return
    if listed:
        allowed = ", ".join(sorted({operation.method for operation in listed}))
        message = f"{call.method} is not allowed on {shown}; use {allowed}."
        raise Refusal(405, message, code="method_not_allowed", headers=[(b"allow", allowed.encode())])
    message = (
        f"No dialect lists {call.method} {shown}, and prompts there would go unchecked. "
        "To forward such paths untouched, set 'unknown_routes: pass' in the policy."
    )
    raise Refusal(404, message, code="unknown_route")


async def _refuse(call: Call, refusal: Refusal, send: Send) -> None:
    """Our own error, where no answer has begun; else nothing, so that the server breaks the connection off."""
    if call.status:
        call.told.append("broken_off")
        return
    call.status = refusal.status
    body = refusal_body(refusal, call.shape)
    headers = refusal_headers(refusal, call.shape, body) + our_headers(call)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
