import asyncio
import socket
from collections.abc import Callable

import httpx

from evenhand.proxy.incoming import App, Receive, Scope, Send
from evenhand.proxy.listeners import Beside, listener_of
from evenhand.settings import load_settings


def app_of(text: bytes) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
        await send({"type": "http.response.body", "body": text})

    return app


def port() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


async def told(bound: socket.socket) -> str:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=5), trust_env=False) as client:
        return (await client.get("http://{}:{}".format(*bound.getsockname()))).text


async def test_a_port_opened_again_answers_otherwise() -> None:
    beside, one, other = Beside(load_settings()), port(), port()
    beside.open(one, app_of(b"starting"))
    beside.open(other, app_of(b"other"))
    assert [await told(one), await told(other)] == ["starting", "other"]
    beside.open(one, app_of(b"ready"))
    assert [await told(one), await told(other)] == ["ready", "other"]
    await beside.aclose()


async def test_closing_without_anything_open() -> None:
    await Beside(load_settings()).aclose()


async def test_a_listener_says_when_it_takes_requests() -> None:
    bound = port()
    listener = listener_of(app_of(b"here"), load_settings())
    assert not listener.listens.is_set()
    running = asyncio.create_task(listener.serve(sockets=[bound]))
    await listener.listens.wait()
    assert await told(bound) == "here"
    listener.should_exit = True
    await running


async def test_no_server_or_date_header_is_added(raw: Callable[..., bytes]) -> None:
    beside, bound = Beside(load_settings()), port()
    beside.open(bound, app_of(b"x"))
    await told(bound)
    answer = await asyncio.to_thread(raw, bound.getsockname()[1], b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"server:" not in answer.lower()
    await beside.aclose()
