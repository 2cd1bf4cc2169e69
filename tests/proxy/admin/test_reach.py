import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evenhand.proxy.admin.reach import Lookout, reach


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def test_what_can_be_reached_gets_no_byte(script: Callable[..., Any]) -> None:
    upstream = script(b"")
    assert await reach(upstream.origin) == ""
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("http://127.0.0.1:9", "Nothing listens on 127.0.0.1:9; check host and port."),
        ("http://no-such-host.invalid", "The name 'no-such-host.invalid' has no address"),
    ],
)
async def test_what_is_wrong_is_told_with_the_fix(origin: str, said: str) -> None:
    assert said in await reach(origin)


async def test_tls_that_is_none() -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "does not speak TLS" in await reach(f"https://127.0.0.1:{port}")


async def test_silence_ends(silent: str) -> None:
    assert "did not answer within 0.1 s" in await reach(f"https://{silent}", timeout_s=0.1)


async def test_a_lookout_looks_once_in_a_while(script: Callable[..., Any]) -> None:
    up, down = script(b"").origin, "http://127.0.0.1:9"
    lookout = Lookout(fresh_s=3_600)
    assert lookout.look([up, down, up]) == {up: None, down: None}
    for _ in range(500):
        found = lookout.look([up, down])
        if None not in found.values():
            break
        await asyncio.sleep(0.01)
    first, second = found[up], found[down]
    assert first is not None
    assert second is not None
    assert (first.error, "Nothing listens" in second.error) == ("", True)
    await asyncio.sleep(0.01)
    assert lookout.look([up, down]) == found
    await lookout.aclose()


async def test_closing_ends_a_look_under_way(silent: str) -> None:
    lookout = Lookout()
    lookout.look([f"https://{silent}"])
    await asyncio.sleep(0)
    await lookout.aclose()
    await Lookout().aclose()
