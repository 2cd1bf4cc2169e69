"""One client request's way upstream: an Errand goes out, an answer comes back, alone or merged from single-image ones.

Nothing is ever sent twice. When one part fails, its answer is the whole answer and the other parts are cancelled.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import httpx

from evenhand.dialects.answer import merge, revise
from evenhand.dialects.spec import Operation
from evenhand.proxy.errand import Errand
from evenhand.proxy.headers import Pairs, first, upstream_headers
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.target import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What all upstream requests of one client request share."""

    method: str
    target: bytes
    pairs: Pairs
    request_id: str
    upstream: Upstream

    def request(self, body: bytes, errand: Errand, *, part: int | None = None) -> httpx.Request:
        """`part` tells one of several requests from the others; an idempotency key must not make them one."""
        upstream = self.upstream
        headers = upstream_headers(
            self.pairs if part is None else _keyed(self.pairs, part),
            host=upstream.host,
            body=body,
            request_id=self.request_id,
            plain=errand.reads_answer,
            changed=errand.changes_body,
        )
        limits = {"total": upstream.timeout_s, "connect": upstream.connect_timeout_s}
        extensions = {"target": self.target, "timeout": limits}
        return httpx.Request(self.method, upstream.url, headers=headers, stream=httpx.ByteStream(body), extensions=extensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` is set where we wrote it, in `work_s`; else `start` was read already and the rest is still in `response`."""

    response: httpx.Response
    body: bytes | None = None
    start: bytes = b""
    complete: bool = False
    work_s: float = 0.0


class _PartError(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__("one of several single-image requests failed")


async def ask(transport: httpx.AsyncBaseTransport, outgoing: Outgoing, errand: Errand, *, limit: int, at_once: int) -> Answer:
    """Raises UpstreamError, or Refusal 502 where answers can't be merged."""
    if len(errand.bodies) > 1:
        return await _ask_many(transport, outgoing, errand, limit=limit, at_once=at_once)
    response = await transport.handle_async_request(outgoing.request(errand.bodies[0], errand))
    if not (errand.revised and errand.operation and _is_json(response)):
        return Answer(response=response)
    answer = await _read(response, limit)
    began = perf_counter()
    plain = _plain(answer, limit)
    if plain is None:
        return answer
    body = revise(plain, errand.operation, errand.revised)
    return replace(answer, body=body, work_s=perf_counter() - began)


async def _ask_many(
    transport: httpx.AsyncBaseTransport, outgoing: Outgoing, errand: Errand, *, limit: int, at_once: int
) -> Answer:
    gate = asyncio.Semaphore(at_once)
    requests = [outgoing.request(body, errand, part=part) for part, body in enumerate(errand.bodies, start=1)]
    parts = [asyncio.create_task(_part(transport, request, gate, limit)) for request in requests]
    try:
        answers = await asyncio.gather(*parts)
    except _PartError as failed:
        await _leave(parts, but=failed.answer)
        return failed.answer
    except BaseException:
        await _leave(parts)
        raise
    return _merged(answers, errand, limit)


async def _leave(parts: Sequence[asyncio.Task[Answer]], *, but: Answer | None = None) -> None:
    """Cancels what is under way and closes what came too late to be the answer."""
    for part in parts:
        part.cancel()
    for outcome in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(outcome, _PartError) and outcome.answer is not but:
            await outcome.answer.response.aclose()


async def _part(transport: httpx.AsyncBaseTransport, request: httpx.Request, gate: asyncio.Semaphore, limit: int) -> Answer:
    async with gate:
        answer = await _read(await transport.handle_async_request(request), limit)
    if not answer.response.is_success or not answer.complete:
        raise _PartError(answer)
    return answer


def _merged(answers: Sequence[Answer], errand: Errand, limit: int) -> Answer:
    assert errand.operation is not None
    began = perf_counter()
    bodies = [_plain(answer, limit) for answer in answers]
    whole = _joined([body for body in bodies if body is not None], errand) if None not in bodies else None
    if whole is None:
        message = "The image API's answers to the single-image requests can't be merged; set 'images: shared' in the policy."
        raise Refusal(502, message, code="unmergeable_answers")
    return Answer(response=answers[0].response, body=whole, complete=True, work_s=perf_counter() - began)


def _joined(bodies: Sequence[bytes], errand: Errand) -> bytes | None:
    operation = errand.operation
    assert operation is not None
    return merge([_revised(body, operation, errand.revised[index : index + 1]) for index, body in enumerate(bodies)], operation)


def _revised(body: bytes, operation: Operation, texts: Sequence[str]) -> bytes:
    return revise(body, operation, texts) or body


async def _read(response: httpx.Response, limit: int) -> Answer:
    """The whole answer, or its start where it is larger than `limit` bytes."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    chunks: list[bytes] = []
    size = 0
    stream = aiter(response.stream)
    try:
        async for chunk in stream:
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                rest = httpx.Response(response.status_code, headers=response.headers.raw, stream=_Rest(stream, response))
                return Answer(response=rest, start=b"".join(chunks))
    except BaseException:
        await response.aclose()
        raise
    return Answer(response=response, start=b"".join(chunks), complete=True)


class _Rest(httpx.AsyncByteStream):
    """What is left of a stream that was partly read."""

    def __init__(self, stream: AsyncIterator[bytes], response: httpx.Response) -> None:
        self._stream = stream
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def _keyed(pairs: Pairs, part: int) -> Pairs:
    return [(name, b"%s-%d" % (value, part) if name == b"idempotency-key" else value) for name, value in pairs]


def _is_json(response: httpx.Response) -> bool:
    kind = (first(response.headers.raw, b"content-type") or b"").partition(b";")[0].strip().lower()
    return response.status_code == 200 and kind == b"application/json"


def _plain(answer: Answer, limit: int) -> bytes | None:
    """The answer's bytes without gzip; we asked for none, but not every server listens."""
    coding = (first(answer.response.headers.raw, b"content-encoding") or b"identity").strip().lower()
    if not answer.complete or coding == b"identity":
        return answer.start if answer.complete else None
    if coding != b"gzip":
        return None
    engine = zlib.decompressobj(wbits=31)
    try:
        plain = engine.decompress(answer.start, limit)
    except zlib.error:
        return None
    return plain if engine.eof else None
