"""Several requests on one connection, in one piece or many: each keeps its own fields, body and answer, or none is taken."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PATH = b"/v1/images/generations"
PIECES = (1, 2, 7, 60)


def post(number: int, *, fields: bytes = b"", body: bytes | None = None) -> bytes:
    body = b'{"prompt":"a tree %d"}' % number if body is None else body
    head = b"POST %s?case=CASE HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" % PATH
    return head + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(number: int, *, trailers: bytes = b"", fields: bytes = b"") -> bytes:
    body = b'{"prompt":"a tree %d"}' % number
    head = b"POST %s?case=CASE HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" % PATH
    return head + fields + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailers)


def get(fields: bytes = b"") -> bytes:
    return b"GET /v1/models?case=CASE HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n"


CLOSE = b"Connection: close\r\n"


def statuses(said: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`told`: the statuses, one of several lists; `count`: the requests that reach the upstream, at least and at most."""

    requests: bytes
    told: list[list[int]]
    count: range
    never: bytes = rb"(?!)"


PIPELINES: list[tuple[list[bytes], list[int], int]] = [
    ([post(1), post(2)], [200, 200], 2),
    ([post(1), get(), chunked(3), post(4)], [200, 200, 200, 200], 4),
    ([chunked(1), chunked(2), chunked(3)], [200, 200, 200], 3),
    ([post(number) for number in range(20)], [200] * 20, 20),
    ([post(1, body=b"{}"), post(2)], [400, 200], 1),
    ([post(1, body=b'{"prompt":"a tree"}' + post(9)), post(2)], [400, 200], 1),
    ([post(1, body=b""), post(2)], [400, 200], 1),
    ([b"DELETE /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + post(9).ljust(400), post(2)], [404, 200], 1),
    ([get(b"Content-Length: 2\r\n") + b"hi", post(2)], [200, 200], 2),
]

TRAILERS = [
    b"X-Evenhand: off\r\n",
    b"X-Evenhand-Seed: stolen\r\n",
    b"Host: stolen.example\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Content-Type: text/stolen\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Authorization: Bearer stolen\r\n",
    b"Idempotency-Key: stolen\r\n",
    b"Connection: close, content-type\r\n",
    b"Expect: 100-continue\r\n",
    b"Stolen: x\r\n" * 120,
]

UPGRADES = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    b"Connection: upgrade\r\nUpgrade: TLS/1.2\r\n",
    b"Connection: keep-alive, Upgrade\r\nUpgrade: a, b/1\r\n",
]

GARBAGE = [b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nHost : x\r\n\r\n", b"\r\n\r\n\0", b"\xff" * 900]


def scenarios() -> Iterator[Scenario]:
    for requests, told, count in PIPELINES:
        yield Scenario(requests=b"".join(requests), told=[told], count=range(count, count + 1))
    # What is sent behind an announced end may cost the client the answer, too, but is never taken.
    yield Scenario(requests=post(1, fields=CLOSE) + post(2), told=[[200], []], count=range(2), never=b"tree 2")
    yield Scenario(requests=post(1) + get(CLOSE) + post(3), told=[[200, 200], [200], []], count=range(3), never=b"tree 3")
    for trailers in TRAILERS:
        whole = chunked(1, trailers=trailers) + post(2)
        yield Scenario(requests=whole, told=[[200, 200], [200], [400], [200, 400]], count=range(3), never=b"(?i)stolen")
    for fields in UPGRADES:
        never = b"(?i)upgrade|http2-settings"
        yield Scenario(requests=post(1, fields=fields) + post(2), told=[[200, 200]], count=range(2, 3), never=never)
        yield Scenario(requests=chunked(1, fields=fields) + post(2), told=[[200, 200]], count=range(2, 3), never=never)
        whole = get(fields) + post(2, fields=fields) + post(3)
        yield Scenario(requests=whole, told=[[200, 200, 200]], count=range(3, 4), never=never)
    connect = b"CONNECT stolen.example:443 HTTP/1.1\r\nHost: stolen.example:443\r\n\r\n"
    yield Scenario(requests=connect + post(9), told=[[400], [404], [404, 200], [400, 200], []], count=range(2), never=b"stolen")
    for garbage in GARBAGE:
        told = [[], [200], [400], [200, 400], [400, 200]]
        yield Scenario(requests=post(1) + garbage, told=told, count=range(2))


SCENARIOS = [(each, pieces) for each in scenarios() for pieces in PIECES]


async def test_answers_come_in_order_and_bodies_stay_apart(attacked: Any, logged: list[str]) -> None:
    attacked.upstream.take()
    whole = [each.requests.replace(b"CASE", b"%04d" % number) for number, (each, _) in enumerate(SCENARIOS)]
    said = await attacked.send_all(whole, pieces=[pieces for _, pieces in SCENARIOS])
    assert attacked.is_well()
    arrived = attacked.upstream.take()
    wrong = []
    for number, ((each, pieces), answer) in enumerate(zip(SCENARIOS, said, strict=True)):
        mine = [one for one in arrived if re.match(rb"\S+ \S+\?case=%04d " % number, one)]
        odd = [one for one in mine if re.search(each.never, one)]
        if statuses(answer) not in each.told or len(mine) not in each.count or odd:
            wrong.append((each.requests[:150], pieces, statuses(answer), len(mine), odd[:1]))
    assert not wrong, "\n".join(map(str, wrong))
    assert not [line for line in logged if '"server"' in line and "fault" in line]


async def test_a_trailer_changes_no_decision(attacked: Any) -> None:
    """httptools tells trailers like headers, and in one piece with the request they came in time to be taken for some."""
    body = b'{"prompt":"a doctor"}'
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" % PATH
    said = await attacked.send(head + b"%x\r\n%s\r\n0\r\nX-Evenhand: off\r\n\r\n" % (len(body), body))
    assert b"x-evenhand-decision: rewritten" in said.lower()


async def test_a_client_that_pipelined_and_left_costs_nothing(
    serve: Callable[..., Any], script: Callable[..., Any], parser: str, until: Callable[..., None]
) -> None:
    """The server tells only the request read last that the client has gone; the one under way would be paid for."""

    def play(connection: Any, _: bytes) -> None:
        connection.settimeout(5)
        if not connection.recv(1):
            raise BrokenPipeError

    slow = script(play)
    attacked = serve(parser, upstream=slow.origin)
    _, writer = await asyncio.open_connection("127.0.0.1", attacked.port)
    writer.write(post(1) + post(2))
    await asyncio.to_thread(until, lambda: slow.requests)
    writer.close()
    assert await asyncio.to_thread(slow.closed_early.wait, 5)
    assert len(slow.requests) == 1
