import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from evenhand.dialects.load import load_dialects
from evenhand.dialects.spec import Condition, RefusalSpec
from evenhand.dialects.splice import Pieces
from evenhand.errors import UpstreamError
from evenhand.flow import Analysis, Decision, Plan, Prompt
from evenhand.proxy.errand import Errand
from evenhand.proxy.outgoing import Outgoing
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.target import Upstream
from evenhand.proxy.upstream import Answer, ask

OPERATION = next(
    operation for dialect in load_dialects() for operation in dialect.operations if operation.id == "openai.images.generations"
)
OUTGOING = Outgoing(
    method="POST",
    target=b"/v1/images/generations",
    pairs=[(b"idempotency-key", b"k")],
    request_id="r-1",
    upstream=Upstream(id="u", path="/", origin="http://up.example", timeout_s=1, connect_timeout_s=1, dialects=()),
)
JSON = {"content-type": "application/json"}
Play = Callable[[bytes], httpx.Response]


class Stream(httpx.AsyncByteStream):
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(0)
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


class Upstreams(httpx.AsyncBaseTransport):
    """Plays a function of the request's body."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.play(await request.aread())


def answered(data: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, headers=JSON if headers is None else headers, stream=Stream(data[:5], data[5:]))


PLAN = Plan(analysis=Analysis(prompt=Prompt(text="a"), subjects=(), notes=()), rulings=())
DECIDED = Decision(id="d-1", revision="r", outcome="rewritten", plan=PLAN)


def errand_of(*bodies: bytes, revised: tuple[str, ...] = (), **more: Any) -> Errand:
    pieces = tuple(Pieces(body) for body in bodies)
    return Errand(**{"bodies": pieces, "operation": OPERATION, "decisions": (DECIDED,), "revised": revised, **more})


async def run(play: Play, errand: Errand, *, limit: int = 10_000) -> tuple[Answer, Upstreams]:
    upstreams = Upstreams(play)
    return await ask(upstreams, OUTGOING, errand, limit=limit, at_once=2), upstreams


async def test_an_answer_nobody_reads_is_left_unread() -> None:
    answer, _ = await run(lambda _: answered(b"{}"), errand_of(b"{}"))
    assert (answer.body, answer.start, answer.complete) == (None, b"", False)


async def test_a_revised_prompt_is_written() -> None:
    answer, _ = await run(lambda _: answered(b'{"data":[{}]}'), errand_of(b"{}", revised=("x",)))
    assert (answer.body, answer.complete) == (b'{"data":[{"revised_prompt":"x"}]}', True)
    assert answer.work_s > 0


async def test_gzip_is_undone_where_it_must_be_read() -> None:
    packed = gzip.compress(b'{"data":[{}]}')
    headers = {**JSON, "content-encoding": "gzip"}
    answer, _ = await run(lambda _: answered(packed, headers=headers), errand_of(b"{}", revised=("x",)))
    assert answer.body == b'{"data":[{"revised_prompt":"x"}]}'


@pytest.mark.parametrize("headers", [{**JSON, "content-encoding": "br"}, {**JSON, "content-encoding": "gzip"}])
async def test_unreadable_codings_pass_as_they_came(headers: dict[str, str]) -> None:
    answer, _ = await run(lambda _: answered(b"not what it says", headers=headers), errand_of(b"{}", revised=("x",)))
    assert (answer.body, answer.start, answer.complete) == (None, b"not what it says", True)


async def test_an_answer_above_the_limit_is_handed_on_with_its_rest() -> None:
    answer, _ = await run(lambda _: answered(b"12345" + b"6" * 100), errand_of(b"{}", revised=("x",)), limit=50)
    assert isinstance(answer.response.stream, httpx.AsyncByteStream)
    rest = b"".join([chunk async for chunk in answer.response.stream])
    assert (answer.complete, answer.start + rest) == (False, b"12345" + b"6" * 100)


async def test_parts_are_merged_in_order_whoever_comes_first() -> None:
    answer, upstreams = await run(lambda body: answered(b'{"data":[%s]}' % body), errand_of(b"1", b"2", b"3"))
    assert answer.body == b'{"data":[1,2,3]}'
    assert [request.headers["idempotency-key"] for request in upstreams.requests] == ["k-1", "k-2", "k-3"]
    assert all(request.headers["accept-encoding"] == "identity" for request in upstreams.requests)


async def test_each_part_gets_its_own_revised_prompt() -> None:
    answer, _ = await run(lambda _: answered(b'{"data":[{}]}'), errand_of(b"1", b"2", revised=("x", "y")))
    assert [image["revised_prompt"] for image in json.loads(answer.body or b"")["data"]] == ["x", "y"]


async def test_a_failed_part_is_the_answer() -> None:
    def play(body: bytes) -> httpx.Response:
        return answered(b'{"error":{}}', status=400) if body == b"2" else answered(b'{"data":[]}')

    answer, _ = await run(play, errand_of(b"1", b"2", b"3"))
    assert (answer.response.status_code, answer.start, answer.body) == (400, b'{"error":{}}', None)


async def test_a_late_failure_is_closed() -> None:
    streams = [Stream(b"x" * 60, b"y"), Stream(b"x" * 60, b"y")]
    waiting = iter(streams)
    answer, _ = await run(lambda _: httpx.Response(500, headers=JSON, stream=next(waiting)), errand_of(b"1", b"2"), limit=50)
    assert (answer.complete, [stream.closed for stream in streams].count(True)) == (False, 1)


async def test_a_part_that_breaks_off_is_a_fault() -> None:
    def play(body: bytes) -> httpx.Response:
        if body == b"2":
            raise UpstreamError("gone", status=502, sent=True)
        return answered(b'{"data":[]}')

    with pytest.raises(UpstreamError, match="gone"):
        await run(play, errand_of(b"1", b"2"))


async def test_parts_that_cannot_be_merged() -> None:
    with pytest.raises(Refusal, match="images: shared"):
        await run(lambda _: answered(b'{"pictures":[]}'), errand_of(b"1", b"2"))


REFUSES = OPERATION.model_copy(
    update={
        "refusals": [
            RefusalSpec(status=[400], where=Condition(at="/error/code", like=["*policy*"])),
            RefusalSpec(status=[200], where=Condition(at="/blocked", equals=["safety"])),
        ]
    }
)
NO = b'{"error":{"code":"content_policy_violation"}}'


@pytest.mark.parametrize(
    ("body", "status", "refused"),
    [
        (NO, 400, True),
        (NO, 500, False),
        (b'{"error":{"code":"rate_limit"}}', 400, False),
        (b"not json", 400, False),
        (b'{"blocked":"safety"}', 200, True),
    ],
)
async def test_a_refusal_for_content_is_noticed_and_handed_on(body: bytes, status: int, refused: bool) -> None:
    headers = {**JSON, "content-length": str(len(body))}
    answer, upstreams = await run(lambda _: answered(body, status=status, headers=headers), errand_of(b"1", operation=REFUSES))
    assert (answer.refused, answer.second, len(upstreams.requests)) == (refused, False, 1)
    rest = b"" if answer.complete else b"".join([chunk async for chunk in answer.response.stream])  # type: ignore[union-attr]
    assert answer.start + rest == body


async def test_the_original_goes_out_once_after_a_refusal() -> None:
    def play(body: bytes) -> httpx.Response:
        return answered(NO, status=400)

    answer, upstreams = await run(play, errand_of(b"ours", operation=REFUSES, originals=(Pieces(b"theirs"),)))
    assert [await request.aread() for request in upstreams.requests] == [b"ours", b"theirs"]
    assert [request.headers["idempotency-key"] for request in upstreams.requests] == ["k", "k-original"]
    assert (answer.response.status_code, answer.second) == (400, True)


async def test_only_the_refused_part_is_sent_in_its_original_form() -> None:
    def play(body: bytes) -> httpx.Response:
        return answered(NO, status=400) if body == b"2" else answered(b'{"data":[{"got":"%s"}]}' % body)

    errand = errand_of(b"1", b"2", revised=("x", "y"), operation=REFUSES, originals=(Pieces(b"A"), Pieces(b"B")))
    answer, upstreams = await run(play, errand)
    assert json.loads(answer.body or b"") == {"data": [{"revised_prompt": "x", "got": "1"}, {"got": "B"}]}
    assert sorted([await request.aread() for request in upstreams.requests]) == [b"1", b"2", b"B"]
    assert answer.second


async def test_claims_of_the_upstream_are_handed_on() -> None:
    play = answered(b'{"data":[{"revised_prompt":"theirs"}]}')
    answer, _ = await run(lambda _: play, errand_of(b"1", revised=("x",)))
    assert answer.claims == ("theirs",)
