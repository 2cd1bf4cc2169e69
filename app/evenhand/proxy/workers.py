"""Several worker processes at one data port, one admin port for all of them, and a parent that keeps them alive.

The parent loads the rules once and forks, so that workers share their memory and a new one stands within milliseconds. It
runs no thread and no event loop, which would not survive a fork: it waits for signals and for the end of its children.
SIGTERM and SIGHUP go to every worker. Should the parent be killed, its children end as after SIGTERM.
"""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evenhand.dialects.load import load_dialects
from evenhand.errors import EvenhandError, SettingsError
from evenhand.proxy import heap
from evenhand.proxy.admin.aside import settle
from evenhand.proxy.admin.desk import Desk, desk_app
from evenhand.proxy.listeners import Beside
from evenhand.proxy.live import Live, Serving, serving_of
from evenhand.proxy.merging import snapshot_routes
from evenhand.proxy.protocol import loop_factory
from evenhand.proxy.server import (
    Bonds,
    Folder,
    Ports,
    Stop,
    bind,
    demo_upstream,
    load,
    serve_live,
    stop_on_signals,
    with_ports,
)
from evenhand.proxy.sharing import Shelf, in_turn
from evenhand.proxy.watch.logs import configure, log, where
from evenhand.proxy.watch.sinks import sink_of
from evenhand.rules import shipped_rules
from evenhand.settings import Settings

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
STEADY_S, FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 0.1, 10.0
# Beyond the grace period, for what comes after the last answer: logs are flushed, connections closed.
MARGIN_S = 15.0


@dataclass(slots=True, kw_only=True)
class Child:
    """`begin` runs in the child. `generation` counts from 0; `due` is when it may be started, on the monotonic clock."""

    name: str
    begin: Callable[["Child"], None]
    pid: int = 0
    generation: int = -1
    began: float = 0.0
    due: float = 0.0
    wait_s: float = FIRST_WAIT_S


def run_workers(settings: Settings) -> None:
    """Serves until told to stop. Raises SettingsError or RuleError before the first request is taken."""
    if not hasattr(os, "fork"):
        raise SettingsError("Several workers need a system that can fork; use --workers 1 here.")
    heap.keep_small()
    configure(settings)
    ports = bind(settings)
    place = Path(tempfile.mkdtemp(prefix="evenhand-"))
    try:
        Parent(with_ports(settings, ports), ports, place).run()
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Parent:
    """`place` is a folder of our own, for sockets and what workers share."""

    def __init__(self, settings: Settings, ports: Ports, place: Path) -> None:
        self.settings, self._ports, self._place = settings, ports, place
        self._desk = Child(name="desk", begin=self._run_desk)
        self._workers = [Child(name=f"worker-{number}", begin=self._run_worker) for number in range(settings.workers)]
        self._pid = os.getpid()
        self._lifeline = os.pipe()
        self._signals = socket.socketpair()
        self._stopping_until: float | None = None
        self._folder = Folder(settings.rules or shipped_rules(), "")
        self._dialects = load_dialects(settings.dialect_folder)
        self._serving: Serving | None = None

    def run(self) -> None:
        self._hear()
        try:
            self._start(self._desk)
            self._load()
            log.info("workers", count=len(self._workers), admin=self._ports.admin.getsockname()[1])
            while self._stopping_until is None or self._running():
                self._tend()
                self._wait()
        finally:
            self._end()

    def _load(self) -> None:
        """What can't be used is found here, where it ends the start; the decision log's file is opened once to know."""
        if self.settings.decision_log is not None:
            sink_of(self.settings).close()
        seen, self._serving = load(self._folder.path, None, self._dialects, self.settings)
        self._folder = Folder(self._folder.path, seen)
        settle()

    def _hear(self) -> None:
        """Signals only wake us; what they ask for is read from a socket, between two steps."""
        for end in self._signals:
            end.setblocking(False)
        signal.set_wakeup_fd(self._signals[1].fileno(), warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, lambda *_: None)

    def _wait(self) -> None:
        times = [child.due for child in self._children() if not child.pid] if self._stopping_until is None else []
        until = min([*times, self._stopping_until or time.monotonic() + 60])
        self._signals[0].settimeout(max(0.01, until - time.monotonic()))
        try:
            heard = self._signals[0].recv(64)
        except TimeoutError:
            heard = b""
        for number in dict.fromkeys(heard):
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop(number)
            elif number == signal.SIGHUP:
                self._tell(signal.SIGHUP)
        self._reap()

    def _stop(self, number: int) -> None:
        """Our own copy of the data port is closed, so that it ends with the last worker's. Asked twice, workers end at once."""
        if self._stopping_until is None:
            log.info("draining", grace_s=self.settings.grace_s, workers=len(self._running()))
            self._ports.data.close()
            self._stopping_until = time.monotonic() + self.settings.drain_delay_s + self.settings.grace_s + MARGIN_S
        self._tell(number)

    def _tell(self, number: int) -> None:
        for child in self._running():
            os.kill(child.pid, number)

    def _tend(self) -> None:
        """Starts who is due. After the time for draining nobody is waited for."""
        now = time.monotonic()
        if self._stopping_until is None:
            for child in self._children():
                if not child.pid and child.due <= now:
                    self._start(child)
        elif now >= self._stopping_until:
            self._tell(signal.SIGKILL)

    def _children(self) -> list[Child]:
        return [self._desk, *self._workers]

    def _running(self) -> list[Child]:
        return [child for child in self._workers if child.pid]

    def _start(self, child: Child) -> None:
        """Signals wait meanwhile: one that our own handler took in the child would be lost."""
        child.generation += 1
        child.began = time.monotonic()
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        child.pid = os.fork()
        if child.pid == 0:
            self._become(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)

    def _become(self, child: Child) -> None:
        """Never returns. A process group of its own keeps the terminal's Ctrl-C from coming twice."""
        code = 1
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in HEARD:
                signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            os.close(self._lifeline[1])
            for end in self._signals:
                end.close()
            child.begin(child)
            code = 0
        except EvenhandError as error:
            log.error("worker_failed", worker=child.name, error=str(error))
        except BaseException as fault:
            log.error("worker_fault", worker=child.name, fault=where(fault))
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Whoever else ended was left to us, as process 1 of a container, by a worker that was killed."""
        ours = {child.pid: child for child in self._children() if child.pid}
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if child := ours.get(found[0]):
                    self._note_end(child, os.waitstatus_to_exitcode(found[1]))

    def _note_end(self, child: Child, status: int) -> None:
        lived_s = time.monotonic() - child.began
        child.wait_s = FIRST_WAIT_S if lived_s > STEADY_S else min(child.wait_s * 2, LONGEST_WAIT_S)
        child.due = time.monotonic() + child.wait_s
        for path in self._place.glob(f"{child.name}-*"):
            path.unlink()
        if self._stopping_until is None:
            how = f"signal {-status}" if status < 0 else f"exit code {status}"
            log.warning("worker_ended", worker=child.name, pid=child.pid, how=how, again_in_s=child.wait_s)
        child.pid = 0

    def _end(self) -> None:
        """The desk goes last, since it tells that we are draining; whoever is left goes with it."""
        signal.set_wakeup_fd(-1)
        self._stopping_until = 0.0
        for child in self._children():
            if child.pid:
                os.kill(child.pid, signal.SIGTERM if child is self._desk else signal.SIGKILL)
        until = time.monotonic() + MARGIN_S
        while (left := [child for child in self._children() if child.pid]) and time.monotonic() < until:
            time.sleep(0.01)
            self._reap()
        for child in left:
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)

    def _run_desk(self, _: Child) -> None:
        self._ports.data.close()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve_desk())

    async def _serve_desk(self) -> None:
        stop = self._stop_of_child()
        beside, desk = Beside(self.settings), Desk(self.settings, self._place)
        looking = asyncio.create_task(desk.run())
        try:
            if self._ports.demo is not None:
                beside.open(self._ports.demo, demo_upstream())
            beside.open(self._ports.admin, desk_app(desk))
            await stop.asked.wait()
        finally:
            looking.cancel()
            await beside.aclose()
            await desk.aclose()
            if os.getppid() != self._pid:
                shutil.rmtree(self._place, ignore_errors=True)

    def _run_worker(self, child: Child) -> None:
        admin = socket.socket(socket.AF_UNIX)
        admin.bind(str(self._place / f"{child.name}-{child.generation}"))
        self._ports.admin.close()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve_worker(Ports(data=self._ports.data, admin=admin)))

    async def _serve_worker(self, ports: Ports) -> None:
        stop, shelf, beside = self._stop_of_child(), Shelf(self._place), Beside(self.settings)
        assert self._serving is not None
        live, folder = Live(settings=self.settings, serving=self._serving), self._folder
        if later := await shelf.last_good():
            live.serving = serving_of(later[1], self._dialects, self.settings)
            folder = Folder(folder.path, later[0])
        self._serving = None
        bonds = Bonds(build=shelf.build, share=lambda sink: in_turn(sink, self._place / "writing"), routes=snapshot_routes)
        try:
            await serve_live(live, self._dialects, folder, ports, stop, beside, bonds)
        finally:
            await beside.aclose()

    def _stop_of_child(self) -> Stop:
        """The lifeline ends with the parent, however it ends."""
        stop = stop_on_signals(self.settings)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(self._lifeline[0])
            stop.ask()

        loop.add_reader(self._lifeline[0], ended)
        return stop
