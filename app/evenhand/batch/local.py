"""Chunks to this machine's cores: one process a core, each with its own engine, and results in the input's order.

At most FLIGHT chunks a worker are under way, so memory stays the same however long the input is. Workers die with the process
that started them, even where that was killed.
"""

import gc
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process

from evenhand.batch.source import Chunk, Input, read_chunks
from evenhand.batch.work import Done, Job, work
from evenhand.engine import Engine
from evenhand.errors import EvenhandError
from evenhand.rules.ruleset import Ruleset

FLIGHT = 3
YOUNG_OBJECTS = 100_000
_engine: Engine | None = None  # of this worker process; a pool's tasks can reach it no other way
_job: Job | None = None


def all_cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(source: Input, job: Job, rules: Ruleset, *, after: int, workers: int | None) -> Iterator[Done]:
    """`after` rows are done already. One worker is this very process. Raises EvenhandError where a worker died."""
    chunks = read_chunks(source, after=after)
    count = workers or all_cores()
    if count == 1:
        engine = settled_engine(rules)
        return (work(chunk, job, engine) for chunk in chunks)
    return _pooled(chunks, job, rules, count)


def settled_engine(rules: Ruleset) -> Engine:
    """For a process that does nothing else: what is loaded stays, and a decision leaves next to nothing for the collector."""
    engine = Engine(rules)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    return engine


def _pooled(chunks: Iterator[Chunk], job: Job, rules: Ruleset, workers: int) -> Iterator[Done]:
    stored = pickle.dumps(rules, protocol=5)  # once, not once a worker
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start, initargs=(stored, job))
    waiting: deque[Future[Done]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_task, chunk))
            if len(waiting) >= workers * FLIGHT:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise EvenhandError(
            "a worker died, often for want of memory; run the command again, perhaps with fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(stored: bytes, job: Job) -> None:
    global _engine, _job
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: other threads of its own only wait for each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to stop
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _engine, _job = settled_engine(pickle.loads(stored)), job


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _task(chunk: Chunk) -> Done:
    assert _engine is not None
    assert _job is not None
    return work(chunk, _job, _engine)
