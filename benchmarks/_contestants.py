"""Who is measured: how each is installed from pinned requirements, started on the proxy's core, and known to be ready.

A peer's environment lies in benchmarks/.peers/NAME and is made anew when its requirements change.
"""

import hashlib
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from _machine import HERE
from _running import PROXY_CORE, Running, free_port, image_request, started, until_ready
from _unseen import WORK
from _upstream import NGINX, written

from evenhand.rules import shipped_rules

PEERS, PLACES = HERE / "peers", HERE / ".peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`ready` is asked until it says 200; the image API's path itself where missing."""

    arguments: list[object]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """`start(port, upstream_port, folder)`; `package` is what its requirements name it."""

    name: str
    title: str
    start: Callable[[int, int, Path], Start]
    package: str = ""

    @property
    def is_here(self) -> bool:
        return self.name != "nginx" or NGINX is not None

    def version(self) -> str:
        if self.name == "nginx":
            said = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
            return said.strip().rpartition("/")[2]
        lines = (PEERS / self.name / "requirements.txt").read_text(encoding="utf-8").splitlines()
        return next(line.partition("==")[2] for line in lines if line.startswith(f"{self.package}=="))


def _evenhand(port: int, upstream: int, folder: Path, *, mode: str = "enforce") -> Start:
    """On a copy of the shipped rules, since it would load them anew if somebody edited them meanwhile."""
    admin = free_port()
    flags = ["--port", port, "--admin-port", admin, "--upstream", f"http://127.0.0.1:{upstream}"]
    ready = f"http://127.0.0.1:{admin}/readyz"
    return Start(arguments=[sys.executable, "-m", "evenhand", "serve", *flags, "--rules", rules_copied(mode)], ready=ready)


def _evenhand_off(port: int, upstream: int, folder: Path) -> Start:
    return _evenhand(port, upstream, folder, mode="off")


def rules_copied(mode: str) -> Path:
    """The shipped rules with this mode in their policy."""
    target = WORK / f"rules-{mode}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(shipped_rules(), target)
    policy = target / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    policy.write_text(text.replace("\nmode: enforce", f"\nmode: {mode}"), encoding="utf-8")
    return target


def _nginx(port: int, upstream: int, folder: Path) -> Start:
    values: dict[str, object] = {"PORT": port, "FOLDER": folder, "UPSTREAM": f"127.0.0.1:{upstream}"}
    return Start(arguments=[NGINX, "-p", folder, "-c", written(PEERS / "nginx/proxy.conf", folder, **values)])


def _fastapi(port: int, upstream: int, folder: Path) -> Start:
    flags = ["--app-dir", PEERS / "fastapi", "--port", port, "--no-access-log", "--log-level", "warning", "--backlog", 4_096]
    environment = {"UPSTREAM": f"http://127.0.0.1:{upstream}"}
    return Start(arguments=[python_of("fastapi"), "-m", "uvicorn", "passing:app", *flags], environment=environment)


def _mitmproxy(port: int, upstream: int, folder: Path) -> Start:
    flags = ["--mode", f"reverse:http://127.0.0.1:{upstream}", "--listen-host", "127.0.0.1", "--listen-port", port, "-q"]
    quiet = ["--set", f"confdir={folder}", "-s", PEERS / "mitmproxy/noop.py"]
    return Start(arguments=[python_of("mitmproxy").parent / "mitmdump", *flags, *quiet])


def _litellm(port: int, upstream: int, folder: Path) -> Start:
    config = written(PEERS / "litellm/config.yaml", folder, UPSTREAM=f"http://127.0.0.1:{upstream}")
    flags = ["--config", config, "--host", "127.0.0.1", "--port", port, "--num_workers", 1, "--telemetry", "False"]
    # Without a key it checks nobody's, which is the fastest it can be; it listens to this machine only.
    keyless = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", keyless: "true"}
    return Start(arguments=[python_of("litellm").parent / "litellm", *flags], environment=environment)


CONTESTANTS = (
    Contestant(name="evenhand", title="Evenhand, enforcing", start=_evenhand),
    Contestant(name="evenhand-off", title="Evenhand, engine off", start=_evenhand_off),
    Contestant(name="nginx", title="nginx proxy_pass", start=_nginx),
    Contestant(name="fastapi", title="FastAPI + httpx pass-through", start=_fastapi, package="fastapi"),
    Contestant(name="mitmproxy", title="mitmproxy, reverse, no-op addon", start=_mitmproxy, package="mitmproxy"),
    Contestant(name="litellm", title="LiteLLM proxy", start=_litellm, package="litellm"),
)


def chosen_of(names: str) -> list[Contestant]:
    """Those named, with commas; else all. nginx only where this machine has it."""
    wanted = names.split(",") if names else [each.name for each in CONTESTANTS]
    return [each for each in CONTESTANTS if each.is_here and each.name in wanted]


def python_of(peer: str) -> Path:
    """The peer's own Python, its requirements installed."""
    required = PEERS / peer / "requirements.txt"
    place = PLACES / peer
    mark, wanted = place / "installed", hashlib.sha256(required.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        print(f"installing {peer} into {place}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(required)], check=True)
        mark.write_text(wanted)
    return place / "bin/python"


@contextmanager
def running(contestant: Contestant, upstream_port: int) -> Iterator[Running]:
    port = free_port()
    folder = WORK / f"{contestant.name}-{port}"
    folder.mkdir(parents=True, exist_ok=True)
    start = contestant.start(port, upstream_port, folder)
    with started(start.arguments, name=contestant.name, core=PROXY_CORE, environment=start.environment) as child:
        asked = urllib.request.Request(start.ready) if start.ready else image_request(port)
        ready_s = until_ready(child, asked, name=contestant.name)
        yield Running(child=child, port=port, ready_s=ready_s)
    shutil.rmtree(folder)
