"""Which connection is given out, which is closed, and what is told where none can be made, on both event loops."""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from evenhand.errors import UpstreamError
from evenhand.proxy.client import connections
from evenhand.proxy.client.connections import Connections, Key
from evenhand.proxy.client.wire import Wire
from evenhand.proxy.protocol import loop_factory

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

pytestmark = pytest.mark.parametrize("loops", [None, loop_factory()], ids=["asyncio", "uvloop"])


def sockets() -> int:
    """Open sockets of this process; event loops keep other descriptors as they like."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    return found


async def eventually(holds: Callable[[], Any]) -> bool:
    for _ in range(2_000):
        if holds():
            return True
        await asyncio.sleep(0.005)
    return False


@pytest.fixture
def run(loops: Any) -> Callable[..., Any]:
    """run(play, **Connections') -> what play(connections) returned; it ends when no task and no socket is left."""

    def played(play: Callable[[Connections], Coroutine[Any, Any, Any]], **more: Any) -> Any:
        async def main() -> Any:
            made = Connections(**more)
            before = sockets()
            try:
                return await play(made)
            finally:
                await made.aclose()
                assert await eventually(lambda: len(asyncio.all_tasks()) == 1 and sockets() <= before)  # the other side's, too

        with asyncio.Runner(loop_factory=loops) as runner:
            return runner.run(main())

    return played


@contextmanager
def listening(*, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port that answers every byte with OK."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        def one(raw: socket.socket) -> None:
            with raw, suppress(OSError):
                joined = tls.wrap_socket(raw, server_side=True) if tls else raw
                with joined:
                    while joined.recv(1):
                        joined.sendall(OK)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def port() -> Iterator[int]:
    with listening() as found:
        yield found


async def asked(wire: Wire) -> bytes:
    wire.begin(timeout_s=20, has_body=True)
    wire.write(b"?")
    await wire.answer()
    while not wire.complete:
        await wire.arrival()
    return wire.take()


def key_of(port: int, host: str = "127.0.0.1", scheme: str = "http") -> Key:
    return scheme, host, port


def test_who_was_used_last_comes_first(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        wires = [await made.new(key_of(port), timeout_s=5) for _ in range(3)]
        for wire in wires:
            assert await asked(wire) == b"ok"
            made.leave(key_of(port), wire)
        assert [made.kept(key_of(port)) for _ in range(4)] == [*reversed(wires), None]
        assert made.kept(key_of(port, "localhost")) is None
        assert made.kept(key_of(port, scheme="https")) is None

    run(play)


def test_a_connection_that_carries_half_an_answer_is_never_kept(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        wire = await made.new(key_of(port), timeout_s=5)
        wire.begin(timeout_s=20, has_body=True)
        made.leave(key_of(port), wire)
        assert (wire.closed, made.kept(key_of(port)), made.idle) == (True, None, {})

    run(play)


def test_small_writes_are_not_held_back(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        joined = await connections._raced([(int(socket.AF_INET), ("127.0.0.1", port))])
        assert joined.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        joined.close()

    run(play)


def test_idle_connections_are_closed_by_one_timer(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        first, second = [await made.new(key_of(port), timeout_s=5) for _ in range(2)]
        for wire in (first, second):
            await asked(wire)
            made.leave(key_of(port), wire)
            await asyncio.sleep(0.1)
        assert made.kept(key_of(port)) is second
        assert await eventually(lambda: first.closed)
        assert not second.closed
        made.leave(key_of(port), second)
        assert await eventually(lambda: not made.idle)
        assert second.closed

    run(play, idle_s=0.2)


def test_closing_breaks_off_what_is_in_use_and_makes_nothing_new(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        kept, used = [await made.new(key_of(port), timeout_s=5) for _ in range(2)]
        await asked(kept)
        made.leave(key_of(port), kept)
        used.begin(timeout_s=20, has_body=True)
        waiting = asyncio.create_task(used.answer())
        await asyncio.sleep(0)
        await made.aclose()
        with pytest.raises(UpstreamError, match="broke off"):
            await waiting
        assert (kept.closed, used.closed) == (True, True)
        with pytest.raises(UpstreamError, match="the sidecar stops") as caught:
            await made.new(key_of(port), timeout_s=5)
        assert not caught.value.sent

    run(play)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid", "127.0.0.1"])
def test_no_address_and_nobody_there(run: Any, host: str) -> None:
    async def play(made: Connections) -> None:
        with pytest.raises(UpstreamError, match="refused the connection or has no address") as caught:
            await made.new(key_of(9, host), timeout_s=5)
        assert (caught.value.status, caught.value.sent) == (502, False)

    run(play)


@contextmanager
def full() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        held = [socket.socket() for _ in range(3)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in held:
            each.close()


@contextmanager
def mute() -> Iterator[int]:
    """It takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("scheme", "there"), [("http", full), ("https", full), ("https", mute)])
def test_a_deadline_covers_tcp_and_tls(run: Any, scheme: str, there: Any) -> None:
    async def play(made: Connections) -> None:
        with pytest.raises(UpstreamError, match="in time; nothing was sent") as caught:
            await made.new(key_of(number, scheme=scheme), timeout_s=0.2)
        assert (caught.value.status, caught.value.sent) == (504, False)

    with there() as number:
        run(play)


@pytest.mark.parametrize(("scheme", "there"), [("http", full), ("https", full), ("https", mute)])
def test_who_leaves_while_connecting_leaves_nothing_behind(run: Any, scheme: str, there: Any) -> None:
    async def play(made: Connections) -> None:
        for wait_s in (0, 0, 0.001, 0.01, 0.05):
            tasks = [asyncio.create_task(made.new(key_of(number, scheme=scheme), timeout_s=20)) for _ in range(5)]
            await asyncio.sleep(wait_s)
            for task in tasks:
                task.cancel()
            assert {type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)} == {asyncio.CancelledError}

    with there() as number:
        run(play)


class Tls:
    def __init__(self) -> None:
        trustme = pytest.importorskip("trustme", reason="makes the certificates")
        self.server, self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority = trustme.CA()
        authority.issue_cert("localhost").configure_cert(self.server)
        authority.configure_trust(self.client)


@pytest.fixture(scope="module")
def tls() -> Tls:
    return Tls()


@pytest.mark.parametrize("host", ["localhost", "localhost."])
def test_tls_with_a_trusted_name(run: Any, tls: Tls, host: str) -> None:
    async def play(made: Connections) -> None:
        made._names._known[host, number] = (float("inf"), [(int(socket.AF_INET), ("127.0.0.1", number))])
        wire = await made.new(key_of(number, host, "https"), timeout_s=5)
        assert await asked(wire) == b"ok"
        made.leave(key_of(number, host, "https"), wire)
        assert made.kept(key_of(number, host, "https")) is wire

    with listening(tls=tls.server) as number:
        run(play, tls=tls.client)


def test_tls_that_is_not_to_be_trusted_has_sent_nothing(run: Any, tls: Tls) -> None:
    async def play(made: Connections) -> None:
        for number, host in ((secure, "127.0.0.1"), (plain, "localhost")):
            with pytest.raises(UpstreamError, match="TLS handshake") as caught:
                await made.new(key_of(number, host, "https"), timeout_s=5)
            assert (caught.value.status, caught.value.sent) == (502, False)

    with listening(tls=tls.server) as secure, listening() as plain:
        run(play, tls=tls.client)


def test_an_unknown_authority_is_not_trusted(run: Any, tls: Tls) -> None:
    async def play(made: Connections) -> None:
        with pytest.raises(UpstreamError, match="TLS handshake"):
            await made.new(key_of(number, "localhost", "https"), timeout_s=5)

    with listening(tls=tls.server) as number:
        run(play)


def test_addresses_are_tried_in_turn_until_one_answers(run: Any, port: int) -> None:
    places = [(int(socket.AF_INET), (f"127.0.0.{number}", port)) for number in (3, 3, 1)]

    async def play(made: Connections) -> None:
        joined = await connections._raced(places)
        assert joined.getpeername() == ("127.0.0.1", port)
        joined.close()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await connections._raced(places[:2])

    run(play)


def test_a_silent_address_keeps_nobody_waiting(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        places = [(int(socket.AF_INET), ("127.0.0.1", number)) for number in (silent, silent, port)]
        joined = await connections._raced(places)
        assert joined.getpeername() == ("127.0.0.1", port)
        joined.close()
        waiting = asyncio.create_task(connections._raced(places[:2]))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting

    with full() as silent:
        run(play)


def test_families_take_turns(loops: Any) -> None:
    six = [(int(socket.AF_INET6), (f"::{number}",)) for number in range(3)]
    four = [(int(socket.AF_INET), (f"127.0.0.{number}",)) for number in range(2)]
    assert connections._interleaved([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert connections._interleaved([]) == []


def test_a_name_is_asked_for_once_at_a_time(run: Any, port: int) -> None:
    async def play(made: Connections) -> None:
        tasks = [asyncio.create_task(made.new(key_of(port, "localhost"), timeout_s=5)) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(made._names._asking) == 1
        tasks[0].cancel()
        for wire in await asyncio.gather(*tasks[1:]):
            assert await asked(wire) == b"ok"
        assert made._names._asking == {}

    run(play)
