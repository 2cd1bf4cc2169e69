"""The pool of connections: full, it says so soon; after any churn of cancelled requests it is empty and works."""

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest

from evenhand.proxy.client.transport import Pool, UpstreamTransport
from evenhand.proxy.refusal import Refusal


@asynccontextmanager
async def transport_of(**changes: Any) -> AsyncIterator[UpstreamTransport]:
    made = UpstreamTransport(**{"connections": 8, "timeout_s": 5.0, "connect_timeout_s": 1.0, **changes})
    try:
        yield made
    finally:
        await made.aclose()


async def one(transport: UpstreamTransport, origin: str) -> int:
    response = await transport.handle_async_request(httpx.Request("POST", origin, content=b"{}"))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for _ in response.stream:
        pass
    return response.status_code


async def churn(transport: UpstreamTransport, origin: str, *, for_s: float, chance: random.Random) -> int:
    """Asks and leaves again and again, mostly before the connection stands."""
    loop, left = asyncio.get_running_loop(), 0
    ends = loop.time() + for_s
    while loop.time() < ends:
        task = asyncio.create_task(one(transport, origin))
        await asyncio.sleep(chance.choice([0, 0, 0, 0.0005, 0.001, 0.004]))
        left += task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return left


@pytest.mark.parametrize("connections", [1, 8, 100])
async def test_after_a_churn_all_is_well_and_nothing_is_in_use(
    good: Any, times: Callable[[int, int], int], connections: int
) -> None:
    async with transport_of(connections=connections, pool_wait_s=30) as transport:
        works = [churn(transport, good.origin, for_s=times(1, 30), chance=random.Random(seed)) for seed in range(40)]
        assert sum(await asyncio.gather(*works)) > 100
        assert transport.in_use == 0
        assert [await one(transport, good.origin) for _ in range(20)] == [200] * 20
        assert transport.in_use == 0


async def test_a_churn_against_somebody_who_never_accepts(full_listener: str, good: Any) -> None:
    async with transport_of(connect_timeout_s=30, pool_wait_s=30) as transport:
        works = [churn(transport, full_listener, for_s=0.5, chance=random.Random(seed)) for seed in range(40)]
        await asyncio.gather(*works)
        assert transport.in_use == 0
        assert await one(transport, good.origin) == 200


async def test_a_full_pool_is_told_and_others_keep_their_places(full_listener: str) -> None:
    async with transport_of(connections=3, connect_timeout_s=30, pool_wait_s=0.05) as transport:
        holding = [asyncio.create_task(one(transport, full_listener)) for _ in range(3)]
        await asyncio.sleep(0)
        for _ in range(5):
            with pytest.raises(Refusal, match="All 3 connections to image APIs are in use, so nothing was sent") as caught:
                await one(transport, full_listener)
            assert (caught.value.status, caught.value.retry, transport.in_use) == (503, True, 3)
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)
        assert transport.in_use == 0


async def test_who_waits_longest_comes_first_and_nobody_waits_in_vain() -> None:
    pool, order = Pool(1, wait_s=30), list[int]()

    async def visit(number: int) -> None:
        place = await pool.enter()
        order.append(number)
        await asyncio.sleep(0)
        place.leave()
        place.leave()

    await asyncio.gather(*(visit(number) for number in range(50)))
    assert (order, pool.in_use) == (list(range(50)), 0)


async def test_places_are_never_lost_when_waiting_ends_as_one_gets_free() -> None:
    pool, chance = Pool(2, wait_s=0.002), random.Random(1)

    async def visit() -> None:
        try:
            place = await pool.enter()
        except Refusal:
            return
        try:
            await asyncio.sleep(chance.choice([0, 0.001, 0.002, 0.003]))
        finally:
            place.leave()

    for _ in range(20):
        tasks = [asyncio.create_task(visit()) for _ in range(20)]
        await asyncio.sleep(0.001)
        for task in chance.sample(tasks, 8):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert pool.in_use == 0
    places = [await pool.enter() for _ in range(2)]
    assert pool.in_use == len(places)


def test_a_full_pool_end_to_end(
    run_rig: Callable[..., Any],
    upstream_of: Callable[..., Any],
    request_of: Callable[..., bytes],
    answer: Callable[..., bytes],
    eventually: Callable[..., Any],
) -> None:
    go = threading.Event()

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            assert go.wait(20)
            wire.send(answer())

    upstream = upstream_of(steps)
    with (
        run_rig(upstream=upstream.origin, connections=1, pool_wait_s=0.1) as rig,
        socket.create_connection(("127.0.0.1", rig.port)) as holder,
    ):
        holder.sendall(request_of("a tree"))
        assert eventually(lambda: upstream.receipts)
        alone, split = rig.post("a tree"), rig.post("a doctor", n=3)
        go.set()
        assert holder.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert eventually(lambda: rig.transport.in_use == 0)
        assert rig.post("a tree").status_code == 200
    assert (alone.status_code, alone.headers["retry-after"], alone.json()["error"]["code"]) == (503, "1", "pool_full")
    assert "x-should-retry" not in alone.headers
    # A part may have gone out, so the whole must not be asked for again.
    assert (split.status_code, split.headers["x-should-retry"]) == (503, "false")
    assert "retry-after" not in split.headers
    assert len(upstream.receipts) == 2


def test_the_openai_sdk_waits_and_gets_its_picture(
    run_rig: Callable[..., Any],
    upstream_of: Callable[..., Any],
    request_of: Callable[..., bytes],
    answer: Callable[..., bytes],
    eventually: Callable[..., Any],
) -> None:
    go = threading.Event()

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            assert go.wait(20)
            wire.send(answer())

    upstream = upstream_of(steps)
    with (
        run_rig(upstream=upstream.origin, connections=1, pool_wait_s=0.05) as rig,
        socket.create_connection(("127.0.0.1", rig.port)) as holder,
        openai.OpenAI(base_url=f"{rig.url}/v1", api_key="sk-test", max_retries=20) as client,
    ):
        holder.sendall(request_of("a tree"))
        assert eventually(lambda: upstream.receipts)
        later = threading.Timer(0.3, go.set)
        later.start()
        assert client.images.generate(prompt="a doctor").data
        later.join()
    assert len(upstream.receipts) == 2
