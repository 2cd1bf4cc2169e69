"""For hostile bytes: a sidecar with each of the two HTTP parsers, before an upstream that keeps every byte it is sent."""

import asyncio
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from evenhand.proxy.watch.logs import configure, log
from evenhand.rules import Ruleset
from evenhand.settings import load_settings

PARSERS = ("httptools", "h11")
AT_ONCE = 24
QUIET_S = 0.4
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"data":[{"url":"u"}]}'


@dataclass
class Upstream:
    """Reads as strictly as can be: a message we did not frame plainly, or bytes behind one, is a fault of ours."""

    requests: list[bytes] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    answer: bytes = ANSWER
    origin: str = ""

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        data = b""
        with connection:
            while True:
                try:
                    part = connection.recv(1_048_576)
                except OSError:
                    return
                if not part:
                    return
                data += part
                whole = self._whole(data)
                if not whole:
                    continue
                self.requests.append(data[:whole])
                if data[whole:]:
                    self.faults.append(f"bytes behind a request: {data[whole:][:80]!r}")
                data = b""
                try:
                    connection.sendall(self.answer)
                except OSError:
                    return

    def _whole(self, data: bytes) -> int:
        """How many bytes the first message has; 0 where it is not whole."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        head = data[:end]
        names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
        if re.search(rb"(?<!\r)\n|\r(?!\n)|\0", head) or not all(
            re.fullmatch(rb"[!#$%&'*+.^_`|~0-9a-z-]+", name) for name in names
        ):
            self.faults.append(f"a head not plainly framed: {head[:200]!r}")
        if names.count(b"host") != 1 or names.count(b"content-length") > 1 or b"transfer-encoding" in names:
            self.faults.append(f"a body not plainly framed: {names}")
        found = re.search(rb"\r\ncontent-length: ([0-9]+)(?:\r\n|$)", head)
        length = end + 4 + (int(found[1]) if found else 0)
        return length if len(data) >= length else 0

    def take(self) -> list[bytes]:
        taken, self.requests[:] = list(self.requests), []
        return taken


@dataclass(kw_only=True)
class Attacked:
    """A sidecar under attack, and what its upstream received."""

    running: Any
    upstream: Upstream
    parser: str

    @property
    def port(self) -> int:
        found: int = self.running.port
        return found

    async def send(self, *parts: bytes, quiet_s: float = QUIET_S) -> bytes:
        """Everything the sidecar said until it closed, or was quiet for a while after having said something."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        said = b""
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            while found := await asyncio.wait_for(reader.read(65_536), quiet_s if said else 4 * quiet_s):
                said += found
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()
        return said

    async def send_all(self, cases: Sequence[bytes], *, pieces: Sequence[int] = (), quiet_s: float = QUIET_S) -> list[bytes]:
        """All cases, each on a connection of its own; `pieces` tells into how many parts each is cut."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(case: bytes, cuts: int) -> bytes:
            step = max(1, -(-len(case) // cuts))
            async with gate:
                return await self.send(*(case[at : at + step] for at in range(0, len(case), step)), quiet_s=quiet_s)

        return await asyncio.gather(*(one(*each) for each in zip(cases, pieces or [1] * len(cases), strict=True)))

    def is_well(self) -> bool:
        """It still serves, and sent its upstream nothing odd."""
        answer = self.running.post("a tree")
        return answer.status_code == 200 and not self.upstream.faults


class Lines(list[str]):
    """What is logged. Threads that outlive a test must not write to a stderr that the test runner has closed."""

    def msg(self, line: str) -> None:
        self.append(line)

    log = debug = info = warning = error = critical = msg


@pytest.fixture(scope="session")
def logged() -> Iterator[Lines]:
    lines = Lines()
    configure(load_settings())
    structlog.configure(logger_factory=lambda *_: lines)
    log.bound = structlog.get_logger("evenhand")
    yield lines
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def serve(request: pytest.FixtureRequest, small_rules: Ruleset, logged: Lines) -> Iterator[Callable[..., Attacked]]:
    """serve(parser, policy={...}, answer=b"...", **settings) -> an Attacked that lives as long as the tests."""
    rooms = request.config.pluginmanager.get_plugin(str(Path(__file__).parents[1] / "conftest.py"))
    assert rooms is not None
    with ExitStack() as open_now:

        def start(parser: str, *, policy: dict[str, Any] | None = None, answer: bytes = ANSWER, **settings: Any) -> Attacked:
            upstream = Upstream(answer=answer)
            listener = open_now.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            upstream.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            threading.Thread(target=upstream.serve, args=(listener,), daemon=True).start()
            rules = rooms.with_policy(small_rules, **(policy or {}))
            flags = {"upstream": upstream.origin, "http_parser": parser, **settings}
            running = open_now.enter_context(rooms.sidecar_of(rules, **flags))
            return Attacked(running=running, upstream=upstream, parser=parser)

        yield start


@pytest.fixture(scope="session", params=PARSERS)
def attacked(request: pytest.FixtureRequest, serve: Callable[..., Attacked]) -> Attacked:
    """The same sidecar for all tests that only send; nothing of a test before is left with its upstream."""
    return serve(request.param)


@pytest.fixture(scope="session", params=PARSERS)
def parser(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="session")
def times() -> int:
    """How many times the usual number of cases; EVENHAND_LONG=1 runs many."""
    return 20 if os.environ.get("EVENHAND_LONG") else 1


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """until(test) waits until it holds, for 10 s at most."""

    def wait(holds: Callable[[], object]) -> None:
        last = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < last
            time.sleep(0.02)

    return wait
