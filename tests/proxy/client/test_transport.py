"""The client side against real sockets that misbehave."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from evenhand.errors import UpstreamError
from evenhand.proxy.client.transport import UpstreamTransport

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nX-Odd: \xc3\xa9\r\nSet-Cookie: b=2\r\n\r\nok"


@asynccontextmanager
async def transport_of(**changes: Any) -> AsyncIterator[UpstreamTransport]:
    made = UpstreamTransport(**{"connections": 50, "timeout_s": 5.0, "connect_timeout_s": 1.0, **changes})
    try:
        yield made
    finally:
        await made.aclose()


async def body_of(response: httpx.Response) -> bytes:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return b"".join([chunk async for chunk in response.stream])


def request_of(origin: str, **more: Any) -> httpx.Request:
    return httpx.Request("POST", origin, headers=[(b"host", b"up"), (b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3")], **more)


async def test_bytes_go_out_as_given_and_come_back_in_order(script: Callable[..., Any]) -> None:
    upstream = script(ANSWER)
    async with transport_of() as transport:
        request = request_of(upstream.origin, content=b"{}", extensions={"target": b"/a%2Fb/~x?q=%7e&q=a+b"})
        response = await transport.handle_async_request(request)
        assert await body_of(response) == b"ok"
    head = upstream.requests[0].split(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"POST /a%2Fb/~x?q=%7e&q=a+b HTTP/1.1"
    assert [line.lower() for line in head[1:]] == [b"host: up", b"x-b: 1", b"x-a: 2", b"x-b: 3", b"content-length: 2"]
    assert response.headers.raw == [
        (b"Content-Length", b"2"),
        (b"Set-Cookie", b"a=1"),
        (b"X-Odd", b"\xc3\xa9"),
        (b"Set-Cookie", b"b=2"),
    ]


async def test_keeps_no_cookie_and_reuses_the_connection(script: Callable[..., Any]) -> None:
    upstream = script(ANSWER)
    async with transport_of() as transport:
        for _ in range(3):
            await body_of(await transport.handle_async_request(request_of(upstream.origin)))
    assert len(upstream.requests) == 3
    assert not any(b"cookie" in request.lower() for request in upstream.requests)


async def test_follows_no_redirect_and_reads_no_environment(script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    trap = script(ANSWER)
    monkeypatch.setenv("HTTP_PROXY", trap.origin)
    monkeypatch.setenv("ALL_PROXY", trap.origin)
    upstream = script(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {trap.origin}\r\nContent-Length: 0\r\n\r\n".encode())
    async with transport_of() as transport:
        response = await transport.handle_async_request(request_of(upstream.origin))
        await body_of(response)
    assert (response.status_code, trap.requests) == (307, [])


async def test_a_compressed_answer_stays_compressed(script: Callable[..., Any]) -> None:
    upstream = script(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
    async with transport_of() as transport:
        assert await body_of(await transport.handle_async_request(request_of(upstream.origin))) == b"\x1f\x8b\x08\x00"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
async def test_a_failed_connect_has_sent_nothing(origin: str) -> None:
    async with transport_of() as transport:
        with pytest.raises(UpstreamError) as caught:
            await transport.handle_async_request(request_of(origin))
    assert (caught.value.status, caught.value.sent) == (502, False)


async def test_a_connect_that_hangs_has_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = [socket.socket() for _ in range(3)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        async with transport_of(connect_timeout_s=0.2) as transport:
            with pytest.raises(UpstreamError) as caught:
                await transport.handle_async_request(request_of(f"http://127.0.0.1:{full.getsockname()[1]}"))
        for each in held:
            each.close()
    assert (caught.value.status, caught.value.sent) == (504, False)


def _hang_up(connection: socket.socket, _: bytes) -> None:
    raise StopIteration


def _stay_silent(connection: socket.socket, _: bytes) -> None:
    time.sleep(1)


def _talk_nonsense(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"220 smtp ready\r\n")
    raise StopIteration


@pytest.mark.parametrize(("play", "status"), [(_hang_up, 502), (_stay_silent, 504), (_talk_nonsense, 502)])
async def test_a_fault_after_sending_says_so_and_nothing_is_sent_twice(
    script: Callable[..., Any], play: Any, status: int
) -> None:
    upstream = script(play)
    async with transport_of(timeout_s=0.4) as transport:
        with pytest.raises(UpstreamError) as caught:
            await transport.handle_async_request(request_of(upstream.origin, content=b"{}"))
    assert (caught.value.status, caught.value.sent) == (status, True)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
    ],
)
async def test_a_body_that_breaks_off_is_a_fault(script: Callable[..., Any], start: bytes) -> None:
    def play(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        raise StopIteration

    upstream = script(play)
    async with transport_of() as transport:
        response = await transport.handle_async_request(request_of(upstream.origin))
        with pytest.raises(UpstreamError) as caught:
            await body_of(response)
    assert caught.value.sent


async def test_cancelled_requests_leave_no_connection_behind(script: Callable[..., Any]) -> None:
    def play(connection: socket.socket, request: bytes) -> None:
        if b"slow" in request:
            time.sleep(0.3)
        connection.sendall(ANSWER)

    upstream = script(play)
    async with transport_of(connections=5) as transport:
        for wait_s in (0, 0, 0.001, 0.003, 0.01, 0.02):
            tasks = [
                asyncio.create_task(transport.handle_async_request(request_of(upstream.origin, content=b"slow")))
                for _ in range(10)
            ]
            await asyncio.sleep(wait_s)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(10):
            assert await body_of(await transport.handle_async_request(request_of(upstream.origin))) == b"ok"


async def test_closing_the_stream_early_closes_the_connection(script: Callable[..., Any]) -> None:
    def play(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"4\r\ndata\r\n")
            time.sleep(0.01)

    upstream = script(play)
    async with transport_of() as transport:
        response = await transport.handle_async_request(request_of(upstream.origin))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for _ in response.stream:
            break
        await response.aclose()
        assert await asyncio.to_thread(upstream.closed_early.wait, 2)


async def test_header_bytes_go_out_as_they_are(script: Callable[..., Any]) -> None:
    upstream = script(ANSWER)
    async with transport_of() as transport:
        request = httpx.Request("POST", upstream.origin, headers=[(b"x", b"\xff\xe9 \xc3\xa9")])
        await body_of(await transport.handle_async_request(request))
    assert b"\r\nx: \xff\xe9 \xc3\xa9\r\n" in upstream.requests[0]


async def test_what_http_does_not_allow_is_refused_before_a_place_is_taken() -> None:
    async with transport_of() as transport:
        with pytest.raises(UpstreamError) as caught:
            await transport.handle_async_request(httpx.Request("POST", "http://127.0.0.1:9", headers=[(b"x", b"a\r\nb: c")]))
        assert (caught.value.status, caught.value.sent, transport.in_use) == (400, False, 0)


async def test_connections_in_use_are_counted(script: Callable[..., Any]) -> None:
    arrived, may_answer = threading.Event(), threading.Event()

    def play(connection: socket.socket, _: bytes) -> None:
        arrived.set()
        may_answer.wait(5)
        connection.sendall(ANSWER)

    upstream = script(play)
    async with transport_of() as transport:
        asked = asyncio.create_task(transport.handle_async_request(request_of(upstream.origin, content=b"{}")))
        await asyncio.to_thread(arrived.wait, 5)
        assert transport.in_use == 1
        may_answer.set()
        await body_of(await asked)
        assert transport.in_use == 0


async def test_a_place_is_given_back_once_wherever_a_request_is_cancelled(serving: Callable[..., Any]) -> None:
    """In the queue, while connecting, while the answer is awaited."""
    answers = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            if answers:
                writer.write(ANSWER)

    async with serving(serve) as port, transport_of(connections=2, pool_wait_s=20) as transport:
        origin = f"http://127.0.0.1:{port}"
        for steps in range(30):
            tasks = [asyncio.create_task(transport.handle_async_request(request_of(origin))) for _ in range(4)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert transport.in_use == 0
        answers = True
        for _ in range(5):
            response = await transport.handle_async_request(request_of(origin))
            assert transport.in_use == 1
            await response.aclose()
            await response.aclose()
            assert transport.in_use == 0


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_kept_connection_that_dies_under_a_request_is_a_fault_and_nothing_goes_out_again(
    serving: Callable[..., Any], method: str
) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        got.append(await reader.readuntil(b"\r\n\r\n"))

    async with serving(serve) as port, transport_of() as transport:
        ask = httpx.Request(method, f"http://127.0.0.1:{port}", headers=[(b"host", b"up")])
        await body_of(await transport.handle_async_request(ask))
        with pytest.raises(UpstreamError) as caught:
            await transport.handle_async_request(ask)
        assert (caught.value.status, caught.value.sent, transport.in_use) == (502, True, 0)
    assert len(got) == 2


async def test_a_request_past_its_whole_time_while_connecting_has_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = [socket.socket() for _ in range(3)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        async with transport_of(connect_timeout_s=20) as transport:
            ask = request_of(f"http://127.0.0.1:{full.getsockname()[1]}", extensions={"timeout": {"total": 0.1}})
            with pytest.raises(UpstreamError) as caught:
                await transport.handle_async_request(ask)
            assert (caught.value.status, caught.value.sent, transport.in_use) == (504, False, 0)
        for each in held:
            each.close()


async def test_a_head_has_fields_and_no_body(script: Callable[..., Any]) -> None:
    upstream = script(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    async with transport_of() as transport:
        for _ in range(2):
            response = await transport.handle_async_request(httpx.Request("HEAD", upstream.origin))
            assert (response.headers["content-length"], await body_of(response)) == ("1000", b"")
