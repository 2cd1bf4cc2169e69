"""Both listeners, and the demo upstream where asked for, in one process and one event loop; ends by draining.

Ports are bound before anything else, so that a port in use is a plain SettingsError. SIGTERM: /readyz says 503, then the
data port closes, requests under way finish within the grace period, and the admin port closes last.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import uvicorn

from evenhand.dialects.spec import load_dialects
from evenhand.errors import SettingsError
from evenhand.proxy.admin import admin_app
from evenhand.proxy.api import rewrite_app
from evenhand.proxy.forward import Proxy
from evenhand.proxy.incoming import App
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.logs import configure, log
from evenhand.proxy.meters import Meters
from evenhand.proxy.protocol import http_protocol, loop_factory
from evenhand.proxy.transport import UpstreamTransport
from evenhand.rules import Ruleset, load_rules
from evenhand.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Bound sockets; `demo` only where the demo upstream is wanted."""

    data: socket.socket
    admin: socket.socket
    demo: socket.socket | None = None


class Stop:
    """Asked once, we drain after `delay_s`; asked again, we end at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.again = asyncio.Event()
        self.delay_s = 0.0

    def ask(self, delay_s: float = 0.0) -> None:
        if self.asked.is_set():
            self.again.set()
        self.delay_s = delay_s
        self.asked.set()


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings) -> None:
    """Serves until told to stop. Raises SettingsError or RuleError before the first request is taken."""
    configure(settings)
    ports = bind(settings)
    rules = load_rules(settings.rules)
    # The rules are a large heap that never dies; the collector need not walk it under load.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(settings, rules, ports))


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


async def _main(settings: Settings, rules: Ruleset, ports: Ports) -> None:
    stop = Stop()
    loop = asyncio.get_running_loop()
    # Ctrl-C does not wait for load balancers to notice.
    for number, delay_s in ((signal.SIGTERM, settings.drain_delay_s), (signal.SIGINT, 0.0)):
        loop.add_signal_handler(number, stop.ask, delay_s)
    await serve(settings, rules, ports, stop)


async def serve(settings: Settings, rules: Ruleset, ports: Ports, stop: Stop) -> None:
    """Runs until `stop` is asked for and everything under way has ended."""
    settings = _with_ports(settings, ports)
    live = Live(settings=settings, serving=serving_of(rules, load_dialects(), settings))
    meters = Meters()
    apps: list[tuple[App, socket.socket]] = [(admin_app(live), ports.admin)]
    if ports.demo is not None:
        apps.append((_demo_app(), ports.demo))
    aside = [(_server(app, settings), port) for app, port in apps]
    async with UpstreamTransport(
        connections=settings.connections, timeout_s=settings.timeout_s, connect_timeout_s=settings.connect_timeout_s
    ) as transport:
        data = _server(Proxy(rewrite_app(live, meters), live, transport, meters), settings)
        ending = asyncio.create_task(_drain_on(stop, live, data))
        try:
            await _serve_all(data, ports.data, aside, transport)
        finally:
            ending.cancel()


def _demo_app() -> App:
    """Pillow comes with the extra `demo` only."""
    try:
        from evenhand.proxy.demo_upstream import demo_app
    except ImportError:
        raise SettingsError("The demo upstream needs Pillow; install it with: pip install 'evenhand[demo]'") from None
    return demo_app()


async def _serve_all(
    data: _Server, data_port: socket.socket, aside: list[tuple[_Server, socket.socket]], transport: UpstreamTransport
) -> None:
    others = [asyncio.create_task(server.serve(sockets=[port])) for server, port in aside]
    log.info("listening", data=_shown(data_port), admin=_shown(aside[0][1]))
    try:
        await data.serve(sockets=[data_port])
    finally:
        await transport.aclose()
        for server, _ in aside:
            server.should_exit = server.force_exit = True
        await asyncio.gather(*others)


async def _drain_on(stop: Stop, live: Live, data: _Server) -> None:
    await stop.asked.wait()
    live.draining = True
    log.info("draining", grace_s=live.settings.grace_s)
    await asyncio.sleep(stop.delay_s)
    data.should_exit = True
    await stop.again.wait()
    data.force_exit = True


def _server(app: App, settings: Settings) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=http_protocol(header_timeout_s=settings.header_timeout_s),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(settings.grace_s)),
        )
    )


def _with_ports(settings: Settings, ports: Ports) -> Settings:
    """The settings with the ports that were really bound, and the demo upstream's origin."""
    found = {"port": ports.data.getsockname()[1], "admin_port": ports.admin.getsockname()[1]}
    if ports.demo is not None:
        found["upstream"] = f"http://127.0.0.1:{ports.demo.getsockname()[1]}"
    return settings.model_copy(update=found)


def _shown(port: socket.socket) -> str:
    host, number = port.getsockname()[:2]
    return f"{host}:{number}"
