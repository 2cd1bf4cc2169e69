import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from evenhand.proxy.incoming import Receive, Scope, Send, client_of
from evenhand.proxy.listeners import Beside
from evenhand.proxy.protocol import http_protocol, loop_factory
from evenhand.settings import load_settings


def test_the_fast_parser_and_loop_are_used_where_installed() -> None:
    assert http_protocol(load_settings()).__name__ == "FastProtocol"
    factory = loop_factory()
    assert factory is not None
    loop = factory()
    loop.close()
    assert type(loop).__module__.startswith("uvloop")


async def _tells(scope: Scope, receive: Receive, send: Send) -> None:
    client = client_of(scope)
    said = b"unknown" if client is None else b"whole" if client.has_sent_all() else b"more"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-body", said), (b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(("parser", "said"), [("auto", [b"whole", b"more", b"whole"]), ("h11", [b"unknown"] * 3)])
async def test_only_a_body_that_came_whole_is_told_to_be_here(raw: Callable[..., bytes], parser: Any, said: list[bytes]) -> None:
    beside, bound = Beside(load_settings(http_parser=parser)), socket.create_server(("127.0.0.1", 0))
    beside.open(bound, _tells)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
    requests = [head + b"\r\n{}", head + b"\r\n{", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
    answers = [await asyncio.to_thread(raw, bound.getsockname()[1], request) for request in requests]
    assert [answer.partition(b"x-body: ")[2].partition(b"\r\n")[0] for answer in answers] == said
    await beside.aclose()


def test_pipelined_requests_keep_their_own_targets(sidecar: Any, raw: Callable[..., bytes]) -> None:
    good = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    bad = b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(sidecar.port, good + bad)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"404", b"400"]


@pytest.mark.parametrize(
    "start", [b"", b"GET /v1/models HTTP/1.1\r\nHost:", b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\nGET /v1"]
)
def test_a_header_block_that_stays_out_closes_the_connection(run_sidecar: Callable[..., Any], start: bytes) -> None:
    with (
        run_sidecar(demo=True, header_timeout_s=0.2) as running,
        socket.create_connection(("127.0.0.1", running.port), 3) as slow,
    ):
        slow.sendall(start)
        began = time.monotonic()
        while slow.recv(65_536):
            pass
    assert time.monotonic() - began < 2
