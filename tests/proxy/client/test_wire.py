"""One connection against upstreams that stop, flood, babble and leave, on both event loops."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from evenhand.errors import UpstreamError
from evenhand.proxy.client.wire import Wire
from evenhand.proxy.protocol import loop_factory

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nok"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Play = Callable[[Wire], Coroutine[Any, Any, Any]]

pytestmark = pytest.mark.parametrize("loops", [None, loop_factory()], ids=["asyncio", "uvloop"])


@pytest.fixture
def played(loops: Any, serving: Callable[..., Any]) -> Callable[..., Any]:
    """played(serve, play) -> what play(wire) returned, on a connection to an upstream that plays `serve`."""

    async def main(serve: Serve, play: Play, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None) -> Any:
        async with serving(serve, ssl=tls[0] if tls else None) as port:
            joined = socket.create_connection(("127.0.0.1", port))
            joined.setblocking(False)
            more: dict[str, Any] = {"ssl": tls[1], "server_hostname": "localhost"} if tls else {}
            _, wire = await asyncio.get_running_loop().create_connection(Wire, sock=joined, **more)
            try:
                return await play(wire)
            finally:
                wire.close()

    def run(serve: Serve, play: Play, *, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None) -> Any:
        with asyncio.Runner(loop_factory=loops) as runner:
            return runner.run(main(serve, play, tls))

    return run


async def body_of(wire: Wire, *, timeout_s: float = 20, has_body: bool = True) -> bytes:
    wire.begin(timeout_s=timeout_s, has_body=has_body)
    wire.write(b"?")
    await wire.answer()
    body = b""
    while True:
        if wire.chunks:
            body += wire.take()
        elif wire.complete:
            return body
        elif wire.fault is not None:
            raise wire.fault
        else:
            await wire.arrival()


def answering(*answers: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readexactly(1)
            writer.write(answer)
            await writer.drain()

    return serve


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(1)
    writer.write(TO_THE_END)
    await writer.drain()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def eventually(holds: Callable[[], Any]) -> bool:
    for _ in range(2_000):
        if holds():
            return True
        await asyncio.sleep(0.005)
    return False


def test_one_exchange_after_another(played: Any) -> None:
    async def play(wire: Wire) -> None:
        for _ in range(3):
            assert (await body_of(wire), wire.end(), wire.is_fresh()) == (b"ok", True, True)

    played(answering(*[OK] * 4), play)


@pytest.mark.parametrize("more", [OK, b"x", b"HTTP/1.1 408 Timeout\r\n\r\n"])
def test_bytes_that_nobody_asked_for_end_it(played: Any, more: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await asyncio.sleep(0.02)
        writer.write(more)
        await reader.read()

    async def play(wire: Wire) -> None:
        assert (await body_of(wire), wire.end()) == (b"ok", True)
        assert await eventually(lambda: wire.closed)
        assert not wire.is_fresh()

    played(serve, play)


def test_an_end_that_the_loop_has_not_seen_yet_is_seen(loops: Any) -> None:
    """The event loop stands still, as while a prompt is judged, when the upstream closes."""
    ours, theirs = socket.socketpair()

    async def main() -> None:
        ours.setblocking(False)
        _, wire = await asyncio.get_running_loop().create_connection(Wire, sock=ours)
        assert wire.is_fresh()
        theirs.close()
        assert (wire.closed, wire.is_fresh()) == (False, False)
        wire.close()
        await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=loops) as runner:
        runner.run(main())


def test_a_body_that_ends_by_closing(played: Any) -> None:
    async def play(wire: Wire) -> None:
        assert (await body_of(wire), wire.end(), wire.closed) == (b"ok", False, True)

    played(answering(TO_THE_END), play)


def test_a_reset_is_no_end(played: Any) -> None:
    with pytest.raises(UpstreamError, match="broke off") as caught:
        played(resetting, body_of)
    assert (caught.value.status, caught.value.sent) == (502, True)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 2", b"HTTP/1.1 100 C\r\n\r\n", OK[:-1]])
def test_an_end_before_the_end_is_a_fault(played: Any, start: bytes) -> None:
    with pytest.raises(UpstreamError, match="broke off"):
        played(answering(start), body_of)


def test_nonsense_is_a_fault_and_the_last(played: Any) -> None:
    async def play(wire: Wire) -> None:
        with pytest.raises(UpstreamError, match="not readable HTTP"):
            await body_of(wire)
        assert (wire.closed, wire.end()) == (True, False)

    played(answering(b"220 smtp ready\r\n"), play)


@pytest.mark.parametrize("start", [b"", OK[:-1]])
def test_a_deadline_covers_head_and_body(played: Any, start: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await reader.read()

    async def play(wire: Wire) -> None:
        with pytest.raises(UpstreamError, match="in time") as caught:
            await body_of(wire, timeout_s=0.1)
        assert (caught.value.status, caught.value.sent, wire.closed) == (504, True, True)

    played(serve, play)


def test_a_deadline_ends_with_the_answer(played: Any) -> None:
    async def play(wire: Wire) -> None:
        assert await body_of(wire, timeout_s=0.2) == b"ok"
        await asyncio.sleep(0.3)
        assert (wire.fault, wire.end()) == (None, True)

    played(answering(OK, OK), play)


def test_who_reads_slowly_slows_the_upstream_down(played: Any) -> None:
    size, sent = 50_000_000, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readexactly(1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(500):
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()
        await answering(OK)(reader, writer)

    async def play(wire: Wire) -> None:
        wire.begin(timeout_s=60, has_body=True)
        wire.write(b"?")
        await wire.answer()
        await asyncio.sleep(0.3)
        assert (wire.buffered < 2_000_000, sent < size) == (True, True)
        got = 0
        while not (wire.complete and not wire.chunks):
            if not wire.chunks:
                await wire.arrival()
            got += len(wire.take())
        assert (got, wire.end()) == (size, True)
        assert await body_of(wire) == b"ok"

    played(serve, play)


def test_a_body_left_unread_is_no_reason_to_close_where_all_of_it_came(played: Any) -> None:
    async def play(wire: Wire) -> None:
        wire.begin(timeout_s=20, has_body=True)
        wire.write(b"?")
        await wire.answer()
        assert await eventually(lambda: wire.complete)
        assert wire.end()
        assert await body_of(wire) == b"ok"

    played(answering(OK, OK), play)


def test_who_leaves_early_is_seen_to_leave(played: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK[:-1])
        left.append(await reader.read())

    left: list[bytes] = []

    async def play(wire: Wire) -> None:
        wire.begin(timeout_s=20, has_body=True)
        await wire.answer()
        assert not wire.end()
        assert await eventually(lambda: left)

    played(serve, play)


def test_closing_wakes_who_waits(played: Any) -> None:
    async def play(wire: Wire) -> None:
        waiting = asyncio.create_task(body_of(wire))
        await asyncio.sleep(0.02)
        wire.close()
        with pytest.raises(UpstreamError, match="broke off"):
            await waiting

    played(silent, play)


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    trustme = pytest.importorskip("trustme", reason="makes the certificates")
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    return server, client


def test_tls_ends_cleanly_where_the_upstream_says_so(played: Any, tls: Any) -> None:
    async def play(wire: Wire) -> None:
        assert (await body_of(wire), wire.end()) == (b"ok", False)

    played(answering(TO_THE_END), play, tls=tls)


def test_a_tls_connection_cut_on_the_way_is_no_end(played: Any, tls: Any) -> None:
    """The bytes of TCP end well, but nobody who knows the keys has said that this is the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(TO_THE_END)(reader, writer)
        await asyncio.sleep(0.05)
        raw = socket.socket(fileno=socket.dup(writer.get_extra_info("socket").fileno()))
        raw.shutdown(socket.SHUT_WR)
        raw.close()
        await asyncio.sleep(0.05)

    with pytest.raises(UpstreamError, match="broke off"):
        played(serve, body_of, tls=tls)


def test_exchanges_over_tls(played: Any, tls: Any) -> None:
    async def play(wire: Wire) -> None:
        for _ in range(3):
            assert (await body_of(wire), wire.end(), wire.closed) == (b"ok", True, False)

    played(answering(*[OK] * 4), play, tls=tls)
