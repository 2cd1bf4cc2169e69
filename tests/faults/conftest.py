"""A sidecar whose parts can be exchanged and counted, upstreams that fail at a given byte, and readers that trust no frame."""

import asyncio
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from evenhand.dialects.load import load_dialects
from evenhand.engine import Engine
from evenhand.proxy import server
from evenhand.proxy.admin.app import admin_app
from evenhand.proxy.admin.recent import Recent
from evenhand.proxy.api import rewrite_app
from evenhand.proxy.client.transport import UpstreamTransport
from evenhand.proxy.forward import Proxy
from evenhand.proxy.listeners import Beside, Listener, listener_of
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.protocol import loop_factory
from evenhand.proxy.watch.decision_log import decision_log_of
from evenhand.proxy.watch.ledger import Entry, Ledger, Sink
from evenhand.proxy.watch.logs import configure
from evenhand.proxy.watch.meters import Meters
from evenhand.rules import Ruleset
from evenhand.settings import Settings, load_settings

IS_LONG = bool(os.environ.get("EVENHAND_LONG"))
PATH = "/v1/images/generations"
PATIENCE_S = 20.0
# Ours, and those of pools that keep a bounded number of threads.
_POOLED = ("test-", "asyncio_", "uvloop_", "evenhand-long")


# Reading them takes a second, and nothing changes them.
dialects = cache(load_dialects)


@pytest.fixture(scope="session")
def times() -> Callable[[int, int], int]:
    """times(by default, with EVENHAND_LONG=1)."""
    return lambda usually, long: long if IS_LONG else usually


def eventually(holds: Callable[[], Any], *, patience_s: float = PATIENCE_S) -> Any:
    """What `holds` returns once that is true; its last answer where it never is."""
    ends = time.monotonic() + patience_s
    while not (found := holds()) and time.monotonic() < ends:
        time.sleep(0.005)
    return found


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually


@dataclass(kw_only=True)
class Rig:
    """A running sidecar with its insides at hand. `entries` is what the ledger was told."""

    url: str
    admin: str
    port: int
    loop: asyncio.AbstractEventLoop
    live: Live
    meters: Meters
    transport: UpstreamTransport
    entries: list[Entry] = field(default_factory=list)

    def post(
        self, prompt: str = "a doctor", *, headers: dict[str, str] | None = None, path: str = PATH, **more: Any
    ) -> httpx.Response:
        return self.send(json.dumps({"prompt": prompt, **more}, ensure_ascii=False).encode(), headers=headers, path=path)

    def send(self, body: bytes, *, headers: dict[str, str] | None = None, path: str = PATH) -> httpx.Response:
        given = {"content-type": "application/json", **(headers or {})}
        return httpx.post(self.url + path, content=body, headers=given, timeout=30, trust_env=False, verify=False)

    def metric(self, name: str, **labels: str) -> float:
        return self.meters.registry.get_sample_value(f"evenhand_{name}", labels) or 0.0

    def state(self) -> dict[str, int]:
        """What must be the same before and after."""
        return {
            "tasks": len(asyncio.all_tasks(self.loop)),
            "threads": len([each for each in threading.enumerate() if not each.name.startswith(_POOLED)]),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "pool": self.transport.in_use,
        }


@contextmanager
def rig_of(rules: Ruleset, *, engine: Engine | None = None, sinks: tuple[Sink, ...] = (), **flags: Any) -> Iterator[Rig]:
    settings = load_settings(**{"port": 0, "admin_port": 0, "grace_s": 1, "drain_delay_s": 0, **flags})
    serving = serving_of(rules, dialects(), settings)
    live = Live(settings=settings, serving=serving if engine is None else replace(serving, engine=engine))
    ports = server.bind(settings)
    kept: dict[str, Any] = {}
    thread = threading.Thread(target=_run, args=(live, ports, sinks, kept), name="test-sidecar", daemon=True)
    thread.start()
    assert eventually(lambda: "ready" in kept or not thread.is_alive())
    numbers = [port.getsockname()[1] for port in (ports.data, ports.admin)]
    try:
        yield Rig(url=f"http://127.0.0.1:{numbers[0]}", admin=f"http://127.0.0.1:{numbers[1]}", port=numbers[0], **kept["ready"])
    finally:
        kept["loop"].call_soon_threadsafe(_stop, kept["data"])
        thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the sidecar did not stop"


def _stop(data: Listener) -> None:
    data.should_exit = data.force_exit = True


def _run(live: Live, ports: server.Ports, sinks: tuple[Sink, ...], kept: dict[str, Any]) -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(live, ports, sinks, kept))


async def _serve(live: Live, ports: server.Ports, sinks: tuple[Sink, ...], kept: dict[str, Any]) -> None:
    meters, recent, entries = Meters(), Recent(), list[Entry]()
    meters.serve(live.serving, loaded_at=live.loaded_at)
    live.ledger = Ledger([*sinks, meters.note, recent.note, entries.append])
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(_transport(live.settings))
        if (log := decision_log_of(live.settings)) is not None:
            live.ledger.sinks.append(log)
            meters.watch_log(lambda: log.written, lambda: log.dropped)
            stack.callback(log.close, 0.2)
        beside = Beside(live.settings)
        stack.push_async_callback(beside.aclose)
        beside.open(ports.admin, admin_app(live, meters=meters, recent=recent))
        data = listener_of(Proxy(rewrite_app(live), live, transport, meters), live.settings, turned_away=meters.turned_away.inc)
        kept.update(loop=asyncio.get_running_loop(), data=data)
        serving = asyncio.create_task(data.serve(sockets=[ports.data]))
        await data.listens.wait()
        kept["ready"] = {
            "loop": kept["loop"], "live": live, "meters": meters, "transport": transport, "entries": entries
        }  # fmt: skip
        await serving


def _transport(settings: Settings) -> UpstreamTransport:
    return UpstreamTransport(
        connections=settings.connections,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        pool_wait_s=settings.pool_wait_s,
    )


@pytest.fixture
def run_rig(small_rules: Ruleset) -> Callable[..., Any]:
    """run_rig(policy={...}, rules=..., engine=..., sinks=..., **flags) -> a context manager around a Rig."""

    def run(*, policy: dict[str, Any] | None = None, rules: Ruleset | None = None, **more: Any) -> Any:
        chosen = rules or small_rules
        changed = replace(chosen, policy=type(chosen.policy).model_validate(chosen.policy.model_dump() | (policy or {})))
        return rig_of(changed, **more)

    return run


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The service's log lines so far, each asked for once."""
    configure(load_settings())
    return lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]


Steps = Callable[["Upstream", "Wire"], None]


@dataclass
class Wire:
    """An upstream's end of one connection."""

    socket: socket.socket
    got: bytes = b""

    def read(self, most: int = 1 << 30, *, until: bytes = b"") -> bytes:
        """Reads up to `most` bytes, or until `until` has come."""
        while len(self.got) < most and not (until and until in self.got):
            part = self.socket.recv(min(65_536, most - len(self.got)))
            if not part:
                break
            self.got += part
        return self.got

    def request(self) -> bytes:
        """A whole request with a Content-Length."""
        head, _, body = self.read(until=b"\r\n\r\n").partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        while len(body) < length and (part := self.socket.recv(65_536)):
            body += part
        body, self.got = body[:length], body[length:]
        return head + b"\r\n\r\n" + body if head and len(body) >= length else b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def is_left(self) -> bool:
        """Waits for the peer to close, whatever it still sends."""
        self.socket.settimeout(PATIENCE_S)
        try:
            while self.socket.recv(65_536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


@dataclass
class Upstream:
    """Plays `steps` on every connection; counts whole requests (`receipts`) and peers that closed (`left`)."""

    steps: Steps
    origin: str = ""
    receipts: list[bytes] = field(default_factory=list)
    left: list[bool] = field(default_factory=list)
    accepted: int = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._one, args=(connection,), name="test-upstream", daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        with connection, suppress(OSError):
            self.steps(self, Wire(connection))


@contextmanager
def listening(steps: Steps) -> Iterator[Upstream]:
    made = Upstream(steps)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        made.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=made.serve, args=(listener,), name="test-upstream", daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def upstream_of() -> Iterator[Callable[[Steps], Upstream]]:
    """upstream_of(steps) -> an Upstream that listens."""
    with ExitStack() as stack:
        yield lambda steps: stack.enter_context(listening(steps))


@dataclass
class Stand:
    """One sidecar and one upstream for a whole file; each test says what the upstream plays."""

    rig: Rig
    upstream: Upstream

    def play(self, steps: Steps) -> Upstream:
        self.upstream.steps = steps
        self.upstream.receipts, self.upstream.left, self.upstream.accepted = [], [], 0
        return self.upstream


@pytest.fixture(scope="module")
def stand(small_rules: Ruleset) -> Iterator[Stand]:
    with listening(lambda _, wire: wire.reset()) as upstream, rig_of(small_rules, upstream=upstream.origin, timeout_s=20) as rig:
        yield Stand(rig, upstream)


def answer_of(body: bytes = b'{"data":[{"url":"u"}]}', *, status: bytes = b"200 OK", fields: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), fields)
    return head + body


@pytest.fixture(scope="session")
def answer() -> Callable[..., bytes]:
    return answer_of


@pytest.fixture
def good(upstream_of: Callable[..., Upstream]) -> Upstream:
    """An upstream that answers every request."""

    def steps(upstream: Upstream, wire: Wire) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            wire.send(answer_of())

    return upstream_of(steps)


def request_of(prompt: str = "a doctor", *, fields: str = "", **more: Any) -> bytes:
    body = json.dumps({"prompt": prompt, **more}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
    return head.encode() + body


@pytest.fixture(scope="session", name="request_of")
def request_of_fixture() -> Callable[..., bytes]:
    return request_of


@dataclass(frozen=True)
class Heard:
    """What a client heard until the server closed or fell silent: `status` is 0 without a status line."""

    raw: bytes
    status: int
    head: bytes
    body: bytes
    is_whole: bool


def heard(raw: bytes) -> Heard:
    """Read by RFC 9112 §6.3: whole only with all of Content-Length, or a last chunk. Nothing may end by closing."""
    head, parted, rest = raw.partition(b"\r\n\r\n")
    if not parted:
        return Heard(raw, 0, head, b"", False)
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
    status = int(head.split(b" ")[1])
    if b"transfer-encoding: chunked" in lines:
        body, is_whole = _unchunked(rest)
        return Heard(raw, status, head, body, is_whole)
    assert length is not None, "an answer with neither length nor chunks"
    return Heard(raw, status, head, rest, len(rest) == length)


def _unchunked(rest: bytes) -> tuple[bytes, bool]:
    body = b""
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return body, rest == b"\r\n"
        if len(rest) < length + 2:
            return body + rest[:length], False
        body, rest = body + rest[:length], rest[length + 2 :]
    return body, False


@pytest.fixture
def hear() -> Callable[..., Heard]:
    """hear(port, request) -> what came until the server closed."""

    def send(port: int, request: bytes) -> Heard:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(request.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:", 1))
            raw = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65_536):
                    raw += part
        return heard(raw)

    return send


@pytest.fixture
def full_listener() -> Iterator[str]:
    """An origin that accepts nobody: its queue is full, so that connecting goes on without end."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        held = [socket.socket() for _ in range(3)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for each in held:
            each.close()


@pytest.fixture(scope="session")
def app_folder() -> Path:
    return Path(__file__).parents[2] / "app"
