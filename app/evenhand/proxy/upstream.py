"""One client request's way upstream: an Errand goes out, an answer comes back, alone or merged from single-image ones.

Nothing is ever sent twice. When one part fails, its answer is the whole answer and the other parts are cancelled.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import httpx

from evenhand.dialects.answer import merge, refuses, revise, revised, revised_prompts
from evenhand.dialects.spec import Operation
from evenhand.errors import UpstreamError
from evenhand.proxy.errand import Errand
from evenhand.proxy.headers import first
from evenhand.proxy.outgoing import Outgoing
from evenhand.proxy.refusal import Refusal

_REFUSAL_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` is set where we wrote it, in `work_s`; else `start` was read already and the rest is still in `response`.

    `refused` tells that the upstream refused the prompt for its content, `second` that the original was sent after that.
    `claims` holds the prompts that the upstream itself says it drew, where that was looked at.
    """

    response: httpx.Response
    body: bytes | None = None
    start: bytes = b""
    complete: bool = False
    work_s: float = 0.0
    refused: bool = False
    second: bool = False
    claims: tuple[str, ...] = ()


class _PartError(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__("one of several single-image requests failed")


async def ask(transport: httpx.AsyncBaseTransport, outgoing: Outgoing, errand: Errand, *, limit: int, at_once: int) -> Answer:
    """Raises UpstreamError, or Refusal 502 where answers can't be merged."""
    if len(errand.bodies) > 1:
        return await _ask_many(transport, outgoing, errand, limit=limit, at_once=at_once)
    answer = await _send(transport, outgoing, errand, 0, limit=limit)
    texts = () if answer.second else errand.revised
    was_refused = answer.refused and not answer.second
    if was_refused or errand.operation is None or not (texts or errand.watches_drift) or not _is_json(answer.response):
        return answer
    read = answer if answer.complete else await _read(answer.response, limit)
    revised = _with_revision(read, errand.operation, texts, limit)
    return replace(revised, refused=answer.refused, second=answer.second)


async def _send(
    transport: httpx.AsyncBaseTransport, outgoing: Outgoing, errand: Errand, index: int, *, limit: int, part: str = ""
) -> Answer:
    """One body of the errand; where the upstream refuses it and the policy says so, its original after that, once."""
    response = await transport.handle_async_request(outgoing.request(errand.bodies[index], errand, part=part))
    operation = errand.operation
    if operation is None or not errand.decisions or not _may_refuse(response, operation):
        return Answer(response=response)
    answer = _judged(await _read(response, limit), operation, limit)
    if not (answer.refused and errand.originals):
        return answer
    await response.aclose()
    again = outgoing.request(errand.originals[index], errand, part=f"{part}-original")
    try:
        return Answer(response=await transport.handle_async_request(again), refused=True, second=True)
    except (Refusal, UpstreamError) as fault:
        if isinstance(fault, UpstreamError) and fault.sent:
            raise
        return answer  # the original never went out, and what the upstream said to the rewrite stands


def _may_refuse(response: httpx.Response, operation: Operation) -> bool:
    """Refusals are short; an answer with pictures is not looked at for one."""
    if not any(response.status_code in refusal.status for refusal in operation.refusals):
        return False
    length = first(response.headers.raw, b"content-length") or b"0"
    return response.status_code != 200 or (length.isdigit() and 0 < int(length) <= _REFUSAL_BYTES)


def _judged(answer: Answer, operation: Operation, limit: int) -> Answer:
    plain = _plain(answer, limit)
    return replace(answer, refused=plain is not None and refuses(plain, answer.response.status_code, operation))


def _with_revision(answer: Answer, operation: Operation, texts: Sequence[str], limit: int) -> Answer:
    began = perf_counter()
    plain = _plain(answer, limit)
    if plain is None:
        return answer
    claims, body = revised(plain, operation, texts)
    return replace(answer, body=body, claims=tuple(claims), work_s=perf_counter() - began)


async def _ask_many(
    transport: httpx.AsyncBaseTransport, outgoing: Outgoing, errand: Errand, *, limit: int, at_once: int
) -> Answer:
    gate = asyncio.Semaphore(at_once)
    parts = [asyncio.create_task(_part(transport, outgoing, errand, index, gate, limit)) for index in range(len(errand.bodies))]
    try:
        answers = await asyncio.gather(*parts)
    except _PartError as failed:
        await _leave(parts, but=failed.answer)
        return failed.answer
    except Refusal as refusal:
        # Other parts may be under way: who asks again could pay for their pictures twice.
        await _leave(parts)
        raise Refusal(refusal.status, refusal.message, code=refusal.code) from None
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


async def _part(
    transport: httpx.AsyncBaseTransport, outgoing: Outgoing, errand: Errand, index: int, gate: asyncio.Semaphore, limit: int
) -> Answer:
    async with gate:
        sent = await _send(transport, outgoing, errand, index, limit=limit, part=f"-{index + 1}")
        read = sent if sent.complete else await _read(sent.response, limit)
    answer = replace(read, refused=sent.refused, second=sent.second)
    if not answer.response.is_success or not answer.complete:
        raise _PartError(answer)
    return answer


def _merged(answers: Sequence[Answer], errand: Errand, limit: int) -> Answer:
    operation = errand.operation
    assert operation is not None
    began = perf_counter()
    bodies = [_plain(answer, limit) for answer in answers]
    plain = [body for body in bodies if body is not None]
    claims = tuple(claim for body in plain for claim in revised_prompts(body, operation))
    revised = [() if answer.second else errand.revised[index : index + 1] for index, answer in enumerate(answers)]
    whole = _joined(plain, operation, revised) if len(plain) == len(answers) else None
    if whole is None:
        message = "The image API's answers to the single-image requests can't be merged; set 'images: shared' in the policy."
        raise Refusal(502, message, code="unmergeable_answers")
    return Answer(
        response=answers[0].response,
        body=whole,
        complete=True,
        claims=claims,
        refused=any(answer.refused for answer in answers),
        second=any(answer.second for answer in answers),
        work_s=perf_counter() - began,
    )


def _joined(bodies: Sequence[bytes], operation: Operation, revised: Sequence[Sequence[str]]) -> bytes | None:
    told = [revise(body, operation, texts) or body for body, texts in zip(bodies, revised, strict=True)]
    return merge(told, operation)


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
