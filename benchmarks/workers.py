"""What more worker processes bring: the same requests through a service of one worker and one of two (or as many as are named),
taking turns. The image API is nginx, the client wrk, since both cost little; they share the machine's cores with the service, so
the processor time of each part is measured beside the rate, and what the cores could give at most is worked out from it."""

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
from pathlib import Path
from shutil import which
from statistics import median

from _machine import PROMPTS, console, processor_s, show_machine
from rich.table import Table

PATH = "/v1/images/generations"
ANSWER = json.dumps({"created": 1764000000, "data": [{"b64_json": "iVBORw0KGgo" * 15}]})
ROUNDS, ROUND_S, CONNECTIONS = 7, 4, 32
CORE_HOUR_USD = 0.04
NGINX = which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
WRK = which("wrk")
CONFIG = """\
daemon off; master_process off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  server {{ listen 127.0.0.1:{port}; default_type application/json; location / {{ return 200 '{answer}'; }} }}
}}
"""
SCRIPT = """\
local bodies = {%s}
local next_one = 0
wrk.headers["content-type"] = "application/json"
request = function()
  next_one = next_one %% #bodies + 1
  return wrk.format("POST", "%s", nil, bodies[next_one])
end
done = function(summary, latency)
  io.write(string.format("TOLD %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Rates in requests a second; processor time in microseconds a request; latencies in milliseconds."""

    rate: float
    service_us: float
    client_us: float
    api_us: float
    p50_ms: float
    p99_ms: float


@dataclass(kw_only=True)
class Service:
    workers: int
    port: int
    pid: int
    rounds: list[Round] = field(default_factory=list)

    def pids(self) -> list[int]:
        return [self.pid, *children(self.pid)]


def main() -> int:
    if NGINX is None or WRK is None:
        console.print("This needs nginx and wrk; on Debian: apt-get install nginx-light wrk")
        return 2
    counts = [int(given) for given in sys.argv[1:]] or [1, 2]
    show_machine("uvicorn", "httptools", "fastapi", "uvloop")
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "load.lua").write_text(SCRIPT % (", ".join(map(quoted, bodies())), PATH))
        api, origin = running.enter_context(image_api(place))
        services = [running.enter_context(service(count, origin)) for count in counts]
        for each in services:
            one_round(each, api, place)
            each.rounds.clear()
        for turn in range(ROUNDS):
            for each in services[turn % len(services) :] + services[: turn % len(services)]:
                each.rounds.append(one_round(each, api, place))
        show_rates(services)
        show_memory(services)
        show_capacity(services[0])
    return 0


def bodies() -> list[str]:
    return [json.dumps({"model": "any", "prompt": prompt, "size": "1024x1024"}) for prompt in PROMPTS]


def quoted(text: str) -> str:
    return json.dumps(text)


@contextmanager
def image_api(place: Path) -> Iterator[tuple[int, str]]:
    [port] = free_ports(1)
    (place / "nginx.conf").write_text(CONFIG.format(place=place, port=port, answer=ANSWER))
    child = subprocess.Popen([str(NGINX), "-c", str(place / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        yield child.pid, f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


@contextmanager
def service(workers: int, origin: str) -> Iterator[Service]:
    port, admin = free_ports(2)
    flags = ["--port", str(port), "--admin-port", str(admin), "--upstream", origin, "--workers", str(workers)]
    child = subprocess.Popen([sys.executable, "-m", "evenhand", "serve", *flags], stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{admin}/readyz", child)
        yield Service(workers=workers, port=port, pid=child.pid)
    finally:
        child.terminate()
        child.wait()


def free_ports(count: int) -> list[int]:
    """All different, since each is held until the last is found."""
    with ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in found]


def wait_for(url: str, child: subprocess.Popen[bytes], *, wait_s: float = 120) -> None:
    """Raises RuntimeError where the service ends or never gets ready."""
    until = time.monotonic() + wait_s
    while child.poll() is None and time.monotonic() < until:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the service did not get ready; start it by hand to see why")


def children(pid: int) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def one_round(each: Service, api: int, place: Path) -> Round:
    """Raises RuntimeError where a request was not answered with 200."""
    pids = each.pids()
    used, api_used = sum(map(processor_s, pids)), processor_s(api)
    before = os.times()
    target = f"http://127.0.0.1:{each.port}"
    command = [str(WRK), "-t1", f"-c{CONNECTIONS}", f"-d{ROUND_S}s", "--timeout", "60s", "-s", str(place / "load.lua"), target]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = os.times()
    told = [int(word) for word in said.partition("TOLD ")[2].split()[:5]]
    if len(told) < 5 or told[2] or not told[0]:
        raise RuntimeError(f"requests went wrong: {said}")
    client_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Round(
        rate=told[0] / told[1] * 1e6,
        service_us=(sum(map(processor_s, pids)) - used) / told[0] * 1e6,
        client_us=client_s / told[0] * 1e6,
        api_us=(processor_s(api) - api_used) / told[0] * 1e6,
        p50_ms=told[3] / 1000,
        p99_ms=told[4] / 1000,
    )


def middle(each: Service, name: str) -> float:
    return median(getattr(one, name) for one in each.rounds)


def show_rates(services: list[Service]) -> None:
    title = f"{CONNECTIONS} connections; medians of {ROUNDS} rounds of {ROUND_S} s that took turns; load {os.getloadavg()[0]:.1f}"
    table = Table(title=title, title_justify="left")
    columns = ("workers", "requests/s", "against the first", "at most", "service us", "client us", "API us", "p50 ms", "p99 ms")
    for heading in columns:
        table.add_column(heading, justify="right")
    first = services[0]
    for each in services:
        ratio = median(mine.rate / theirs.rate for mine, theirs in zip(each.rounds, first.rounds, strict=True))
        costs = [f"{middle(each, name):,.0f}" for name in ("service_us", "client_us", "api_us")]
        times = [f"{middle(each, name):.1f}" for name in ("p50_ms", "p99_ms")]
        bound = f"{most(each) / most(first):.2f}"
        table.add_row(str(each.workers), f"{middle(each, 'rate'):,.0f}", f"{ratio:.2f}", bound, *costs, *times)
    console.print(table)
    console.print("us: microseconds of processor time a request; 'at most': what these cores could give, client and API included")


def most(each: Service) -> float:
    """Requests a second if no core were ever idle or used by others: a worker fills one core, all parts together every core."""
    own, whole = middle(each, "service_us"), sum(middle(each, name) for name in ("service_us", "client_us", "api_us"))
    return min(each.workers / own, (os.cpu_count() or 1) / whole) * 1e6


def show_memory(services: list[Service]) -> None:
    table = Table(title="Memory after these rounds (MB; shared pages counted once)", title_justify="left")
    for heading in ("workers", "whole service", "a further worker"):
        table.add_column(heading, justify="right")
    for each in services:
        whole = sum(memory_of(pid, "Pss:") for pid in each.pids())
        last = sum(memory_of(each.pids()[-1], name) for name in ("Private_Dirty:", "Private_Clean:"))
        table.add_row(str(each.workers), f"{whole:.0f}", f"{last:.0f}" if each.workers > 1 else "")
    console.print(table)


def memory_of(pid: int, name: str) -> float:
    """In millions of bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(name))


def show_capacity(one: Service) -> None:
    per_core = 1e6 / middle(one, "service_us")
    table = Table(title=f"One core, at {CORE_HOUR_USD} USD a core hour", show_header=False, title_justify="left")
    table.add_row("requests a second, the core full", f"{per_core:,.0f}")
    table.add_row("requests a second, the core half full", f"{per_core / 2:,.0f}")
    table.add_row("USD for a million prompts, the core half full", f"{1e6 / (per_core / 2) / 3600 * CORE_HOUR_USD:.4f}")
    console.print(table)


if __name__ == "__main__":
    os.environ.update(EVENHAND_DRAIN_DELAY_S="0", EVENHAND_GRACE_S="2")
    raise SystemExit(main())
