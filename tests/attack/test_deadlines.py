"""Clients that take their time: each state of a connection ends by itself, and meanwhile others are served."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest

PATH = b"/v1/images/generations"
HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" % PATH
NOWHERE = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
SHORT = {"header_timeout_s": 0.5, "body_timeout_s": 0.5}

# What is sent at once, what then again and again, and the status told, 0 for none.
SLOW: dict[str, tuple[bytes, bytes, set[int]]] = {
    "silence": (b"", b"", {0}),
    "a method": (b"POS", b"", {0}),
    "a request line": (b"POST %s HTTP/1.1" % PATH, b"", {0}),
    "half a head": (HEAD, b"", {0}),
    "a head in drops": (HEAD, b"X: y\r\n", {0}),
    "a field in drops": (HEAD + b"X: ", b"y", {0}),
    "a target in drops": (b"GET /v1/models?", b"x", {0}),
    "no body": (HEAD + b"Content-Length: 90\r\n\r\n", b"", {408}),
    "no chunk": (HEAD + CHUNKED, b"", {408}),
    "half a chunk": (HEAD + CHUNKED + b"9\r\n{", b"", {408}),
    "a chunk size in drops": (HEAD + CHUNKED + b"1;", b"x", {408, 0}),
    "a trailer in drops": (HEAD + CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n", {408, 0}),
    "a body refused, in drops": (NOWHERE + b"Content-Length: 9000\r\n\r\n", b"x", {404}),
    "a body refused, in chunks": (NOWHERE + CHUNKED, b"1\r\nx\r\n", {404}),
    "a second head": (GET + b"GET /v1", b"", {200}),
    "a second head in drops": (GET + HEAD, b"X: y\r\n", {200}),
}


@pytest.fixture(scope="module")
def impatient(serve: Callable[..., Any], parser: str) -> Any:
    return serve(parser, **SHORT)


async def outcome(port: int, start: bytes, drops: bytes) -> bytes:
    """What the sidecar said until it closed. Raises TimeoutError where it waits on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip() -> None:
        with contextlib.suppress(OSError):
            while drops:
                await asyncio.sleep(0.1)
                writer.write(drops)
                await writer.drain()

    dripping = asyncio.create_task(drip())
    said = b""
    try:
        writer.write(start)
        async with asyncio.timeout(20):
            while found := await reader.read(65_536):
                said += found
    except ConnectionResetError:
        pass
    finally:
        dripping.cancel()
        writer.close()
    return said


async def test_every_slow_client_is_let_go(impatient: Any, logged: list[str]) -> None:
    impatient.upstream.take()
    said = await asyncio.gather(*(outcome(impatient.port, start, drops) for start, drops, _ in SLOW.values()))
    wrong = []
    for (name, (_, _, told)), answer in zip(SLOW.items(), said, strict=True):
        found = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
        if (int(found[0]) if found else 0) not in told:
            wrong.append((name, answer[:80]))
    assert not wrong
    assert impatient.is_well()
    assert not [one for one in impatient.upstream.take() if one.startswith(b"POST /v1") and b"a tree" not in one]
    assert "Traceback" not in "".join(logged)


async def test_others_are_served_meanwhile(impatient: Any, times: int) -> None:
    """Slow ones of every kind, again and again, and a client that wants an answer now."""
    kinds = [(start, drops) for start, drops, _ in SLOW.values()]
    slow = [asyncio.create_task(outcome(impatient.port, *kinds[number % len(kinds)])) for number in range(100 * times)]
    await asyncio.sleep(0.1)
    request = HEAD + b'Content-Length: 19\r\n\r\n{"prompt":"a tree"}'
    answers = [await impatient.send(request) for _ in range(5)]
    assert [answer[9:12] for answer in answers] == [b"200"] * 5
    ended = await asyncio.gather(*slow, return_exceptions=True)
    assert not [one for one in ended if isinstance(one, BaseException)]


async def test_a_client_that_does_not_take_its_answer_is_let_go(
    serve: Callable[..., Any], parser: str, script: Callable[..., Any]
) -> None:
    """And its upstream with it: the picture would wait in memory for as long as the client likes."""

    def play(connection: Any, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 400000000\r\n\r\n")
        for _ in range(400):
            connection.sendall(bytes(1_000_000))

    upstream = script(play)
    attacked = serve(parser, upstream=upstream.origin, **SHORT)
    reader, writer = await asyncio.open_connection("127.0.0.1", attacked.port, limit=1_000)
    writer.write(HEAD + b'Content-Length: 19\r\n\r\n{"prompt":"a tree"}')
    await reader.read(10)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    assert await asyncio.to_thread(upstream.closed_early.wait, 15)
    writer.transport.abort()


async def test_a_keep_alive_connection_outlives_the_deadlines_of_a_request(impatient: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    for _ in range(3):
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readexactly(22)
        await asyncio.sleep(0.8)
    writer.close()
