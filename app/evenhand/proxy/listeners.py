"""HTTP servers on bound sockets: one way to configure them all, and those that run beside the data port."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from evenhand.proxy.incoming import App, Receive, Scope, Send
from evenhand.proxy.protocol import KEEP_ALIVE_S, http_protocol
from evenhand.settings import Settings


class Listener(uvicorn.Server):
    """Leaves signals to us; `listens` is set once it takes requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener_of(app: App, settings: Settings, *, turned_away: Callable[[], object] = int) -> Listener:
    return Listener(
        uvicorn.Config(
            app,
            http=http_protocol(settings, turned_away),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(settings.grace_s)),
        )
    )


class Beside:
    """The ports beside the data port. Opening one again exchanges the app that answers there, between two requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doors: dict[socket.socket, _Door] = {}
        self._running: list[tuple[Listener, asyncio.Task[None]]] = []

    def open(self, port: socket.socket, app: App) -> None:
        if port in self._doors:
            self._doors[port].app = app
            return
        door = self._doors[port] = _Door(app)
        listener = listener_of(door, self._settings)
        self._running.append((listener, asyncio.create_task(listener.serve(sockets=[port]))))

    async def aclose(self) -> None:
        """At once: nobody waits for an answer here as for a picture."""
        for listener, _ in self._running:
            listener.should_exit = listener.force_exit = True
        await asyncio.gather(*(task for _, task in self._running))


class _Door:
    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
