"""Work spread over this machine's cores: chunks come in, results go out in the order of the chunks.

One spawned process a core. At most FLIGHT chunks each are under way, so memory stays the same however long the input is.
Workers die with the process that started them, even where that was killed.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

from evenhand.errors import EvenhandError

FLIGHT = 3
Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def all_cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(
    chunks: Iterable[Chunk],
    task: Callable[[Chunk], Result],
    *,
    workers: int,
    prepare: Callable[..., None],
    given: tuple[Any, ...],
) -> Iterator[Result]:
    """`prepare(*given)` runs once in each worker, before its first `task`; both must be importable by name.

    Raises EvenhandError where a worker died.
    """
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start, initargs=(prepare, given))
    waiting: deque[Future[Result]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(task, chunk))
            if len(waiting) >= workers * FLIGHT:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise EvenhandError("a worker died, often for want of memory; run the command again with fewer --workers") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(prepare: Callable[..., object], given: tuple[Any, ...]) -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: threads of its own would only wait for each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to stop
    threading.Thread(target=_die_with_parent, daemon=True).start()
    prepare(*given)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
