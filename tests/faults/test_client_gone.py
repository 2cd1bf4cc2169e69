"""Clients that leave, at six stages of a request: the image API hears of it and nothing stays behind."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

MORE = b"x" * 60_000
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def client(port: int, *, resets: bool) -> Iterator[socket.socket]:
    """Leaves with a FIN, or with a RST."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection
        if resets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(upstream: Any, wire: Any) -> None:
    upstream.receipts.append(wire.request())
    upstream.left.append(wire.is_left())


def half(upstream: Any, wire: Any) -> None:
    upstream.receipts.append(wire.request())
    wire.send(CHUNKED + b"4\r\nhalf\r\n")
    upstream.left.append(wire.is_left())


def all_but_the_end(upstream: Any, wire: Any) -> None:
    upstream.receipts.append(wire.request())
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n12345678")
    upstream.left.append(wire.is_left())


def deaf(upstream: Any, wire: Any) -> None:
    """Reads the head of a large request and nothing more until it is told to."""
    upstream.receipts.append(wire.read(100))
    threading.Event().wait(0.2)
    upstream.left.append(wire.is_left())


# Stage -> what the upstream plays; what the client sends; how many bytes it waits for before it leaves.
UPSTREAM_STAGES: dict[str, tuple[Any, str, bytes]] = {
    "upload to the image API": (deaf, "large", b""),
    "waiting for headers": (silent, "small", b""),
    "waiting for three parts": (silent, "three", b""),
    "mid-body": (half, "small", b"half"),
    "the last byte": (all_but_the_end, "small", b"12345678"),
}


def request_for(kind: str, request_of: Callable[..., bytes]) -> bytes:
    if kind == "large":
        return request_of("a tree", image="A" * 12_000_000)
    return request_of("a doctor", n=3) if kind == "three" else request_of("a doctor")


@pytest.mark.parametrize("stage", UPSTREAM_STAGES)
def test_the_image_api_sees_every_client_leave(
    run_rig: Callable[..., Any],
    upstream_of: Callable[..., Any],
    request_of: Callable[..., bytes],
    eventually: Callable[..., Any],
    times: Callable[[int, int], int],
    told: Callable[[], list[dict[str, Any]]],
    stage: str,
) -> None:
    steps, kind, wanted = UPSTREAM_STAGES[stage]
    upstream, rounds = upstream_of(steps), times(10, 50)
    parts = 3 if kind == "three" else 1
    with run_rig(upstream=upstream.origin, body_bytes=20_000_000) as rig:
        before = rig.state()
        for number in range(rounds):
            with client(rig.port, resets=number % 2 == 1) as connection:
                connection.sendall(request_for(kind, request_of))
                assert eventually(lambda number=number: len(upstream.receipts) == parts * (number + 1))
                if wanted:
                    assert eventually(lambda connection=connection: wanted in connection.recv(65_536, socket.MSG_PEEK))
        assert eventually(lambda: rig.meters.clients_gone._value.get() == rounds)
        assert eventually(lambda: len(upstream.left) == parts * rounds)
        assert all(upstream.left)
        assert eventually(lambda: rig.state() == before), (before, rig.state())
        assert eventually(lambda: len(rig.entries) == rounds)
    lines = [line for line in told() if line["event"] == "request"]
    assert [line["notes"] for line in lines] == [["client_gone"]] * rounds
    assert {line["status"] for line in lines} == ({200} if wanted else {0})


def test_clients_that_leave_while_they_send(
    run_rig: Callable[..., Any],
    good: Any,
    request_of: Callable[..., bytes],
    eventually: Callable[..., Any],
    times: Any,
    told: Any,
) -> None:
    rounds, request = times(10, 50), request_of("a doctor", image=MORE.decode())
    with run_rig(upstream=good.origin) as rig:
        before = rig.state()
        for number in range(rounds):
            with client(rig.port, resets=number % 2 == 1) as connection:
                connection.sendall(request[: len(request) * (number % 9 + 1) // 10])
        assert eventually(lambda: rig.meters.clients_gone._value.get() == rounds)
        assert eventually(lambda: rig.state() == before), (before, rig.state())
    assert (good.receipts, good.accepted) == ([], 0)
    assert [line["notes"] for line in told() if line["event"] == "request"] == [["client_gone"]] * rounds


def test_clients_that_leave_while_we_connect(
    run_rig: Callable[..., Any],
    full_listener: str,
    request_of: Callable[..., bytes],
    eventually: Callable[..., Any],
    times: Any,
    told: Any,
) -> None:
    rounds = times(10, 50)
    with run_rig(upstream=full_listener, connections=4, connect_timeout_s=60) as rig:
        before = rig.state()
        for number in range(rounds):
            with client(rig.port, resets=number % 2 == 1) as connection:
                connection.sendall(request_of())
                assert eventually(lambda: rig.transport.in_use == 1)
            assert eventually(lambda: rig.transport.in_use == 0)
        assert eventually(lambda: rig.state() == before), (before, rig.state())
    assert [line["notes"] for line in told() if line["event"] == "request"] == [["client_gone"]] * rounds


def test_clients_that_leave_the_queue_send_nothing_and_keep_no_place(
    run_rig: Callable[..., Any],
    upstream_of: Callable[..., Any],
    request_of: Callable[..., bytes],
    eventually: Callable[..., Any],
    answer: Callable[..., bytes],
    times: Any,
    told: Any,
) -> None:
    go = threading.Event()

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            assert go.wait(20)
            wire.send(answer())

    upstream, rounds = upstream_of(steps), times(10, 50)
    with run_rig(upstream=upstream.origin, connections=1, pool_wait_s=60) as rig:
        with client(rig.port, resets=False) as holder:
            holder.sendall(request_of("a tree"))
            assert eventually(lambda: upstream.receipts)
            before = rig.state()
            for number in range(rounds):
                with client(rig.port, resets=number % 2 == 1) as connection:
                    connection.sendall(request_of())
                    assert eventually(lambda: rig.state()["tasks"] > before["tasks"])
                assert eventually(lambda number=number: rig.meters.clients_gone._value.get() == number + 1)
            assert eventually(lambda: rig.state() == before), (before, rig.state())
            go.set()
            assert holder.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert rig.post().status_code == 200
        assert eventually(lambda: rig.transport.in_use == 0)
    assert len(upstream.receipts) == 2
    notes = [line["notes"] for line in told() if line["event"] == "request"]
    assert sorted(notes) == [[], [], *[["client_gone"]] * rounds]


def test_a_client_that_pipelines_and_leaves_pays_for_one_picture_at_most(
    run_rig: Callable[..., Any], upstream_of: Callable[..., Any], request_of: Callable[..., bytes], eventually: Callable[..., Any]
) -> None:
    upstream = upstream_of(silent)
    with run_rig(upstream=upstream.origin) as rig:
        before = rig.state()
        with client(rig.port, resets=True) as connection:
            connection.sendall(request_of() * 5)
            assert eventually(lambda: upstream.receipts)
        assert eventually(lambda: rig.state() == before), (before, rig.state())
    assert len(upstream.receipts) == 1
    assert json.loads(upstream.receipts[0].partition(b"\r\n\r\n")[2])["prompt"] != "a doctor"
