import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from evenhand.errors import BodyError
from evenhand.proxy.headers import Pairs
from evenhand.proxy.incoming import Client, ClientGoneError, Message, Receive, Watch, check_content, client_of, replayed


def receive_of(messages: Iterable[Message]) -> Receive:
    waiting = iter(messages)

    async def receive() -> Message:
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


async def test_replayed() -> None:
    receive = replayed(b"body", receive_of([GONE]))
    assert [await receive(), await receive()] == [part(b"body"), GONE]


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json;a=b",
        b"multipart/form-data; boundary=x",
    ],
)
def test_content_that_is_fine(value: bytes) -> None:
    check_content([(b"content-type", value)], ["application/json", "multipart/form-data"])


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([], "it must be application/json or multipart/form-data"),
        ([(b"content-type", b"text/plain")], "is 'text/plain'"),
        ([(b"content-type", b"application/x-www-form-urlencoded")], "it must be application/json or multipart/form-data"),
        ([(b"content-type", b"application/json; charset=latin-1")], "'latin-1'"),
        ([(b"content-type", b"application/json; charset=utf-8; charset=utf-16")], "send the body as UTF-8"),
    ],
)
def test_content_that_is_not(pairs: Pairs, says: str) -> None:
    with pytest.raises(BodyError, match=says) as caught:
        check_content(pairs, ["application/json", "multipart/form-data"])
    assert caught.value.status == 415


async def test_watch_cancels_the_block_when_the_client_leaves() -> None:
    left = asyncio.Event()

    async def receive() -> Message:
        await left.wait()
        return GONE

    asyncio.get_running_loop().call_later(0.02, left.set)
    with pytest.raises(ClientGoneError):
        await _watched(receive, asyncio.sleep(5))
    await asyncio.sleep(0)


async def _watched(receive: Receive, work: Awaitable[object], client: Client | None = None) -> None:
    async with Watch(receive, client):
        await work


class Telling:
    """A client of a server that tells of itself who leaves."""

    def __init__(self, *, has_left: bool = False) -> None:
        self.has_left = has_left
        self.do: Callable[[], None] | None = None

    def has_sent_all(self) -> bool:
        return True

    def on_leaving(self, do: Callable[[], None] | None) -> None:
        self.do = do
        if do and self.has_left:
            do()

    def leave(self) -> None:
        assert self.do is not None
        self.do()


async def _unasked() -> Message:
    raise AssertionError("nobody need ask a server that tells")


async def test_a_server_that_tells_who_leaves_is_not_asked() -> None:
    client = Telling()
    asyncio.get_running_loop().call_later(0.01, client.leave)
    with pytest.raises(ClientGoneError):
        await _watched(_unasked, asyncio.sleep(5), client)
    assert client.do is None
    await _watched(_unasked, asyncio.sleep(0), client)
    assert client.do is None


async def test_a_client_that_left_before_is_gone_at_once() -> None:
    with pytest.raises(ClientGoneError):
        await _watched(_unasked, asyncio.sleep(5), Telling(has_left=True))
    await asyncio.sleep(0)


def test_servers_of_others_tell_nothing_of_the_client() -> None:
    client = Telling()
    assert client_of({"type": "http"}) is client_of({"extensions": {"http.response.push": {}}}) is None
    assert client_of({"extensions": {"evenhand.client": client}}) is client


async def test_watch_at_the_very_end_leaves_no_cancel_behind() -> None:
    with pytest.raises(ClientGoneError):
        await _watched(receive_of([GONE]), asyncio.sleep(0))
    await asyncio.sleep(0.01)


async def _fail() -> None:
    raise ValueError("mine")


async def test_watch_lets_other_faults_and_outer_cancels_through() -> None:
    with pytest.raises(ValueError, match="mine"):
        await _watched(receive_of([]), _fail())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_watched(receive_of([]), asyncio.sleep(5)), 0.01)
