"""python -m soak [--minutes 20]: a real sidecar under mixed traffic, reloads and hang-ups; a table, and 1 where it leaks.

After a warm-up and a rest the sidecar is sampled as a base; after the run and another rest it must be back there. What it may
remember (analyses, recent decisions, words, the dashboard's counts: about 45 MB) fills in the warm-up and the first third.
"""

import argparse
import asyncio
import logging
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from soak.clients import Clients
from soak.image_api import start
from soak.rules_folder import churn, made
from soak.traffic import KINDS
from soak.watch import Sample, sample, slope_mb

PER = 100_000
SLOPE_MB = 25.0  # for PER requests, each with two words never seen before
REST_MB = 30.0  # more at rest after the run than before it; less than this under load is no growth either
LIMIT_MB = 220.0  # at rest
COUNT = 2  # more descriptors, threads or children at rest
COLUMNS = ("fds", "threads", "children", "files", "pool", "reloads")
SAMPLE_S, REST_S, READY_S = 5.0, 20.0, 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    pid: int
    admin: int
    began: float
    clients: Clients
    rules: Path

    async def sample(self) -> Sample:
        return await sample(self.pid, self.admin, began=self.began, sent=self.clients.sent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="of traffic after the warm-up")
    parser.add_argument("--warm-minutes", type=float, default=3)
    parser.add_argument("--at-once", type=int, default=16, help="clients")
    parser.add_argument("--pause-ms", type=float, default=100, help="of a client between two requests, on average")
    parser.add_argument("--reload-s", type=float, default=10, help="between changes of the rules; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # our own image API, when its client has left
    with tempfile.TemporaryDirectory(prefix="evenhand-soak-") as place:
        return asyncio.run(soak(asked, Path(place)))


async def soak(asked: argparse.Namespace, place: Path) -> int:
    ports = free_ports(3)
    runner = await start(ports[0])
    rules = made(place / "rules")
    process = await sidecar(ports, rules, place)
    try:
        began = time.monotonic()
        clients = Clients(port=ports[1], admin=ports[2], dice=random.Random(asked.seed))
        setup = Setup(pid=process.pid, admin=ports[2], began=began, clients=clients, rules=rules)
        return await measured(setup, asked, place / "log")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        status = await process.wait()
        print(f"The sidecar ended with status {status}.")
        await runner.cleanup()


async def measured(setup: Setup, asked: argparse.Namespace, log: Path) -> int:
    await ready(setup)
    show_head()
    await under_load(setup, asked, minutes=asked.warm_minutes)
    base = await rested(setup, "base")
    setup.clients.answers.clear()
    samples = await under_load(setup, asked, minutes=asked.minutes)
    end = await rested(setup, "end", base=base)
    show_answers(setup.clients)
    faults = [
        *verdict(base, samples, end, reloads=asked.reload_s > 0),
        *[f"{n} x {what}" for what, n in setup.clients.wrong().items()],
    ]
    faults += [line for line in (await asyncio.to_thread(log.read_text)).splitlines() if '_fault"' in line][:5]
    for fault in faults:
        print(f"FAILED: {fault}")
    return 1 if faults else 0


async def sidecar(ports: Sequence[int], rules: Path, place: Path) -> asyncio.subprocess.Process:
    """In a process of its own; its log lines go to a file."""
    flags = ["--upstream", f"http://127.0.0.1:{ports[0]}", "--port", str(ports[1]), "--admin-port", str(ports[2])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENHAND_")}
    environment |= {"XDG_CACHE_HOME": str(place / "cache"), "EVENHAND_DECISION_LOG": str(place / "decisions.jsonl")}
    command = [sys.executable, "-m", "evenhand", "serve", *flags, "--rules", str(rules)]
    with (place / "log").open("w") as log:
        return await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return found


async def ready(setup: Setup) -> None:
    """Raises OSError where the sidecar is not ready in time."""
    until = time.monotonic() + READY_S
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", setup.admin)
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            if b" 200 " in await reader.readline():
                writer.close()
                return
            writer.close()
        except OSError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.5)


async def under_load(setup: Setup, asked: argparse.Namespace, *, minutes: float) -> list[Sample]:
    samples: list[Sample] = []
    setup.clients.running = True
    load = asyncio.create_task(setup.clients.run(asked.at_once, pause_s=asked.pause_ms / 1000))
    reloading = asyncio.create_task(churn(setup.rules, every_s=asked.reload_s or minutes * 120))
    until = time.monotonic() + minutes * 60
    while time.monotonic() < until:
        await asyncio.sleep(min(SAMPLE_S, max(until - time.monotonic(), 0)))
        samples.append(await setup.sample())
        if len(samples) % 6 == 1:
            show(samples[-1], "")
    setup.clients.running = False
    await load
    reloading.cancel()
    return samples


async def rested(setup: Setup, name: str, *, base: Sample | None = None) -> Sample:
    """The sidecar at rest; given more time where it is not back at the base yet."""
    for _ in range(6):
        await asyncio.sleep(REST_S)
        now = await setup.sample()
        if base is None or not counts(base, now):
            break
    show(now, name)
    return now


def counts(base: Sample, now: Sample) -> list[str]:
    pairs = [(name, getattr(base, name), getattr(now, name)) for name in COLUMNS[:-1]]
    return [f"{name}: {before} before, {after} after" for name, before, after in pairs if after > before + COUNT]


def verdict(base: Sample, samples: Sequence[Sample], end: Sample, *, reloads: bool) -> list[str]:
    slope, more = slope_mb(samples[len(samples) // 3 :], per=PER), end.memory_mb - base.memory_mb
    done = end.reloads - base.reloads
    grown = slope * end.sent / PER
    print(f"Memory under load: {slope:+.1f} MB per {PER:,} requests (bound {SLOPE_MB:g}), {grown:+.1f} MB in this run.")
    print(f"Memory at rest: {more:+.1f} MB after the run (bound {REST_MB:g}), {end.memory_mb:.1f} MB in all ({LIMIT_MB:g}).")
    print(f"Memory at its highest: {max(each.memory_mb for each in samples):.1f} MB, perhaps with two revisions of the rules.")
    print(f"{end.sent:,} requests and {done} reloads after the warm-up.")
    faults = counts(base, end)
    faults += [f"memory grows by {slope:.1f} MB per {PER:,} requests"] if slope > SLOPE_MB and grown > REST_MB else []
    faults += [f"memory at rest grew by {more:.1f} MB"] if more > REST_MB else []
    faults += [f"memory at rest is {end.memory_mb:.1f} MB"] if end.memory_mb > LIMIT_MB else []
    return faults + ([] if done or not reloads else ["no rules were reloaded"])


def show_head() -> None:
    print(f"{'':6}{'seconds':>8}{'requests':>10}{'MB':>8}" + "".join(f"{name:>9}" for name in COLUMNS))


def show(now: Sample, name: str) -> None:
    counted = "".join(f"{count:>9}" for count in [getattr(now, name) for name in COLUMNS])
    print(f"{name:<6}{now.at_s:>8.0f}{now.sent:>10,}{now.memory_mb:>8.1f}{counted}", flush=True)


def show_answers(clients: Clients) -> None:
    print("Answers by kind (0 is an answer cut off, -1 none in time):")
    for kind in KINDS:
        told = {status: n for (name, status), n in sorted(clients.answers.items()) if name == kind.name}
        print(f"  {kind.name:<24}{', '.join(f'{status}: {n:,}' for status, n in told.items())}")


if __name__ == "__main__":
    raise SystemExit(main())
