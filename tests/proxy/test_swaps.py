"""Rules swapped in every way under load: no request is lost, and every answer is the work of exactly one revision.

The whole sidecar runs in a process of its own before a scripted upstream. EVENHAND_SWAPS=500 runs the long form.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder

SWAPS = int(os.environ.get("EVENHAND_SWAPS", "50"))
CLIENTS, PAUSE_S, SEED, PROMPT = 4, 0.02, 7, "a doctor and a nurse"
SHARES = (50, 100, 0, 45)
WORDS = ("female", "womanly", "feminine", "lady")
POLICY = "kind: policy\naxes: {{gender: {{woman: {0}, man: {1}}}}}\nrevised_prompt: false\n"
WORDING = """\
kind: wording
rules:
  - {{id: woman, axis: gender, value: woman, adjective: {0}, one: woman, many: women}}
  - {{id: man, axis: gender, value: man, adjective: {0}-not, one: man, many: men}}
"""
ROLES = """\
kind: roles
rules:
  - id: workers
    match: [{one: doctor, many: doctors}, {one: nurse, many: nurses}]
    why: Anybody may do this work.
    examples: [{say: a doctor, vary: [gender]}]
"""
CODE = "from evenhand.proxy.server import run; from evenhand.settings import load_settings; run(load_settings())"
HEADERS = {"X-Evenhand-Console": "1"}


def policy(share: int) -> str:
    return POLICY.format(share, 100 - share)


def write_language(folder: Path, words: str, roles: str = ROLES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wording.yaml").write_text(WORDING.format(words))
    (folder / "roles.yaml").write_text(roles)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Revision -> rewrite, for every mixture of files that a swap may be read in."""
    found = {}
    for share, words in product(SHARES, WORDS):
        folder = tmp_path_factory.mktemp("variant")
        (folder / "policy.yaml").write_text(policy(share))
        write_language(folder / "en", words)
        engine = Engine(compile_rules(load_folder(folder)))
        found[engine.rules.revision] = engine.decide(Prompt(text=PROMPT, seed=SEED)).texts[0]
    assert len(found) == len(SHARES) * len(WORDS)
    assert len(set(found.values())) > len(WORDS)
    return found


@dataclass
class Mounted:
    """The policy as a plain file; the language as a mounted ConfigMap: links to `..data`, which is exchanged by a rename."""

    root: Path
    process: "subprocess.Popen[str] | None" = None
    admin: str = ""
    swaps: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(3))

    def mount(self) -> None:
        self.root.mkdir()
        (self.root / "policy.yaml").write_text(policy(SHARES[0]))
        (self.root / "en").mkdir()
        self.link(WORDS[0])
        for name in ("wording.yaml", "roles.yaml"):
            (self.root / "en" / name).symlink_to(f"..data/{name}")

    def link(self, words: str, roles: str = ROLES) -> None:
        self.swaps += 1
        language, old = self.root / "en", (self.root / "en/..data").resolve()
        write_language(language / f"..{self.swaps}", words, roles)
        (language / "..data_tmp").symlink_to(f"..{self.swaps}")
        (language / "..data_tmp").rename(language / "..data")
        if old != language / "..data" and old.is_dir():
            shutil.rmtree(old)

    def in_place(self) -> None:
        (self.root / "policy.yaml").write_text(policy(self.chance.choice(SHARES)))

    def renamed(self) -> None:
        (self.root / ".policy.new").write_text(policy(self.chance.choice(SHARES)))
        (self.root / ".policy.new").replace(self.root / "policy.yaml")

    def swapped_link(self) -> None:
        self.link(self.chance.choice(WORDS))

    def broken(self) -> None:
        (self.root / "policy.yaml").write_text("kind: policy\naxes: {gender: {woman: 50, man\n")

    def failing_example(self) -> None:
        self.link(self.chance.choice(WORDS), ROLES.replace("vary: [gender]", "leave: all"))

    def truncated(self) -> None:
        (self.root / "policy.yaml").write_bytes(b"")

    def deleted(self) -> None:
        (self.root / "policy.yaml").unlink(missing_ok=True)

    def hung_up(self) -> None:
        self.in_place()
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def posted(self) -> None:
        self.renamed()
        httpx.post(f"{self.admin}/rules/reload", headers=HEADERS, trust_env=False, timeout=60)

    def restore(self) -> None:
        self.in_place()
        self.swapped_link()

    def is_good(self) -> bool:
        texts = [file.read_text() for file in (self.root / "policy.yaml", self.root / "en/roles.yaml") if file.exists()]
        return len(texts) == 2 and texts[0] in {policy(share) for share in SHARES} and texts[1] == ROLES


KINDS: tuple[Callable[[Mounted], None], ...] = (
    Mounted.in_place,
    Mounted.renamed,
    Mounted.swapped_link,
    Mounted.broken,
    Mounted.failing_example,
    Mounted.truncated,
    Mounted.deleted,
    Mounted.hung_up,
    Mounted.posted,
    Mounted.restore,
)


def echo(connection: socket.socket, request: bytes) -> None:
    """Tells in the answer which prompt arrived."""
    body = json.dumps({"data": [], "arrived": json.loads(request.partition(b"\r\n\r\n")[2])["prompt"]}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def sidecar_before(origin: str, mounted: Mounted, log: Path) -> Iterator[str]:
    data, admin = free_port(), free_port()
    mounted.admin = f"http://127.0.0.1:{admin}"
    given = {"PORT": data, "ADMIN_PORT": admin, "RULES": mounted.root, "UPSTREAM": origin, "CACHE_DIR": "", "LOG_LEVEL": "error"}
    app = str(Path(__file__).parents[2] / "app")
    environment = {**os.environ, "PYTHONPATH": app, **{f"EVENHAND_{name}": str(value) for name, value in given.items()}}
    with (
        log.open("w") as lines,
        subprocess.Popen([sys.executable, "-c", CODE], env=environment, stderr=lines, text=True) as process,
    ):
        mounted.process = process
        try:
            yield f"http://127.0.0.1:{data}"
        finally:
            process.terminate()
            process.wait(30)


async def until(is_so: Callable[[dict[str, Any]], bool], admin: str, client: httpx.AsyncClient) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for _ in range(1_500):
        try:
            state = (await client.get(f"{admin}/readyz")).json()
        except httpx.ConnectError:
            state = {}
        if is_so(state):
            return state
        await asyncio.sleep(0.04)
    raise AssertionError(state)


def revision_of(folder: Path) -> str:
    return compile_rules(load_folder(folder)).revision


Answered = list[tuple[str, str]]


async def through_the_proxy(url: str, client: httpx.AsyncClient) -> tuple[str, str]:
    answer = await client.post(f"{url}/v1/images/generations", json={"prompt": PROMPT}, headers={"X-Evenhand-Seed": str(SEED)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-evenhand-decision"] == "rewritten"
    return answer.headers["x-evenhand-revision"], answer.json()["arrived"]


async def by_the_api(url: str, client: httpx.AsyncClient) -> tuple[str, str]:
    answer = await client.post(f"{url}/rewrite", json={"prompt": PROMPT, "seed": SEED})
    assert answer.status_code == 200, answer.text
    return answer.json()["revision"], answer.json()["rewrites"][0]


Ask = Callable[[str, httpx.AsyncClient], Awaitable[tuple[str, str]]]


async def ask_on(ask: Ask, url: str, client: httpx.AsyncClient, answered: Answered, stop: asyncio.Event) -> None:
    while not stop.is_set():
        answered.append(await ask(url, client))
        await asyncio.sleep(PAUSE_S)


async def swap_on(mounted: Mounted, client: httpx.AsyncClient) -> set[str]:
    """Bursts of one to four swaps; after each the sidecar must tell how the last one ended. Returns what kinds of ends it saw."""
    ends = set()
    for done in range(0, SWAPS, 2):
        for _ in range(mounted.chance.randint(1, 3)):
            kind = mounted.chance.choice(KINDS) if done >= len(KINDS) * 2 else KINDS[done // 2]
            await asyncio.to_thread(kind, mounted)
            await asyncio.sleep(mounted.chance.random() * 0.2)
        if mounted.is_good():
            wanted = await asyncio.to_thread(revision_of, mounted.root)
            state = await until(lambda state, wanted=wanted: state["revision"] == wanted, mounted.admin, client)  # type: ignore[misc]
        else:
            state = await until(lambda state: not (state["last_reload"] or {"ok": True})["ok"], mounted.admin, client)
        ends.add((state["last_reload"] or {"result": "none"})["result"])
    mounted.in_place()
    mounted.swapped_link()
    return ends


async def test_swaps_under_load(script: Callable[..., Any], expected: dict[str, str], tmp_path: Path) -> None:
    mounted, answered, stop = Mounted(tmp_path / "rules"), list[tuple[str, str]](), asyncio.Event()
    mounted.mount()
    upstream = script(echo)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        with sidecar_before(upstream.origin, mounted, tmp_path / "log") as url:
            await until(lambda state: state.get("status") == "ready", mounted.admin, client)
            asks = [through_the_proxy if number % 2 else by_the_api for number in range(CLIENTS)]
            load = [asyncio.create_task(ask_on(ask, url, client, answered, stop)) for ask in asks]
            ends = await swap_on(mounted, client)
            final = await asyncio.to_thread(revision_of, mounted.root)
            state = await until(lambda state: state["revision"] == final and state["last_reload"]["ok"], mounted.admin, client)
            stop.set()
            await asyncio.gather(*load)
            metrics = (await client.get(f"{mounted.admin}/metrics")).text
    assert {"swapped", "refused"} <= ends
    assert not state["last_reload"].get("error")
    assert len(answered) > SWAPS
    assert {(revision, text) for revision, text in answered} <= set(expected.items())
    assert len({revision for revision, _ in answered}) > 3
    assert metrics.count("\nevenhand_rules_info{") == 1
    assert "Traceback" not in (tmp_path / "log").read_text()
