"""Requests as bytes: what is added, what is refused, and bodies that are large, slow, too long or too short."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from evenhand.errors import UpstreamError
from evenhand.proxy.client.sending import Body, body_of, head_of, send
from evenhand.proxy.client.wire import Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST = (b"host", b"h")


Answers = Callable[[asyncio.StreamReader], Awaitable[bytes]]


class Flow(httpx.AsyncByteStream):
    def __init__(self, *parts: bytes, fault: Exception | None = None) -> None:
        self.parts, self.fault = parts, fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            await asyncio.sleep(0)
            yield part
        if self.fault is not None:
            raise self.fault


def head(method: str, *pairs: tuple[bytes, bytes], body: Body = b"", target: bytes | None = b"/t") -> tuple[bytes, int | None]:
    stream = httpx.ByteStream(body) if isinstance(body, bytes) else Flow()
    request = httpx.Request(method, "http://h:81/u?v=w", headers=list(pairs), stream=stream, extensions={"target": target})
    return head_of(request, body)


@pytest.mark.parametrize(
    ("method", "pairs", "body", "lines", "length"),
    [
        ("GET", [HOST], b"", [b"host: h"], 0),
        ("HEAD", [], b"", [b"Host: h:81"], 0),
        ("POST", [HOST], b"", [b"host: h", b"Content-Length: 0"], 0),
        ("DELETE", [HOST], b"", [b"host: h", b"Content-Length: 0"], 0),
        ("GET", [HOST], b"ab", [b"host: h", b"Content-Length: 2"], 2),
        ("POST", [HOST, (b"CONTENT-length", b"2")], b"ab", [b"host: h", b"CONTENT-length: 2"], 2),
        ("POST", [HOST, (b"content-length", b"9")], Flow(), [b"host: h", b"content-length: 9"], 9),
        ("POST", [HOST], Flow(), [b"host: h", b"Transfer-Encoding: chunked"], None),
        ("POST", [HOST, (b"transfer-encoding", b"chunked")], b"ab", [b"host: h", b"transfer-encoding: chunked"], None),
        ("GET", [(b"X-b", b"\xff"), HOST, (b"x-B", b"")], b"", [b"X-b: \xff", b"host: h", b"x-B: "], 0),
    ],
)
def test_heads(method: str, pairs: list[tuple[bytes, bytes]], body: Body, lines: list[bytes], length: int | None) -> None:
    made = b"\r\n".join([method.encode() + b" /t HTTP/1.1", *lines, b"", b""])
    assert head(method, *pairs, body=body) == (made, length)


def test_without_a_target_it_is_the_urls() -> None:
    assert head("GET", HOST, target=None)[0].startswith(b"GET /u?v=w HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("method", "pairs", "body", "target"),
    [
        ("GET", [HOST, (b"x", b"a\r\nb: c")], b"", b"/t"),
        ("GET", [HOST, (b"x", b"a\nb")], b"", b"/t"),
        ("GET", [HOST, (b"x", b"a\rb")], b"", b"/t"),
        ("GET", [HOST, (b"x", b"a\0b")], b"", b"/t"),
        ("GET", [HOST, (b"x\r\ny", b"a")], b"", b"/t"),
        ("GET", [HOST, (b"x: y", b"a")], b"", b"/t"),
        ("GET", [HOST, (b"x ", b"a")], b"", b"/t"),
        ("GET", [HOST, (b"\xff", b"a")], b"", b"/t"),
        ("GET", [HOST, (b"", b"a")], b"", b"/t"),
        ("GET", [HOST], b"", b"/t HTTP/1.1\r\nx: y"),
        ("GET", [HOST], b"", b"/a b"),
        ("GET", [HOST], b"", b"/\xc3\xa9"),
        ("GET", [HOST], b"", b"/\0"),
        ("G T", [HOST], b"", b"/t"),
        ("GET\r\n", [HOST], b"", b"/t"),
        ("POST", [HOST, (b"content-length", b"3")], b"ab", b"/t"),
        ("POST", [HOST, (b"content-length", b"+2")], b"ab", b"/t"),
        ("POST", [HOST, (b"content-length", b"2"), (b"Content-Length", b"2")], b"ab", b"/t"),
        ("POST", [HOST, (b"content-length", b"2"), (b"transfer-encoding", b"chunked")], b"ab", b"/t"),
        ("POST", [HOST, (b"content-length", b"two")], Flow(), b"/t"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(
    method: str, pairs: list[tuple[bytes, bytes]], body: Body, target: bytes
) -> None:
    with pytest.raises(UpstreamError) as caught:
        head(method, *pairs, body=body, target=target)
    assert (caught.value.status, caught.value.sent) == (400, False)


def test_a_body_at_hand_is_bytes_and_any_other_stays_a_stream() -> None:
    assert body_of(httpx.Request("POST", "http://h", content=b"ab")) == b"ab"
    flow = Flow()
    assert body_of(httpx.Request("POST", "http://h", stream=flow)) is flow


@pytest.fixture
def sent(serving: Callable[..., Any]) -> Callable[..., Any]:
    """sent(body, length, answers=...) -> what the upstream took for the body, the fault, and whether another may follow."""

    async def play(body: Body, length: int | None, *, answers: Answers) -> tuple[bytes, UpstreamError | None, bool]:
        got: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await answers(reader))
            writer.write(OK)
            await writer.drain()

        async with serving(serve, limit=1 << 20) as port:
            _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
            wire.begin(timeout_s=20, has_body=True)
            send(wire, b"", body, length)
            fault = None
            try:
                await wire.answer()
                while not wire.complete:
                    await wire.arrival()
            except UpstreamError as caught:
                fault = caught
            stays = wire.end()
            wire.close()
        return b"".join(got), fault, stays

    return play


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_000])
@pytest.mark.parametrize("as_stream", [False, True])
async def test_bodies_of_all_sizes_arrive(sent: Any, size: int, as_stream: bool) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    parts = [body[start : start + 100_000] for start in range(0, size, 100_000)]
    got, fault, _ = await sent(Flow(*parts) if as_stream else body, size, answers=lambda reader: reader.readexactly(size))
    assert (got == body, fault) == (True, None)


@pytest.mark.parametrize(
    "body", [b"abc", Flow(b"ab", b"", b"c"), Flow(b"a" * 70_000), Flow()], ids=["bytes", "parts", "large", "none"]
)
async def test_bodies_in_chunks_arrive(sent: Any, body: Body) -> None:
    got, fault, _ = await sent(body, None, answers=lambda reader: reader.readuntil(b"0\r\n\r\n"))
    whole, size = b"", b"1"
    while size != b"0":
        size, _, got = got.partition(b"\r\n")
        whole, got = whole + got[: int(size, 16)], got[int(size, 16) + 2 :]
    assert (whole, fault) == (b"abc" if isinstance(body, bytes) else b"".join(body.parts), None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [Flow(b"ab"), Flow(b"abcd"), Flow(b"ab", b"cd"), Flow(b"ab", fault=ValueError("gone"))],
    ids=["short", "long", "long at last", "broken"],
)
async def test_a_body_that_is_not_as_long_as_it_says_breaks_the_connection_off(sent: Any, body: Body) -> None:
    _, fault, stays = await sent(body, 3, answers=lambda reader: reader.readexactly(3))
    assert (fault.status, fault.sent, stays) == (502, True, False)
    assert "could not be read to its end" in str(fault)


async def test_no_byte_too_much_goes_out(sent: Any) -> None:
    async def rest(reader: asyncio.StreamReader) -> bytes:
        return await reader.read()

    got, fault, _ = await sent(Flow(b"ab", b"cd"), 3, answers=rest)
    assert (fault.sent, b"ab".startswith(got)) == (True, True)


async def test_an_answer_before_the_end_of_the_body_is_read_and_is_the_last(sent: Any) -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 50_000

    got, fault, stays = await sent(Endless(), 1 << 60, answers=lambda reader: reader.readexactly(10))
    assert (got, fault, stays) == (b"x" * 10, None, False)


async def test_a_slow_reader_slows_the_source_down(sent: Any) -> None:
    taken, go = 0, asyncio.Event()

    class Source(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal taken
            for _ in range(400):
                taken += 1
                yield b"x" * 100_000

    async def later(reader: asyncio.StreamReader) -> bytes:
        await go.wait()
        return await reader.readexactly(40_000_000)

    asked = asyncio.create_task(sent(Source(), 40_000_000, answers=later))
    for _ in range(2_000):
        await asyncio.sleep(0)
    assert 0 < taken < 300
    go.set()
    got, fault, _ = await asked
    assert (len(got), fault, taken) == (40_000_000, None, 400)
