"""Processes under measurement: started on a core of their own, watched through /proc until they answer, ended with all children.

What they say goes to a file under benchmarks/.work. Linux only.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from _machine import ended_children_s, memory_mb, processor_s
from _unseen import WORK

LOAD_CORE, PROXY_CORE = 0, max(os.sched_getaffinity(0))
PATH = "/v1/images/generations"
FILES = 65_536
NICE = -5
_local = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """`ready_s` counts from the process's start to its first good answer."""

    child: subprocess.Popen[bytes]
    port: int
    ready_s: float = 0.0

    @property
    def family(self) -> list[int]:
        return family(self.child.pid)

    def memory_mb(self) -> float:
        return sum(map(memory_mb, self.family))

    def processor_s(self) -> float:
        """With what children used that have ended, so it never falls."""
        return sum(processor_s(pid) + ended_children_s(pid) for pid in self.family)


def settle(core: int) -> None:
    """On one core, with files enough, and before what else the machine does where that is allowed."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        # Where Linux groups processes by session, a nice value counts inside the group only, and the group has its own.
        Path("/proc/self/autogroup").write_text(str(NICE))
    os.sched_setaffinity(0, {core})


def family(pid: int) -> list[int]:
    """A process and all below it, as far as they still run."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in path.read_text().split():
                found += family(int(child))
    return [each for each in found if Path(f"/proc/{each}/statm").exists()]


@contextmanager
def started(
    arguments: Sequence[object], *, name: str, core: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    WORK.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EVENHAND_")}
    with (WORK / f"{name}.log").open("wb") as said:
        child = subprocess.Popen(
            [str(each) for each in arguments],
            stdout=said,
            stderr=said,
            env={**kept, **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: settle(core),
        )
        try:
            yield child
        finally:
            ended(child)


def ended(child: subprocess.Popen[bytes]) -> None:
    """The whole group, since a master process may leave its workers."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def until_ready(child: subprocess.Popen[bytes], request: urllib.request.Request, *, name: str, wait_s: float = 120) -> float:
    """Seconds until it answers with 200. Raises RuntimeError where it ends or never does."""
    began = time.monotonic()
    while child.poll() is None and time.monotonic() - began < wait_s:
        with suppress(OSError):
            _local.open(request, timeout=30).close()
            return time.monotonic() - began
        time.sleep(0.01)
    raise RuntimeError(f"{name} did not get ready; its last words are in {WORK / name}.log")


def image_request(port: int) -> urllib.request.Request:
    body = json.dumps({"model": "gpt-image-1", "prompt": "a lighthouse", "size": "1024x1024"}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer none"}
    return urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", body, headers)
