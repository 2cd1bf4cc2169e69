"""A comparison of two rulesets over any number of prompts: spread over processes, merged in the order of the prompts.

Only a few chunks are under way at a time, so memory stays the same however many prompts come. Workers end with their parent.
"""

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import connection, get_context, parent_process

from evenhand.asked import Asked
from evenhand.comparing import Comparison, Part, compare
from evenhand.engine import Engine
from evenhand.errors import EvenhandError
from evenhand.rules.ruleset import Ruleset

CHUNK, FEW, FLIGHT = 250, 4, 3
Chunk = list[Asked]
_engines: tuple[Engine, Engine] | None = None  # of this worker process; a pool's tasks can reach them no other way
_show = 0


def compare_many(
    asked: Iterable[Asked],
    old: Ruleset,
    new: Ruleset,
    *,
    show: int = 3,
    workers: int | None = None,
    tell: Callable[[int], None] | None = None,
) -> Comparison:
    """A few chunks are compared in this process. `tell` hears the number of prompts so far."""
    found = Comparison(old=old, new=new)
    chunks = _chunks(asked)
    head = list(islice(chunks, FEW))
    count = workers or _cores()
    if count == 1 or len(head) < FEW:
        engines = Engine(old), Engine(new)
        parts: Iterator[Part] = (compare(chunk, *engines, show=show) for chunk in chain(head, chunks))
    else:
        parts = _pooled(chain(head, chunks), old, new, show, count)
    for part in parts:
        found.add(part, show=show)
        if tell:
            tell(found.prompts)
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunks(asked: Iterable[Asked]) -> Iterator[Chunk]:
    source = iter(asked)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _pooled(chunks: Iterable[Chunk], old: Ruleset, new: Ruleset, show: int, workers: int) -> Iterator[Part]:
    stored = pickle.dumps((old, new), protocol=5)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start, initargs=(stored, show))
    waiting: deque[Future[Part]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_task, chunk))
            if len(waiting) >= workers * FLIGHT:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise EvenhandError("a worker died, often for want of memory; run the command again with fewer --workers") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(stored: bytes, show: int) -> None:
    global _engines, _show
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: threads of its own would only wait for each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to stop
    threading.Thread(target=_die_with_parent, daemon=True).start()
    old, new = pickle.loads(stored)
    _engines, _show = (Engine(old), Engine(new)), show


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _task(chunk: Chunk) -> Part:
    assert _engines is not None
    return compare(chunk, *_engines, show=_show)
