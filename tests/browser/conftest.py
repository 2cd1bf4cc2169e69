"""The console's routes and page on a real socket before a folder of rules of its own, and a real browser; both once a session."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request

from evenhand.flow import Prompt
from evenhand.proxy.console.history import History
from evenhand.proxy.console.page_routes import page_routes
from evenhand.proxy.console.routes import console_routes
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import load_rules
from evenhand.settings import load_settings

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
PERIODS = """\
kind: periods
rules:
  - id: vikings
    match: [viking, vikings]
    why: Who they were is history.
    examples:
      - {say: an engineer beside a viking, leave: all}
      - {say: a nurse and two vikings, leave: all}
"""


class Kept:
    """Entries, newest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        self._entries.insert(0, entry)

    def entries(self) -> list[Entry]:
        return self._entries


@dataclass
class Clock:
    """The time of day, but for `behind_s`, so that a test need not wait for an hour of history."""

    behind_s: float = 0.0

    def __call__(self) -> float:
        return time.time() - self.behind_s


@dataclass(kw_only=True)
class Console:
    url: str
    folder: Path
    live: Live
    clock: Clock
    seed: int = 0

    def decide(self, *prompts: str, **more: Any) -> None:
        """As traffic would: a decision for each prompt goes into the ledger."""
        serving = self.live.serving
        for text in prompts:
            self.seed += 1
            seed = self.seed
            began = time.perf_counter()
            decided = serving.engine.decide(Prompt(text=text, seed=seed, images=2, id=f"d-{seed}"))
            decision = replace(decided, overhead_ms=(time.perf_counter() - began) * 1000)
            entry = Entry(decision=decision, rules=serving.rules, at=self.clock(), route="rewrite", **{"status": 200, **more})
            self.live.ledger.note(entry)

    def write(self, name: str, text: str) -> None:
        """As an editor elsewhere, followed by a reload."""
        (self.folder / name).write_text(text, encoding="utf-8")
        self.reload()

    def reload(self) -> None:
        self.live.serving = serving_of(load_rules(self.folder), (), self.live.settings)


@contextmanager
def console_of(rules: Path, tmp_path: Path, *, token: str = "", **flags: Any) -> Iterator[Console]:
    """A copy of `rules` in service; with `token`, the API asks for it as the admin port does."""
    folder = shutil.copytree(rules, tmp_path / "rules")
    settings = load_settings(rules=folder, **flags)
    live = Live(settings=settings, serving=serving_of(load_rules(folder), (), settings))
    clock, kept = Clock(), Kept()
    history = History(clock=clock)
    live.ledger.sinks += [history.note, kept.note]
    app = FastAPI()
    app.include_router(console_routes(live, kept, history), dependencies=[Depends(guard(token))] if token else [])
    app.include_router(page_routes())
    with served(app) as url:
        yield Console(url=url, folder=folder, live=live, clock=clock)


def guard(token: str) -> Callable[[Request], None]:
    def check(request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {token}":
            raise HTTPException(401, "The admin port needs a token.")

    return check


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, without a window. Module by module: its event loop must not outlive the tests that are not async."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the PATH (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS.split(), "--disable-sync"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def folder(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small rules and one period."""
    copied = shutil.copytree(small_folder, tmp_path_factory.mktemp("browser") / "rules")
    (copied / "en/periods.yaml").write_text(PERIODS)
    return copied


@pytest.fixture(scope="module")
def console(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One for all tests that only look."""
    with console_of(folder, tmp_path_factory.mktemp("looking"), decision_log_prompts=True) as running:
        yield running


@pytest.fixture
def console_with(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Console]]:
    """console_with(**flags) -> a console of the test's own."""
    with ExitStack() as running:
        yield lambda **flags: running.enter_context(console_of(flags.pop("rules", folder), tmp_path, **flags))


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page; at the end nothing may have broken the content security policy or raised."""
    context = browser.new_context(viewport={"width": 1240, "height": 900}, color_scheme="light")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    wrong: list[str] = []
    opened.on(
        "console",
        lambda said: wrong.append(said.text) if said.type == "error" and "Failed to load resource" not in said.text else None,
    )
    opened.on("pageerror", lambda fault: wrong.append(str(fault)))
    opened.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    yield opened
    context.close()
    assert not wrong
