import asyncio
import json

import pytest

from evenhand.proxy.door import LINGER_S, Door, message_of
from evenhand.proxy.refusal import Refusal


async def turned_away(*, sends: bytes = b"") -> bytes:
    counted: list[int] = []
    door = Door(1, lambda: counted.append(1))

    class Full(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            door.turn_away(transport)

    server = await asyncio.get_running_loop().create_server(Full, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sends)
        async with asyncio.timeout(LINGER_S + 10):
            said = await reader.read()
        writer.close()
    assert counted == [1]
    return said


@pytest.mark.parametrize("sends", [b"", b"GET / HTTP/1.1\r\n\r\n", b"x" * 200_000])
async def test_whoever_is_turned_away_can_read_why(sends: bytes) -> None:
    head, _, body = (await turned_away(sends=sends)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 1" in head
    assert json.loads(body)["error"]["code"] == "too_many_connections"


def test_a_message_is_whole() -> None:
    said = message_of(Refusal(400, "No.", code="no", close=True))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-length: %d" % len(body) in head
    assert b"connection: close" in head
