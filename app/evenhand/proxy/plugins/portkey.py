"""Portkey's webhook contract: a request's JSON comes in inside of a hook's context, the same JSON with other prompts goes out.

The dialects know where its prompts are, and only those bytes change. The verdict is always true; what is no request for
images, or can't be read, comes back untouched.
"""

import json
from collections.abc import Sequence
from time import time

from fastapi.responses import Response

from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.scan import Token
from evenhand.dialects.spec import Operation
from evenhand.errors import BodyError
from evenhand.proxy.call import Call, our_headers
from evenhand.proxy.errand import Asked, Errand, settled
from evenhand.proxy.live import Live
from evenhand.proxy.plugins.unsplit import unsplit
from evenhand.proxy.refusal import refusal_of
from evenhand.proxy.target import find
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.wishes import wishes_of

ROUTE = "integrations.portkey"
# The gateway speaks OpenAI's forms to its clients, whoever draws.
DIALECT = "openai-compatible"
_PATHS = {
    "imageGenerate": b"/v1/images/generations",
    "imageEdit": b"/v1/images/edits",
    "chatComplete": b"/v1/chat/completions",
    "createModelResponse": b"/v1/responses",
}
_WANTED = ("/eventType", "/requestType", "/request", "/request/json")
_JSON = [(b"content-type", b"application/json")]


async def hooked(body: bytes, call: Call, live: Live, operations: Sequence[Operation]) -> Response:
    """Raises Refusal where the hook's context is no JSON, or where the policy rejects on faults."""
    context = _context(body)
    call.wishes = wishes_of(call.pairs, live.settings, live.serving.rules.policy)
    call.operation = _operation(context, operations)
    request = context.values.get("/request/json")
    if call.operation is None or request is None or request.kind != "object":
        return _answer(call)
    try:
        call.errand = await _errand(_asked(body, request, call), live)
    except BodyError as fault:
        return _answer(call, why=str(fault))
    _tell(call, live)
    return _answer(call)


def _context(body: bytes) -> JsonBody:
    try:
        return JsonBody.of_answer(body, _WANTED)
    except BodyError as fault:
        raise refusal_of(fault) from None


def _operation(context: JsonBody, operations: Sequence[Operation]) -> Operation | None:
    """What is known of this kind of request; None for answers."""
    if _text(context, "/eventType") not in ("", "beforeRequestHook"):
        return None
    return find(operations, "POST", _PATHS.get(_text(context, "/requestType"), b""))


def _text(context: JsonBody, pointer: str) -> str:
    token = context.values.get(pointer)
    return context.text(token) if token and token.kind == "string" else ""


def _asked(body: bytes, request: Token, call: Call) -> Asked:
    assert call.operation is not None
    data = body[request.start : request.end]
    return Asked(body=data, pairs=_JSON, operation=call.operation, path={}, wishes=call.wishes)


async def _errand(asked: Asked, live: Live) -> Errand:
    one = unsplit(live)
    return await settled(asked, one.serving, one.settings)


def _answer(call: Call, *, why: str = "") -> Response:
    """The changed request as the gateway's own parser will read it; no bytes of ours but the prompt's."""
    told = {"decisions": [{"id": decision.id, "outcome": decision.outcome} for decision in call.decisions]}
    data = json.dumps({**told, "explanation": why} if why else told).encode()
    parts = [b'{"verdict":true,"data":%s' % data]
    if call.errand and call.errand.changes_body:
        parts.append(b',"transformedData":{"request":{"json":%s}}' % bytes(call.errand.bodies[0]))
    answer = Response(b"".join(parts) + b"}", media_type="application/json")
    answer.raw_headers += our_headers(call)
    return answer


def _tell(call: Call, live: Live) -> None:
    for decision in call.decisions:
        entry = Entry(
            decision=decision,
            rules=live.serving.rules,
            at=time(),
            route=ROUTE,
            tenant=call.wishes.tenant,
            request_id=call.request_id,
            status=200,
        )
        live.ledger.note(entry)
