"""What the sidecar holds, from /proc and its own /metrics; Linux only. And whether a series of it grows."""

import asyncio
import os
import re
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

PAGE = os.sysconf("SC_PAGE_SIZE")
WINDOW_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`at_s` since the start; `files` are open but have no name; `pool` is connections that carry a request upstream."""

    at_s: float
    sent: int
    memory_mb: float
    fds: int
    threads: int
    children: int
    files: int
    pool: int
    reloads: int


async def sample(pid: int, admin: int, *, began: float, sent: int) -> Sample:
    """Raises OSError where the sidecar is gone or its admin port does not answer."""
    told = await asyncio.to_thread(_metrics, admin)
    process = Path(f"/proc/{pid}")
    links = [_link(path) for path in (process / "fd").iterdir()]
    return Sample(
        at_s=time.monotonic() - began,
        sent=sent,
        memory_mb=int((process / "statm").read_text().split()[1]) * PAGE / 1e6,
        fds=len(links),
        threads=len(list((process / "task").iterdir())),
        children=sum(len((task / "children").read_text().split()) for task in (process / "task").iterdir()),
        files=sum("(deleted)" in link for link in links),
        pool=_value(told, "evenhand_pool_connections_in_use"),
        reloads=sum(int(float(each)) for each in re.findall(r'(?m)^evenhand_rules_reloads_total\{result="[a-z]+"\} (\S+)', told)),
    )


def _metrics(admin: int) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{admin}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def _value(told: str, name: str) -> int:
    found = re.search(rf"(?m)^{name} (\S+)", told)
    return int(float(found[1])) if found else -1


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def floor_of(samples: Sequence[Sample]) -> list[Sample]:
    """The lowest memory of each window: what two revisions at once or a large body take for a moment is no growth."""
    windows: dict[int, list[Sample]] = {}
    for each in samples:
        windows.setdefault(int(each.at_s // WINDOW_S), []).append(each)
    return [min(window, key=lambda each: each.memory_mb) for window in windows.values()]


def slope_mb(samples: Sequence[Sample], *, per: int) -> float:
    """Growth of memory per so many requests: the median slope between any two windows (Theil and Sen)."""
    pairs = [(one, two) for one, two in combinations(floor_of(samples), 2) if two.sent > one.sent]
    return median((two.memory_mb - one.memory_mb) / (two.sent - one.sent) for one, two in pairs) * per if pairs else 0.0
