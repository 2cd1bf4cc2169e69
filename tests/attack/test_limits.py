"""What is too much: bodies, heads, depth, bombs, and answers that must pass without being held."""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

PATH = b"/v1/images/generations"
HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n" % PATH
LIMIT = 4_096
MB = 1_000_000


@pytest.fixture(scope="module")
def tight(serve: Callable[..., Any], parser: str) -> Any:
    return serve(parser, body_bytes=LIMIT, header_bytes=2_048, body_timeout_s=2)


def sized(size: int) -> bytes:
    body = b'{"prompt":"a tree","user":""}'
    return body[:-2] + b"u" * (size - len(body)) + body[-2:]


def chunks(body: bytes, step: int) -> bytes:
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def plain(body: bytes, told: int | None = None) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) if told is None else told) + body


def status_of(said: bytes) -> int:
    return int(said[9:12]) if said.startswith(b"HTTP/1.1 ") else 0


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# Bytes, the statuses that are right, and how many requests reach the upstream.
BODIES: list[tuple[bytes, set[int], int]] = [
    *[(plain(sized(size)), {200}, 1) for size in (29, 1_000, LIMIT - 1, LIMIT)],
    *[(plain(sized(size)), {413, 0}, 0) for size in (LIMIT + 1, 2 * LIMIT, 50 * LIMIT)],
    *[(CHUNKED + chunks(sized(LIMIT), step), {200}, 1) for step in (1, 7, 1_000, LIMIT)],
    *[(CHUNKED + chunks(sized(LIMIT + 1), step), {413, 0}, 0) for step in (1, 7, 1_000, LIMIT + 1)],
    (CHUNKED + b"%x\r\n" % (10 * LIMIT) + sized(LIMIT), {408, 413}, 0),
    (CHUNKED + b"ffffffff\r\n" + sized(LIMIT), {408, 413}, 0),
    (plain(sized(LIMIT), LIMIT - 1), {400}, 0),
    (plain(sized(LIMIT), LIMIT + 1), {413, 0}, 0),
    (plain(sized(100), 101), {408}, 0),
    (plain(sized(100), LIMIT), {408}, 0),
    (plain(b"", 2**62), {413}, 0),
    (plain(sized(100), 10), {400}, 0),
]


async def test_bodies_at_and_above_the_limit(tight: Any) -> None:
    tight.upstream.take()
    said = await tight.send_all([each.replace(PATH, PATH + b"?case=%d" % number) for number, (each, _, _) in enumerate(BODIES)])
    said = [again if again else b"" for again in said]
    arrived = tight.upstream.take()
    wrong = []
    for number, ((case, told, count), answer) in enumerate(zip(BODIES, said, strict=True)):
        mine = [one for one in arrived if b"?case=%d " % number in one[:60]]
        if (status_of(answer) not in told | ({0} if 408 in told else set())) or len(mine) != count:
            wrong.append((number, case[:150], status_of(answer), len(mine)))
    assert not wrong
    assert tight.is_well()


def headed(size: int, *, count: int = 1) -> bytes:
    """A request whose fields take `size` bytes as they are counted: name, value and four more for each."""
    fields = [(b"Host", b"x"), (b"Content-Type", b"application/json"), (b"Content-Length", b"19"), (b"Connection", b"close")]
    fields += [(b"X-%04d" % number, b"") for number in range(count)]
    rest = size - sum(len(name) + len(value) + 4 for name, value in fields)
    fields[-1] = (fields[-1][0], b"y" * max(0, rest))
    head = b"".join(b"%s: %s\r\n" % pair for pair in fields)
    return b"POST %s HTTP/1.1\r\n%s\r\n" % (PATH, head) + b'{"prompt":"a tree"}'


@pytest.mark.parametrize(
    ("request_bytes", "told"),
    [
        (headed(2_047), {200}),
        (headed(2_048), {200}),
        (headed(2_049), {431}),
        (headed(8_000), {431}),
        (headed(60_000), {431}),
        (headed(0, count=96), {200}),
        (headed(0, count=97), {431}),
        (headed(0, count=3_000), {431}),
    ],
)
async def test_heads_at_and_above_the_limit(tight: Any, request_bytes: bytes, told: set[int]) -> None:
    assert status_of(await tight.send(request_bytes)) in told


ENDLESS = [
    (b"GET /", b"a" * 50_000),
    (HEAD, b"X: y\r\n" * 8_000),
    (HEAD + b"X: ", b"y" * 50_000),
    (HEAD + b"X", b"x" * 50_000),
    (CHUNKED + b"1;", b"x" * 50_000),
    (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 8_000),
    (CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"y" * 50_000),
    (b"", b"\r\n" * 25_000),
    (b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n" * 25_000),
]


@pytest.mark.parametrize(("start", "more"), ENDLESS)
async def test_what_comes_to_nothing_is_not_read_on(tight: Any, start: bytes, more: bytes) -> None:
    """Without a limit of ours, ten seconds of a fast client are gigabytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", tight.port)
    sent = 0
    writer.write(start)
    with contextlib.suppress(OSError):
        while sent < 60 * MB and not reader.at_eof():
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(more)
    writer.transport.abort()
    # What fits into the buffers of both ends is sent before anyone can say no.
    assert sent < 20 * MB
    assert tight.is_well()


DEPTHS = [10, 100, 500, 900, 1_100, 5_000, 100_000]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
async def test_deep_bodies_are_taken_or_refused_and_nothing_breaks(attacked: Any, depth: int, opening: bytes) -> None:
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    body = b'{"prompt":"a tree","x":' + opening * depth + b"1" + closing * depth + b"}"
    attacked.upstream.take()
    said = await attacked.send(plain(body), quiet_s=3)
    arrived = attacked.upstream.take()
    if status_of(said) == 200:
        assert [one.endswith(body) for one in arrived] == [True]
    else:
        assert (status_of(said), b"nesting" in said, arrived) == (400, True, [])


def peak_bytes() -> int:
    found = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    return int(found) * 1024


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


BOMB = b'{"prompt":"a tree","user":"' + b"u" * (60 * MB) + b'"}'
BOMBS = [
    ("gzip", gzip.compress(BOMB)),
    ("deflate", zlib.compress(BOMB)),
    ("br", brotli.compress(BOMB, quality=3)),
    ("gzip, gzip", gzip.compress(gzip.compress(BOMB))),
    ("gzip, br", brotli.compress(gzip.compress(BOMB))),
]


@pytest.mark.parametrize(("coding", "packed"), BOMBS, ids=[coding for coding, _ in BOMBS])
async def test_bombs_cost_no_memory(attacked: Any, coding: str, packed: bytes) -> None:
    attacked.upstream.take()
    one = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(packed)) + packed
    assert len(one) < 1_048_576
    reset_peak()
    before = peak_bytes()
    said = await attacked.send_all([one] * 8)
    assert {status_of(answer) for answer in said} == {413}
    assert peak_bytes() - before < 8 * 1_048_576 + 16 * MB
    assert attacked.upstream.take() == []


TREE = '{"prompt":"a tree é"}'
PLAIN = [
    *[
        (encoding, f"application/json; charset={told}")
        for encoding in ("utf-16", "utf-16-le", "utf-16-be")
        for told in ("utf-16", "utf-8")
    ],
    *[
        (encoding, "application/json")
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1")
    ],
    *[
        ("utf-8", f"application/json; charset={told}")
        for told in ("utf-16", "latin-1", "iso-8859-1", "us-ascii", "utf-7", "x", "")
    ],
    *[
        ("utf-8", f"application/json; {told}")
        for told in ("charset=utf-8; charset=latin-1", "Charset=utf-16", "charset='utf-16'")
    ],
    ("cp037", "application/json"),
    ("utf-8", "application/x-www-form-urlencoded"),
    ("utf-8", "text/json"),
    ("utf-8", "application/json, text/plain"),
    ("utf-8", ""),
]


@pytest.mark.parametrize(("encoding", "kind"), PLAIN)
async def test_only_utf_8_is_read(attacked: Any, encoding: str, kind: str) -> None:
    body = TREE.encode(encoding)
    request = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
        PATH,
        kind.encode(),
        len(body),
    )
    attacked.upstream.take()
    assert status_of(await attacked.send(request + body)) in (400, 415)
    assert attacked.upstream.take() == []


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", 'application/json;charset="utf-8"'])
async def test_utf_8_goes_on_as_it_came(attacked: Any, kind: str) -> None:
    body = TREE.encode()
    request = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
        PATH,
        kind.encode(),
        len(body),
    )
    attacked.upstream.take()
    assert status_of(await attacked.send(request + body)) == 200
    assert attacked.upstream.take()[0].endswith(body)


async def test_a_byte_order_mark_is_read_over_or_refused_but_never_two_ways(attacked: Any) -> None:
    body = b"\xef\xbb\xbf" + TREE.encode()
    attacked.upstream.take()
    status = status_of(await attacked.send(plain(body)))
    arrived = attacked.upstream.take()
    assert (status, [one.endswith(b"\r\n\r\n" + body) for one in arrived]) in ((200, [True]), (400, []))


def event(number: int) -> bytes:
    ends = (b"\n\n", b"\r\n\r\n", b"\n")[number % 3]
    return b": %d\r\nid: %d\ndata: %s\xc3\xa9%s" % (number, number, bytes([97 + number % 26]) * (number * 7 % 900), ends)


EVENTS = [event(number) for number in range(1_000)]
SIZE = 64 * MB


@pytest.fixture(scope="module")
def streaming(serve: Callable[..., Any], parser: str) -> Iterator[Any]:
    """Its upstream streams events where it is asked to, else one large answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=stream, args=(listener,), daemon=True).start()
        yield serve(parser, upstream=f"http://127.0.0.1:{listener.getsockname()[1]}", answer_bytes=MB)


def stream(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=talk, args=(connection,), daemon=True).start()


def talk(connection: socket.socket) -> None:
    request = b""
    with connection, contextlib.suppress(OSError):
        while not request.endswith(b"}"):
            request += connection.recv(65_536)
        play(connection, request)


def play(connection: socket.socket, request: bytes) -> None:
    if b'"stream"' not in request:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // MB):
            connection.sendall(b"A" * MB)
        return
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for each in EVENTS:
        connection.sendall(b"%x\r\n%s\r\n" % (len(each), each))
    connection.sendall(b"0\r\n\r\n")


async def test_a_thousand_events_come_byte_for_byte(streaming: Any) -> None:
    said = await streaming.send(plain(json.dumps({"prompt": "a doctor", "stream": True}).encode()), quiet_s=5)
    assert dechunked(said.partition(b"\r\n\r\n")[2]) == b"".join(EVENTS)


def dechunked(data: bytes) -> bytes:
    parts, at = [], 0
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        if not size:
            return b"".join(parts)
        parts.append(data[end + 2 : end + 2 + size])
        at = end + 4 + size


@pytest.mark.parametrize("prompt", ["a tree", "a doctor"])
async def test_a_large_answer_is_not_held(streaming: Any, prompt: str) -> None:
    """64 MB pass; where an answer is read for its prompts, `answer_bytes` is all that is held."""
    reset_peak()
    before, got = peak_bytes(), 0
    reader, writer = await asyncio.open_connection("127.0.0.1", streaming.port)
    writer.write(plain(json.dumps({"prompt": prompt}).encode()))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    while part := await reader.read(1_048_576):
        got += len(part)
    writer.close()
    assert got == SIZE
    assert peak_bytes() - before < 24 * MB
