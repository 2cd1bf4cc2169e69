"""Rules that were replaced leave no memory behind, under the collector's policy of the service and in a process of its own."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evenhand.proxy import heap
from evenhand.rules import Ruleset

SWAPS, BOUND_MB = 12, 10
# Each swap in another thread; the first ones find out how much room two revisions need.
CODE = """
import os, pickle, sys, threading, weakref
from pathlib import Path
from evenhand.dialects.load import load_dialects
from evenhand.proxy import heap
from evenhand.proxy.admin.aside import let_go, settle, undisturbed
from evenhand.proxy.live import Live, serving_of
from evenhand.settings import load_settings

def swap():
    rules = undisturbed(lambda: pickle.loads(told))
    live.serving = serving_of(rules, dialects, settings)
    let_go()

def memory_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

heap.keep_small()
told, dialects, settings = Path(sys.argv[1]).read_bytes(), load_dialects(None), load_settings()
live = Live(settings=settings, serving=serving_of(pickle.loads(told), dialects, settings))
settle()
for number in range(int(sys.argv[2])):
    old = [weakref.ref(each) for each in (live.serving.engine, live.serving.rules.phrases, live.serving.rules.patterns)]
    thread = threading.Thread(target=swap)
    thread.start()
    thread.join()
    print(memory_mb(), sum(each() is not None for each in old))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_swaps_leave_nothing_behind(shipped: Ruleset, tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_bytes(pickle.dumps(shipped))
    done = subprocess.run([sys.executable, "-c", CODE, str(file), str(SWAPS)], capture_output=True, text=True, check=True)
    seen = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    memory, alive = zip(*seen, strict=True)
    assert len(seen) == SWAPS
    assert set(alive) == {0}
    assert memory[-1] - memory[2] < BOUND_MB


def test_memory_given_back_while_threads_allocate() -> None:
    busy = [threading.Thread(target=lambda: [bytes(100_000) for _ in range(2_000)]) for _ in range(4)]
    for thread in busy:
        thread.start()
    for _ in range(20):
        heap.give_back()
    for thread in busy:
        thread.join()
