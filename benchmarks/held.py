"""(c) Many callers waiting: 2,000 requests of unseen prompts, sent evenly over 4.5 s, each held 5 s by the image API.

So all are under way at once where the contestant keeps pace; memory is divided by the connections it really held, and every
contestant is a fresh process, since a warm one hides what connections cost.
"""

import asyncio
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from _contestants import CONTESTANTS, Contestant, chosen_of, running
from _load import Client, request
from _machine import console, rank
from _results import keep, options
from _running import LOAD_CORE, Running, settle
from _unseen import unseen_file
from _upstream import upstream

from evenhand.proxy.protocol import loop_factory

HELD_S, OVER_S, GIVE_UP_S = 5.0, 4.5, 45.0
_numbers = count(900_000_000)


class Held(NamedTuple):
    """`extra` is beyond the image API's time; `at_once` the most connections to it; `kb_each` what memory grew by for each."""

    sent: int
    answered: int
    at_once: int
    extra_p50_ms: float
    extra_p99_ms: float
    kb_each: float
    most_mb: float


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--connections", type=int, default=2_000)
    told = parser.parse_args()
    settle(LOAD_CORE)
    texts = unseen_file(25).read_text(encoding="ascii").splitlines()
    with upstream(delay_s=HELD_S) as slow:
        found = {each.name: held(each, slow.port, texts, told.connections) for each in chosen_of(told.only)}
    heading = f"{told.connections:,} requests within {OVER_S:g} s, each held {HELD_S:g} s there; given up after {GIVE_UP_S:g} s"
    headings = ("", "answered", "held at once", "extra delay p50 ms", "extra delay p99 ms", "KB a connection", "most MB")
    titles = {each.name: each.title for each in CONTESTANTS}
    keep("held", {name: each._asdict() for name, each in found.items()}, tables=[(heading, headings, rows(found, titles))])
    return 0


def rows(found: dict[str, Held], titles: dict[str, str]) -> list[list[str]]:
    return [
        [
            titles[name],
            f"{each.answered:,}",
            f"{each.at_once:,}",
            f"{each.extra_p50_ms:,.1f}",
            f"{each.extra_p99_ms:,.0f}",
            f"{each.kb_each:.0f}",
            f"{each.most_mb:.0f}",
        ]
        for name, each in found.items()
    ]


def held(each: Contestant, slow_port: int, texts: list[str], connections: int) -> Held:
    with running(each, slow_port) as process, asyncio.Runner(loop_factory=loop_factory()) as runner:
        found = runner.run(ask_all(process, slow_port, texts, connections))
    console.print(f"{each.title}: {found.answered:,} of {found.sent:,}")
    return found


async def ask_all(process: Running, slow_port: int, texts: list[str], connections: int) -> Held:
    await asyncio.gather(*(ask(process.port, texts, after_s=0) for _ in range(20)))  # what the first requests import
    peak = Peak(process.memory_mb())
    before = peak.memory_mb
    watching = asyncio.create_task(watch(process, slow_port, peak))
    asked = (ask(process.port, texts, after_s=OVER_S * place / connections) for place in range(connections))
    took = await asyncio.gather(*asked)
    watching.cancel()
    extra = [(each - HELD_S) * 1000 for each in took if each is not None] or [0.0]
    grown_kb = (peak.memory_mb - before) * 1000 / max(peak.at_once, 1)
    good = sum(each is not None for each in took)
    return Held(connections, good, peak.at_once, rank(extra, 0.5), rank(extra, 0.99), grown_kb, peak.memory_mb)


@dataclass(slots=True)
class Peak:
    memory_mb: float
    at_once: int = 0


async def watch(process: Running, slow_port: int, peak: Peak) -> None:
    while True:
        peak.memory_mb = max(peak.memory_mb, process.memory_mb())
        peak.at_once = max(peak.at_once, connections_to(slow_port))
        await asyncio.sleep(0.25)


def connections_to(port: int) -> int:
    """Established TCP connections whose far end is this local port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(fields[2].endswith(f":{port:04X}") and fields[3] == "01" for fields in map(str.split, lines))


async def ask(port: int, texts: list[str], *, after_s: float) -> float | None:
    """Seconds from connecting to the whole answer; None where it failed or was given up."""
    await asyncio.sleep(after_s)
    number, began = next(_numbers), time.monotonic()
    try:
        async with asyncio.timeout(GIVE_UP_S):
            _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
            try:
                status = await client.ask(request(f"{texts[number % len(texts)]}, take {number}"))
            finally:
                client.transport.close()
    except (OSError, TimeoutError):
        return None
    return time.monotonic() - began if status == 200 else None


if __name__ == "__main__":
    raise SystemExit(main())
