"""The sidecar as a whole: data port, admin port and where asked for the demo upstream, in one process and one event loop.

Ports are bound before anything else, so that a port in use is a plain SettingsError; until the rules are loaded the admin
port says 503. SIGHUP reads the rules anew. SIGTERM: /readyz says 503, then the data port closes, requests under way finish
within the grace period, and the admin port closes last.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from evenhand.dialects.load import load_dialects
from evenhand.dialects.spec import Dialect
from evenhand.errors import SettingsError
from evenhand.proxy import heap
from evenhand.proxy.admin.app import admin_app, starting_app
from evenhand.proxy.admin.aside import compile_aside, loaded_aside, settle, undisturbed
from evenhand.proxy.admin.reach import Lookout
from evenhand.proxy.admin.recent import Recent
from evenhand.proxy.admin.reload import Reloader
from evenhand.proxy.admin.watching import fingerprint
from evenhand.proxy.api import rewrite_app
from evenhand.proxy.client.transport import UpstreamTransport
from evenhand.proxy.console.history import History
from evenhand.proxy.forward import Proxy
from evenhand.proxy.incoming import App
from evenhand.proxy.listeners import Beside, Listener, listener_of
from evenhand.proxy.live import Live, Serving, serving_of
from evenhand.proxy.protocol import loop_factory
from evenhand.proxy.watch import tracing
from evenhand.proxy.watch.decision_log import decision_log_of
from evenhand.proxy.watch.ledger import Ledger
from evenhand.proxy.watch.logs import configure, log, where
from evenhand.proxy.watch.meters import Meters
from evenhand.proxy.watch.sinks import LineSink
from evenhand.rules import Ruleset, shipped_rules
from evenhand.settings import Settings

LOG_DEADLINE_S = 5.0
# A request leaves next to no cycles behind; Python's own 700 would have the collector run for every twentieth request.
GARBAGE_OBJECTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Bound sockets; `demo` only where the demo upstream is wanted."""

    data: socket.socket
    admin: socket.socket
    demo: socket.socket | None = None


class Stop:
    """What signals ask for. Asked once, we drain after `delay_s`; asked again, we end at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.again = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.delay_s = 0.0

    def ask(self, delay_s: float = 0.0) -> None:
        if self.asked.is_set():
            self.again.set()
        self.delay_s = delay_s
        self.asked.set()


def run(settings: Settings) -> None:
    """Serves until told to stop. Raises SettingsError or RuleError before the first request is taken."""
    heap.keep_small()
    configure(settings)
    ports = bind(settings)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(settings, ports))


def bind(settings: Settings) -> Ports:
    """Raises SettingsError where a port is taken or a host is not ours."""
    wanted = [(settings.host, settings.port, "port"), (settings.admin_host, settings.admin_port, "admin_port")]
    if settings.demo:
        wanted.append(("127.0.0.1", 0, "demo"))
    with ExitStack() as bound:
        sockets = [bound.enter_context(_bound(*each)) for each in wanted]
        bound.pop_all()
    return Ports(data=sockets[0], admin=sockets[1], demo=sockets[2] if settings.demo else None)


def _bound(host: str, port: int, name: str) -> socket.socket:
    flag = f"--{name.replace('_', '-')}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror:
        raise SettingsError(f"The host '{host}' has no address here; use 127.0.0.1 or 0.0.0.0.") from None
    bound = socket.socket(found[0], socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(found[4])
    except OSError as fault:
        bound.close()
        why = fault.strerror or str(fault)
        raise SettingsError(f"Can't listen on {host}:{port}: {why.lower()}. Choose another port with {flag}.") from None
    bound.set_inheritable(True)
    return bound


async def _main(settings: Settings, ports: Ports) -> None:
    await serve(settings, None, ports, stop_on_signals(settings))


def stop_on_signals(settings: Settings) -> Stop:
    """Ctrl-C does not wait for load balancers to notice."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number, delay_s in ((signal.SIGTERM, settings.drain_delay_s), (signal.SIGINT, 0.0)):
        loop.add_signal_handler(number, stop.ask, delay_s)
    loop.add_signal_handler(signal.SIGHUP, stop.hung_up.set)
    return stop


async def serve(settings: Settings, rules: Ruleset | None, ports: Ports, stop: Stop) -> None:
    """Runs until `stop` is asked for and everything under way has ended. Loads the rules where none are given."""
    settings = with_ports(settings, ports)
    folder, dialects = settings.rules or shipped_rules(), load_dialects(settings.dialect_folder)
    beside = Beside(settings)
    try:
        if ports.demo is not None:
            beside.open(ports.demo, demo_upstream())
        if rules is None:
            beside.open(ports.admin, starting_app())
        seen, serving = await asyncio.to_thread(load, folder, rules, dialects, settings)
        live = Live(settings=settings, serving=serving)
        del rules, serving  # later revisions replace them; these names must not keep them
        await serve_live(live, dialects, Folder(folder, seen), ports, stop, beside)
    finally:
        await beside.aclose()


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonds:
    """How this process is tied to others that serve with it: who compiles rules, how lines take turns in one log, and what
    its admin port tells besides."""

    build: Callable[[Path], Awaitable[Ruleset]] = compile_aside
    share: Callable[[LineSink], LineSink] = lambda sink: sink
    routes: Callable[[Meters, History], APIRouter] = lambda meters, history: APIRouter()


ALONE = Bonds()


def load(folder: Path, rules: Ruleset | None, dialects: Sequence[Dialect], settings: Settings) -> tuple[str, Serving]:
    """The fingerprint is taken first, so that a change from now on is seen as one."""
    seen = fingerprint(folder)
    if rules is not None:
        return seen, serving_of(rules, dialects, settings)
    serving = serving_of(undisturbed(lambda: loaded_aside(folder)), dialects, settings)
    settle()
    return seen, serving


async def serve_live(
    live: Live, dialects: Sequence[Dialect], folder: Folder, ports: Ports, stop: Stop, beside: Beside, bonds: Bonds = ALONE
) -> None:
    gc.set_threshold(GARBAGE_OBJECTS)
    meters, recent, history, settings = Meters(), Recent(), History(), live.settings
    meters.serve(live.serving, loaded_at=live.loaded_at)
    live.ledger = Ledger([meters.note, recent.note, history.note])
    reloader = Reloader(live, meters, dialects, folder.path, seen=folder.seen, build=bonds.build)
    transport = UpstreamTransport(
        connections=settings.connections,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        pool_wait_s=settings.pool_wait_s,
    )
    async with _decision_log(live, meters, bonds), transport:
        meters.watch_pool(lambda: transport.in_use, limit=settings.connections)
        data = listener_of(Proxy(rewrite_app(live), live, transport, meters), settings, turned_away=meters.turned_away.inc)
        lookout = Lookout()
        admin = admin_app(live, meters=meters, recent=recent, history=history, reloader=reloader, lookout=lookout)
        admin.include_router(bonds.routes(meters, history))
        works = [reloader.run(), _hear(stop, reloader), _drain_on(stop, live, data, meters), _open(data, ports, admin, beside)]
        async with _meanwhile(works):
            try:
                await data.serve(sockets=[ports.data])
            finally:
                await transport.aclose()
                await lookout.aclose()
                await asyncio.to_thread(tracing.flush)


@asynccontextmanager
async def _decision_log(live: Live, meters: Meters, bonds: Bonds) -> AsyncIterator[None]:
    """Raises SettingsError where the log can't be written."""
    decision_log = decision_log_of(live.settings, share=bonds.share)
    if decision_log is None:
        yield
        return
    live.ledger.sinks.append(decision_log)
    meters.watch_log(lambda: decision_log.written, lambda: decision_log.dropped)
    try:
        yield
    finally:
        await asyncio.to_thread(decision_log.close, LOG_DEADLINE_S)


@asynccontextmanager
async def _meanwhile(works: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs them beside the block and ends them with it; one that fails costs no request, and is told."""
    tasks = [asyncio.create_task(_told(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as fault:
        log.error("work_fault", work=getattr(work, "__qualname__", ""), fault=where(fault))


def demo_upstream() -> App:
    """Pillow comes with the extra `demo` only."""
    try:
        from evenhand.proxy.demo.upstream import demo_app
    except ImportError:
        raise SettingsError("The demo upstream needs Pillow; install it with: pip install 'evenhand[demo]'") from None
    return demo_app()


async def _open(data: Listener, ports: Ports, admin: App, beside: Beside) -> None:
    """The admin port speaks of being ready only once the data port takes requests."""
    await data.listens.wait()
    beside.open(ports.admin, admin)
    log.info("listening", data=_shown(ports.data), admin=_shown(ports.admin))


async def _hear(stop: Stop, reloader: Reloader) -> None:
    while True:
        await stop.hung_up.wait()
        stop.hung_up.clear()
        reloader.ask("SIGHUP")


async def _drain_on(stop: Stop, live: Live, data: Listener, meters: Meters) -> None:
    await stop.asked.wait()
    live.draining = True
    meters.draining.set(1)
    log.info("draining", grace_s=live.settings.grace_s)
    await asyncio.sleep(stop.delay_s)
    data.should_exit = True
    await stop.again.wait()
    data.force_exit = True


def with_ports(settings: Settings, ports: Ports) -> Settings:
    """The settings with the ports that were really bound, and the demo upstream's origin."""
    found = {"port": ports.data.getsockname()[1], "admin_port": ports.admin.getsockname()[1]}
    if ports.demo is not None:
        found["upstream"] = f"http://127.0.0.1:{ports.demo.getsockname()[1]}"
    return settings.model_copy(update=found)


def _shown(port: socket.socket) -> str:
    if port.family == socket.AF_UNIX:
        return str(port.getsockname())
    host, number = port.getsockname()[:2]
    return f"{host}:{number}"
