"""What the sidecar costs: requests straight to a minimal image API, through it untouched, and through it with decisions.

Image API, sidecar and client are three processes on one machine. The three ways take turns in every round.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import IO, Any

import httptools
from _machine import PROMPTS, console, memory_mb, processor_s, rank, show_machine
from rich.table import Table

from evenhand.proxy.protocol import loop_factory

ROUNDS, WARM_REQUESTS = 7, 250
REQUESTS = {1: 250, 16: 800}  # by concurrency, in each round and each way
LONG_RUN, LONG_RUN_AT_ONCE = 10_000, 16
WAYS = ("direct", "untouched", "enforcing")
PATH = "/v1/images/generations"
PICTURE = {"b64_json": "iVBORw0KGgo" * 15}
ANSWER = json.dumps({"created": 1764000000, "data": [PICTURE], "usage": {"input_tokens": 25, "output_tokens": 272}}).encode()
HEAD = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(ANSWER)}\r\n\r\n".encode()


class ImageApi(asyncio.Protocol):
    """Answers every request with the same picture at once."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(HEAD + ANSWER)


class Client(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-evenhand-decision":
            self.outcome = value.decode()

    def on_message_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.answered.set_result(None)
        self.parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "answered") and not self.answered.done():
            self.answered.set_exception(ConnectionError("the connection was lost before the answer was complete"))

    async def ask(self, request: bytes) -> float:
        """Milliseconds from the request's first byte to the answer's last. Raises RuntimeError on any status but 200."""
        self.answered = asyncio.get_running_loop().create_future()
        self.outcome = ""
        began = time.perf_counter()
        self.transport.write(request)
        await self.answered
        took_ms = (time.perf_counter() - began) * 1000
        if self.status != 200:
            raise RuntimeError(f"a request was answered with status {self.status}; it must be 200")
        return took_ms


@dataclass
class Way:
    """`rounds` holds one list of milliseconds and one duration a round, by concurrency; `sent` and `used_s` are sums."""

    port: int
    requests: list[bytes]
    rounds: dict[int, list[tuple[list[float], float]]] = field(default_factory=lambda: {each: [] for each in REQUESTS})
    outcomes: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    used_s: float = 0.0


def main() -> int:
    if sys.argv[1:2] == ["image-api"]:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(image_api(int(sys.argv[2])))
        return 0
    show_machine("uvicorn", "httptools", "aiohttp", "fastapi", "uvloop")
    with ExitStack() as running, asyncio.Runner(loop_factory=loop_factory()) as runner:
        upstream, port, admin = free_ports(3)
        running.enter_context(process([__file__, "image-api", str(upstream)]))
        flags = ["--port", str(port), "--admin-port", str(admin), "--upstream", f"http://127.0.0.1:{upstream}"]
        sidecar = running.enter_context(process(["-m", "evenhand", "serve", *flags]))
        wait_for(f"http://127.0.0.1:{admin}/readyz", sidecar)
        runner.run(measure(upstream, port, sidecar.child.pid))
    return 0


async def image_api(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(ImageApi, "127.0.0.1", port)
    await server.serve_forever()


@dataclass(frozen=True, slots=True)
class Running:
    child: subprocess.Popen[bytes]
    said: IO[bytes]


@contextmanager
def process(arguments: list[str]) -> Iterator[Running]:
    """Its log lines go to a file that is deleted at the end."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=said)
        try:
            yield Running(child, said)
        finally:
            child.kill()
            child.wait()


def free_ports(count: int) -> list[int]:
    """All different, since each is held until the last is found."""
    with ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in found]


def wait_for(url: str, running: Running, *, wait_s: float = 60) -> None:
    """Raises RuntimeError with what the process said, where it ended or never answered."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + wait_s
    while running.child.poll() is None and time.monotonic() < until:
        try:
            opener.open(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    running.said.seek(0)
    raise RuntimeError(f"the sidecar did not get ready: {running.said.read().decode().strip()}")


def request(prompt: str, *headers: str) -> bytes:
    body = json.dumps({"model": "any", "prompt": prompt, "size": "1024x1024"}).encode()
    lines = [f"POST {PATH} HTTP/1.1", "host: 127.0.0.1", "authorization: Bearer none", "content-type: application/json"]
    return "\r\n".join([*lines, *headers, f"content-length: {len(body)}", "", ""]).encode() + body


async def measure(upstream: int, port: int, pid: int) -> None:
    plain = [request(prompt) for prompt in PROMPTS]
    off = [request(prompt, "x-evenhand: off") for prompt in PROMPTS]
    ways = {"direct": Way(upstream, plain), "untouched": Way(port, off), "enforcing": Way(port, plain)}
    idle_mb = memory_mb(pid)
    for way in ways.values():
        await send(way, WARM_REQUESTS, 16)
        way.outcomes.clear()
    for turn in range(ROUNDS):
        for at_once, count in REQUESTS.items():
            for name in WAYS[turn % 3 :] + WAYS[: turn % 3]:
                await one_round(ways[name], count, at_once, pid)
    show_ways(ways)
    before_mb = memory_mb(pid)
    await send(ways["enforcing"], LONG_RUN, LONG_RUN_AT_ONCE)
    show_memory(idle_mb, before_mb, memory_mb(pid), sum(ways[name].sent + WARM_REQUESTS for name in WAYS[1:]))


async def one_round(way: Way, count: int, at_once: int, pid: int) -> None:
    used, began = processor_s(pid), time.perf_counter()
    times = await send(way, count, at_once)
    way.rounds[at_once].append((times, time.perf_counter() - began))
    way.used_s += processor_s(pid) - used
    way.sent += count


async def send(way: Way, count: int, at_once: int) -> list[float]:
    """`count` requests over `at_once` kept connections."""
    loop = asyncio.get_running_loop()
    waiting = iter(range(count))
    times: list[float] = []

    async def work() -> None:
        transport, client = await loop.create_connection(Client, "127.0.0.1", way.port)
        for index in waiting:
            times.append(await client.ask(way.requests[index % len(way.requests)]))
            way.outcomes[client.outcome] = way.outcomes.get(client.outcome, 0) + 1
        transport.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return times


def show_ways(ways: dict[str, Way]) -> None:
    for at_once, count in REQUESTS.items():
        title = f"{at_once} at a time: medians of {ROUNDS} rounds of {count} requests; every round in all three ways"
        table = Table(title=title, title_justify="left")
        for heading in ("", "p50 ms", "p99 ms", "added p50 ms", "requests/s", "requests/s against direct"):
            table.add_column(heading, justify="right" if heading else "left")
        for name, way in ways.items():
            table.add_row(name, *row(way, ways["direct"], at_once))
        console.print(table)
    for name in WAYS[1:]:
        way = ways[name]
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(way.outcomes.items()))
        console.print(f"{name}: {way.used_s / way.sent * 1000:.2f} ms of processor time a request in the sidecar ({told})")


def row(way: Way, direct: Way, at_once: int) -> list[str]:
    """Added time and ratio are taken within each round."""
    own = [(rank(times, 0.5), rank(times, 0.99), len(times) / took_s) for times, took_s in way.rounds[at_once]]
    base = [(rank(times, 0.5), len(times) / took_s) for times, took_s in direct.rounds[at_once]]
    added = median(mine[0] - theirs[0] for mine, theirs in zip(own, base, strict=True))
    ratio = median(mine[2] / theirs[1] for mine, theirs in zip(own, base, strict=True))
    half, worst, rate = (median(each) for each in zip(*own, strict=True))
    return [f"{half:.2f}", f"{worst:.2f}", "" if way is direct else f"{added:.2f}", f"{rate:,.0f}", f"{ratio:.2f}"]


def show_memory(idle_mb: float, before_mb: float, after_mb: float, measured: int) -> None:
    table = Table(title="Resident memory of the sidecar (MB)", title_justify="left")
    table.add_column("")
    table.add_column("MB", justify="right")
    table.add_row("ready, no request yet", f"{idle_mb:.1f}")
    table.add_row(f"after the {measured:,} requests above", f"{before_mb:.1f}")
    table.add_row(f"after {LONG_RUN:,} more, all decided", f"{after_mb:.1f}")
    console.print(table)


if __name__ == "__main__":
    os.environ.pop("EVENHAND_UPSTREAM", None)
    raise SystemExit(main())
