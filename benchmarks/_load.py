"""The load: wrk with a prompt of its own in every request; where wrk is absent, an asyncio client that does the same.

Both run on the load's core beside the upstream. wrk costs the less, so only figures of one and the same client compare.
"""

import asyncio
import json
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httptools
from _machine import HERE, rank
from _running import LOAD_CORE, PATH, settle

WRK = shutil.which("wrk")
CLIENT = "wrk" if WRK else "asyncio client"
_STEP = 1_000_000  # more requests than one run can send
_first = count(step=_STEP)


class Load(NamedTuple):
    """`failed` broke off, `refused` had a status of 400 or more."""

    requests: int
    seconds: float
    bytes: int
    p50_ms: float
    p99_ms: float
    failed: int
    refused: int

    @property
    def rate(self) -> float:
        return (self.requests - self.refused) / self.seconds


def load(port: int, prompts: Path, *, at_once: int, seconds: int) -> Load:
    """No prompt of one call is sent again by a later one."""
    first = next(_first)
    if WRK is None:
        return asyncio.run(_own(port, prompts.read_text().splitlines(), first, at_once=at_once, seconds=seconds))
    flags = ["-t1", f"-c{at_once}", f"-d{seconds}s", "--timeout", "60s", "-s", str(HERE / "load.lua")]
    command = [WRK, *flags, f"http://127.0.0.1:{port}{PATH}", "--", str(prompts), str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=lambda: settle(LOAD_CORE))
    return Load(**json.loads(done.stdout.rpartition("result ")[2]))


def request(text: str) -> bytes:
    """`text` is escaped for JSON already."""
    body = f'{{"model":"gpt-image-1","prompt":"{text}","size":"1024x1024"}}'.encode()
    head = "host: 127.0.0.1\r\nauthorization: Bearer none\r\ncontent-type: application/json"
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


class Client(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self) -> None:
        self.status = self.bytes = 0
        self.answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.parser = httptools.HttpResponseParser(self)
        if self.answered and not self.answered.done():
            self.answered.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered and not self.answered.done():
            self.answered.set_exception(ConnectionError("the connection was lost before the answer was complete"))

    async def ask(self, sent: bytes) -> int:
        """The answer's status. Raises ConnectionError where there is none."""
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(sent)
        return await self.answered


async def _own(port: int, texts: list[str], first: int, *, at_once: int, seconds: int) -> Load:
    loop = asyncio.get_running_loop()
    numbers, times, bad = count(first), list[float](), [0, 0, 0]
    began = time.monotonic()

    async def work() -> None:
        _, client = await loop.create_connection(Client, "127.0.0.1", port)
        while time.monotonic() - began < seconds:
            number, at = next(numbers), time.perf_counter()
            try:
                bad[1] += await client.ask(request(f"{texts[number % len(texts)]}, take {number}")) >= 400
            except ConnectionError:
                bad[0] += 1
                return
            times.append((time.perf_counter() - at) * 1000)
        bad[2] += client.bytes
        client.transport.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    spent = time.monotonic() - began
    p50, p99 = (rank(times, share) if times else 0.0 for share in (0.5, 0.99))
    return Load(len(times), spent, bad[2], p50, p99, bad[0], bad[1])
