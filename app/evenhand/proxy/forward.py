"""The proxied paths: a pure ASGI callable around the FastAPI app. It forwards what is listed and refuses the rest.

Bodies are read, judged and spliced; answers stream back as they come. An answer that breaks off never looks complete.
"""

import asyncio
from time import perf_counter

import httpx

from evenhand.dialects.splice import Body, Pieces
from evenhand.errors import BodyError, UpstreamError
from evenhand.proxy.call import Call, call_of, our_headers, report
from evenhand.proxy.errand import Asked, Errand, settled
from evenhand.proxy.headers import client_headers, fault_of, first
from evenhand.proxy.incoming import App, Client, ClientGoneError, Message, Receive, Scope, Send, Watch, client_of, replayed
from evenhand.proxy.intake import Intake, take_in
from evenhand.proxy.live import Live
from evenhand.proxy.outgoing import Outgoing
from evenhand.proxy.refusal import Refusal, refusal_body, refusal_headers, refusal_of
from evenhand.proxy.signing import signs
from evenhand.proxy.target import Upstream, check_path, disguised, passes, pick
from evenhand.proxy.upstream import Answer, ask
from evenhand.proxy.watch.logs import log, where
from evenhand.proxy.watch.meters import Meters
from evenhand.proxy.watch.tracing import decision_span
from evenhand.proxy.wishes import wishes_of
from evenhand.rules.schema import PolicyFile
from evenhand.settings import Settings

OWN_PATHS = (b"/rewrite", b"/integrations/", b"/docs", b"/openapi.json")
_OWN_STARTS = tuple(path.rstrip(b"/") + b"/" for path in OWN_PATHS)
# An echo of credentials, and a way past us (RFC 9110 §9.3.8, §9.3.6).
_NEVER = ("TRACE", "CONNECT")


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
        try:
            report(call, self.live, self.meters)
        except Exception as fault:  # the answer is out already
            log.error("report_fault", request_id=call.request_id, fault=where(fault))

    async def _own(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        """Our own API, with the same limits on what is read."""
        settings = self.live.settings
        try:
            _check_head(call, settings)
            limit = settings.batch_bytes
            intake = await take_in(
                receive, call.pairs, limit=limit, timeout_s=settings.body_timeout_s, keep_bytes=limit, decode=True
            )
            await self.app(scope, replayed(bytes(intake.body), receive), self._counted(call, send))
        except BodyError as fault:
            await _refuse(call, refusal_of(fault), send)
        except Refusal as refusal:
            await _refuse(call, refusal, send)
        except ClientGoneError:
            self.meters.clients_gone.inc()

    def _counted(self, call: Call, send: Send) -> Send:
        """Counts the answers of our own API like those of the image API."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.meters.requests.labels(own_route(call.path), str(message["status"])).inc()
            await send(message)

        return told

    async def _forward(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        settings, serving = self.live.settings, self.live.serving
        if fault := fault_of(call.pairs, limit=settings.header_bytes):
            raise Refusal(fault[0], fault[1], code="invalid_headers", close=True)
        call.serving = serving
        check_path(call.path, scope.get("extensions", {}).get("evenhand.target"))
        upstream = pick(serving.upstreams, call.path)
        call.inner = upstream.inner(call.path)
        call.operation = upstream.find(call.method, call.inner)
        call.wishes = wishes_of(call.pairs, settings, serving.rules.policy)
        if call.operation is None and not passes(upstream, call.method, call.inner):
            _check_unlisted(call, upstream, serving.rules.policy)
        client = client_of(scope)
        intake = await self._take_in(call, receive, client)
        try:
            arrived = perf_counter()
            signer = serving.signers.get(upstream.id)
            with decision_span(call.pairs, route=call.route) as span:
                call.errand = await self._errand(call, intake.body, can_sign=signer is not None)
                span.tell(call.errand.decisions)
                pairs = span.carried(call.pairs)
            is_signed = signs(call.pairs)
            outgoing = Outgoing(
                method=call.method,
                target=call.target,
                pairs=call.pairs if is_signed else pairs,
                request_id=call.request_id,
                upstream=upstream,
                decoded=intake.decoded,
                signer=signer if is_signed else None,
            )
            call.work_s = perf_counter() - arrived
            await self._exchange(call, outgoing, call.errand, Watch(receive, client), send)
        finally:
            await intake.aclose()

    async def _take_in(self, call: Call, receive: Receive, client: Client | None) -> Intake:
        settings, operation = self.live.settings, call.operation
        large = operation is None or operation.takes_files
        return await take_in(
            receive,
            call.pairs,
            limit=settings.upload_bytes if large else settings.body_bytes,
            timeout_s=settings.body_timeout_s,
            keep_bytes=settings.memory_bytes,
            decode=operation is not None,
            is_here=client is not None and client.has_sent_all(),
        )

    async def _errand(self, call: Call, body: Body, *, can_sign: bool) -> Errand:
        if call.operation is None or call.serving is None:
            return Errand(bodies=(Pieces(body),))
        asked = Asked(
            body=body,
            pairs=call.pairs,
            operation=call.operation,
            path=call.operation.names_in(call.inner),
            wishes=call.wishes,
            can_sign=can_sign,
        )
        return await settled(asked, call.serving, self.live.settings, request_id=call.request_id)

    async def _exchange(self, call: Call, outgoing: Outgoing, errand: Errand, watch: Watch, send: Send) -> None:
        settings = self.live.settings
        async with watch:
            answer = await ask(self.transport, outgoing, errand, limit=settings.answer_bytes, at_once=settings.split_at_once)
            call.answer = answer
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


def own_route(raw_path: bytes) -> str:
    """What our own API's requests are counted under."""
    return ".".join(raw_path.decode("ascii", "replace").strip("/").split("/")[:2])


def _is_own(raw_path: bytes) -> bool:
    return raw_path in OWN_PATHS or raw_path.startswith(_OWN_STARTS)


def _check_head(call: Call, settings: Settings) -> None:
    if fault := fault_of(call.pairs, limit=settings.header_bytes):
        raise Refusal(fault[0], fault[1], code="invalid_headers", close=True)


def _check_unlisted(call: Call, upstream: Upstream, policy: PolicyFile) -> None:
    """Raises Refusal where the policy denies paths that no dialect lists, or where one may be a guarded path in disguise."""
    shown = call.path[:120].decode("ascii")
    if call.method in _NEVER:
        raise Refusal(405, f"{call.method} is never forwarded; use another method.", code="method_not_allowed")
    listed = [operation for operation in upstream.operations if operation.matches(call.inner)]
    if policy.unknown_routes == "pass":
        guarded = disguised(upstream.operations, call.inner)
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
