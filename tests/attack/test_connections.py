"""More connections than the setting allows: told so at once, while those inside and the admin port go on."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

MOST = 10
HEAD = b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
POST = HEAD + b'Content-Length: 19\r\n\r\n{"prompt":"a tree"}'


@pytest.fixture(scope="module")
def narrow(serve: Callable[..., Any], parser: str) -> Any:
    return serve(parser, max_connections=MOST)


async def fill(port: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Takes all places; each is known to be inside by an answer."""
    inside = []
    for _ in range(MOST):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"}]}")
        inside.append((reader, writer))
    return inside


async def emptied(port: int) -> None:
    """Waits until a place is free again."""
    async with asyncio.timeout(10):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POST)
            said = await reader.read(12)
            writer.close()
            if said == b"HTTP/1.1 200":
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("sends", [b"", b"GET", POST, POST * 50])
async def test_one_too_many_is_told_at_once_and_never_hangs(narrow: Any, sends: bytes) -> None:
    await emptied(narrow.port)
    await asyncio.sleep(0.1)
    inside = await fill(narrow.port)
    narrow.upstream.take()
    for _ in range(20):
        said = await narrow.send(sends, quiet_s=5)
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nretry-after: 1" in head
        assert b"\r\nconnection: close" in head
        assert json.loads(body)["error"]["code"] == "too_many_connections"
    assert narrow.upstream.take() == []
    reader, writer = inside[0]
    writer.write(POST)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    for _, each in inside:
        each.close()


async def test_the_admin_port_counts_its_own(narrow: Any) -> None:
    await emptied(narrow.port)
    inside = await fill(narrow.port)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{narrow.running.admin}/readyz")).status_code == 200
    for _, each in inside:
        each.close()


async def test_a_flood_costs_few_log_lines(narrow: Any, logged: list[str]) -> None:
    await emptied(narrow.port)
    inside = await fill(narrow.port)
    before = len(logged)
    said = await narrow.send_all([b""] * 100)
    assert {answer[:12] for answer in said} == {b"HTTP/1.1 503"}
    assert len([line for line in logged[before:] if "too_many_connections" in line]) <= 2
    for _, each in inside:
        each.close()
