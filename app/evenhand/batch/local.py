"""Chunks to this machine's cores: one process a core, each with its own engine, and results in the input's order."""

import gc
import pickle
from collections.abc import Iterator

from evenhand.batch.source import Chunk, Input, read_chunks
from evenhand.batch.work import Done, Job, work
from evenhand.engine import Engine
from evenhand.processes import all_cores, spread
from evenhand.rules.ruleset import Ruleset

YOUNG_OBJECTS = 100_000
_engine: Engine | None = None  # of this worker process; a pool's tasks can reach it no other way
_job: Job | None = None


def run_local(source: Input, job: Job, rules: Ruleset, *, after: int, workers: int | None) -> Iterator[Done]:
    """`after` rows are done already. One worker is this very process. Raises EvenhandError where a worker died."""
    chunks = read_chunks(source, after=after)
    count = workers or all_cores()
    if count == 1:
        engine = settled_engine(rules)
        return (work(chunk, job, engine) for chunk in chunks)
    stored = pickle.dumps(rules, protocol=5)  # once, not once a worker
    return spread(chunks, _task, workers=count, prepare=_start, given=(stored, job))


def settled_engine(rules: Ruleset) -> Engine:
    """For a process that does nothing else: what is loaded stays, and a decision leaves next to nothing for the collector."""
    engine = Engine(rules)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    return engine


def _start(stored: bytes, job: Job) -> None:
    global _engine, _job
    _engine, _job = settled_engine(pickle.loads(stored)), job


def _task(chunk: Chunk) -> Done:
    assert _engine is not None
    assert _job is not None
    return work(chunk, _job, _engine)
