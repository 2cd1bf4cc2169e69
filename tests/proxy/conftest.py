"""Upstreams as coroutines, for tests that run an event loop anyway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _serving(handle: Handle, **more: Any) -> AsyncIterator[int]:
    tasks = set[asyncio.Task[Any] | None]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async with await asyncio.start_server(one, "127.0.0.1", 0, **more) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(0.02)  # who was accepted last begins
        await asyncio.gather(*[task for task in tasks if task is not None])


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """serving(handle) -> a context manager that plays `handle` on every connection and waits for all; gives the port."""
    return _serving
