"""Fixtures: shipped rules and engine; for the serving tests a small rule folder, sidecars and scripted upstreams on sockets."""

import asyncio
import os
import shutil
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from evenhand.engine import Engine
from evenhand.flow import Axis, Prompt
from evenhand.proxy import server
from evenhand.proxy.protocol import loop_factory
from evenhand.rules import Ruleset, load_rules
from evenhand.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
# A shared machine may be slow at any moment; time is measured in benchmarks, not here.
# The same examples on every run, so that a change is judged by itself; HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2_000)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=20_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
ROLES = """\
kind: roles
rules:
  - id: workers
    match: [{one: doctor, many: doctors}, {one: nurse, many: nurses}, {one: engineer, many: engineers}]
    why: Anybody may do this work.
    examples:
      - {say: a doctor, vary: [gender, ethnicity]}
"""


# Long suites: `make test` runs one test in so many of each, always the same ones; `make test-all` runs them whole.
SLICES = {
    "tests/attack/": 12,
    "tests/batch/": 3,
    "tests/browser/": 6,
    "tests/cli/test_corpora.py": 4,
    "tests/cli/test_operating.py": 4,
    "tests/cli/test_probing.py": 8,
    "tests/faults/": 12,
    "tests/probe/": 3,
    "tests/proxy/watch/test_sinks.py": 3,
    "tests/proxy/test_workers.py": 4,
    "tests/replicas/": 3,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("EVENHAND_TESTS") == "all" or any("::" in argument for argument in config.args):
        return
    left_out = [item for item in items if zlib.crc32(item.nodeid.encode()) % _slice(item.nodeid)]
    config.hook.pytest_deselected(items=left_out)
    gone = set(map(id, left_out))
    items[:] = [item for item in items if id(item) not in gone]


def _slice(name: str) -> int:
    return next((number for place, number in SLICES.items() if name.startswith(place)), 1)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Compressed bytes hold the time they were made at; a test's name must be the same in every process."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policy and wording with three roles, so that serving is tested apart from the breadth of the rules."""
    folder = tmp_path_factory.mktemp("rules")
    shutil.copy(ROOT / "rules/policy.yaml", folder)
    (folder / "en").mkdir()
    for name in ("words.yaml", "wording.yaml"):
        shutil.copy(ROOT / "rules/en" / name, folder / "en")
    shutil.copytree(ROOT / "rules/en/words", folder / "en/words")
    (folder / "en/roles.yaml").write_text(ROLES)
    return folder


@pytest.fixture(scope="session")
def small_rules(small_folder: Path) -> Ruleset:
    return load_rules(small_folder)


@pytest.fixture(scope="session")
def shipped() -> Ruleset:
    return load_rules()


@pytest.fixture(scope="session")
def engine(shipped: Ruleset) -> Engine:
    """The shipped rules and the shipped language model."""
    return Engine(shipped)


@pytest.fixture(scope="session")
def open_in(engine: Engine) -> Callable[[str], dict[str, list[Axis]]]:
    """Text -> for each head as written the axes that are open."""

    def judge(text: str) -> dict[str, list[Axis]]:
        found: dict[str, list[Axis]] = {}
        for ruling in engine.decide(Prompt(text=text)).plan.rulings:
            head = text[ruling.subject.head.start : ruling.subject.head.end]
            found.setdefault(head, []).extend([ruling.axis] if ruling.is_open else [])
        return found

    return judge


def with_policy(rules: Ruleset, **changes: Any) -> Ruleset:
    return replace(rules, policy=rules.policy.model_copy(update=changes))


@dataclass(kw_only=True)
class Sidecar:
    """A running sidecar; `demo` is the demo upstream's origin where there is one."""

    url: str
    admin: str
    port: int
    demo: str | None = None

    def post(self, prompt: str = "a doctor", *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        body = {"prompt": prompt, "size": "256x256", **more}
        return httpx.post(f"{self.url}/v1/images/generations", json=body, headers=headers, timeout=30, trust_env=False)

    def arrived(self) -> list[dict[str, Any]]:
        """What the demo upstream received since it was asked last."""
        found: list[dict[str, Any]] = httpx.get(f"{self.demo}/demo/log", trust_env=False).json()["requests"]
        httpx.delete(f"{self.demo}/demo/log", trust_env=False)
        return found


@contextmanager
def sidecar_of(rules: Ruleset, **flags: Any) -> Iterator[Sidecar]:
    """The sidecar in a thread with an event loop of its own, on free ports."""
    settings = load_settings(**{"port": 0, "admin_port": 0, "grace_s": 5, "drain_delay_s": 0, **flags})
    ports = server.bind(settings)
    ready = threading.Event()
    kept: dict[str, Any] = {}
    thread = threading.Thread(target=_run, args=(settings, rules, ports, ready, kept), daemon=True)
    numbers = [ports.data.getsockname()[1], ports.admin.getsockname()[1], ports.demo.getsockname()[1] if ports.demo else 0]
    thread.start()
    assert ready.wait(10)
    url, admin, demo = (f"http://127.0.0.1:{number}" for number in numbers)
    _wait_ready(admin)
    try:
        yield Sidecar(url=url, admin=admin, port=numbers[0], demo=demo if numbers[2] else None)
    finally:
        kept["loop"].call_soon_threadsafe(kept["stop"].ask)
    thread.join(10)
    assert not thread.is_alive(), "the sidecar did not stop"


def _run(settings: Settings, rules: Ruleset, ports: server.Ports, ready: threading.Event, kept: dict[str, Any]) -> None:
    async def main() -> None:
        kept.update(loop=asyncio.get_running_loop(), stop=server.Stop())
        ready.set()
        await server.serve(settings, rules, ports, kept["stop"])

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())


def _wait_ready(admin: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=5), trust_env=False, timeout=10) as client:
        assert client.get(f"{admin}/readyz").status_code == 200


@pytest.fixture(scope="session")
def sidecar(small_rules: Ruleset) -> Iterator[Sidecar]:
    """One sidecar in front of the demo upstream for all tests that only look."""
    with sidecar_of(small_rules, demo=True) as running:
        yield running


@pytest.fixture
def run_sidecar(small_rules: Ruleset) -> Callable[..., Any]:
    """run_sidecar(policy={...}, **flags) -> a context manager that runs a sidecar of its own."""

    def run(*, policy: dict[str, Any] | None = None, **flags: Any) -> Any:
        return sidecar_of(with_policy(small_rules, **(policy or {})), **flags)

    return run


@dataclass
class Script:
    """An upstream on a real socket: keeps each request's bytes and plays `play(connection, request)`."""

    play: Callable[[socket.socket, bytes], None]
    requests: list[bytes] = field(default_factory=list)
    closed_early: threading.Event = field(default_factory=threading.Event)
    origin: str = ""

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                while request := read_message(connection):
                    self.requests.append(request)
                    self.play(connection, request)
            except (BrokenPipeError, ConnectionResetError):
                self.closed_early.set()
            except StopIteration:
                return


def read_message(connection: socket.socket) -> bytes:
    """One HTTP message with a Content-Length or none; empty where the peer closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """script(play or answer bytes) -> a running Script."""
    listeners: list[socket.socket] = []

    def start(play: Callable[[socket.socket, bytes], None] | bytes) -> Script:
        answer = play
        made = Script((lambda connection, _: connection.sendall(answer)) if isinstance(answer, bytes) else answer)
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        made.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        return made

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def raw() -> Callable[..., bytes]:
    """raw(port, request bytes) -> everything the server sent until it closed or paused."""

    def send(port: int, request: bytes, *, wait_s: float = 1.5) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
            connection.sendall(request)
            answer = b""
            try:
                while part := connection.recv(65_536):
                    answer += part
            except (TimeoutError, ConnectionResetError):
                pass
            return answer

    return send
