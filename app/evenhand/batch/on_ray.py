"""Chunks to a Ray cluster through Ray Data: the input is read on this node, decided by actors that load the engine once.

A chunk travels as one row, so Ray never splits one; results come back in order and this process writes them.
"""

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evenhand.batch.layout import PIPE
from evenhand.batch.local import settled_engine
from evenhand.batch.source import Input, read_chunks
from evenhand.batch.work import Done, Job, work
from evenhand.errors import EvenhandError, SettingsError
from evenhand.processes import all_cores
from evenhand.rules.ruleset import Ruleset

BLOCK_BYTES = 256 << 10  # a few chunks: small, so that every actor has some and none waits for long
CHUNKS = "chunk"
NODE_LABEL = "ray.io/node-id"


class Decider:
    """An actor's part: an Arrow table of chunks in, one of results out."""

    def __init__(self, stored: bytes, job: Job) -> None:
        self._engine = settled_engine(pickle.loads(stored))
        self._job = job

    def __call__(self, table: Any) -> dict[str, list[bytes]]:
        chunks = (pickle.loads(each) for each in table[CHUNKS].to_pylist())
        return {CHUNKS: [pickle.dumps(work(chunk, self._job, self._engine)) for chunk in chunks]}


def run_ray(source: Input, job: Job, rules: Ruleset, *, after: int, workers: int | None, address: str | None) -> Iterator[Done]:
    """`workers` is the number of actors, every core of the cluster unless told; `address` None starts a cluster of this machine.

    Raises:
        SettingsError: Ray is not installed, or the input is a pipe.
        EvenhandError: the cluster gave up.
    """
    if source.path == PIPE:
        raise SettingsError("--engine ray reads files; save the pipe's data first, or leave out --engine")
    ray = _ray()
    next(read_chunks(source), None)  # what can't be read is told here, in our words
    with _cluster(ray, address):
        count = workers or max(1, int(ray.cluster_resources().get("CPU", all_cores())))
        try:
            yield from _decided(ray, source, job, rules, after, count)
        except ray.exceptions.RayError as error:
            raise EvenhandError(f"Ray gave up: {str(error).splitlines()[0]}; the same command goes on") from None


@contextmanager
def _cluster(ray: Any, address: str | None) -> Iterator[None]:
    """A cluster that runs already is left running."""
    started = not ray.is_initialized()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if started:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield
    finally:
        if started:
            ray.shutdown()


def _decided(ray: Any, source: Input, job: Job, rules: Ruleset, after: int, actors: int) -> Iterator[Done]:
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.target_max_block_size = BLOCK_BYTES
    context.enable_progress_bars = False
    read = ray.data.read_datasource(
        _datasource(source, after),
        override_num_blocks=1,
        num_cpus=0,  # unlike the actors', or Ray would have one of them both read and decide all
        label_selector={NODE_LABEL: ray.get_runtime_context().get_node_id()},  # the input need only be readable here
    )
    decided = read.map_batches(
        Decider,
        batch_size=None,
        batch_format="pyarrow",
        fn_constructor_args=(pickle.dumps(rules, protocol=5), job),
        compute=ray.data.ActorPoolStrategy(size=actors),
    )
    for row in decided.iter_rows():
        yield pickle.loads(row[CHUNKS])


def _datasource(source: Input, after: int) -> Any:
    import pyarrow
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    def tables() -> Iterator[Any]:
        for chunk in read_chunks(source, after=after):
            yield pyarrow.table({CHUNKS: pyarrow.array([pickle.dumps(chunk)], pyarrow.binary())})

    class Chunks(Datasource):  # type: ignore[misc]
        """One task: a reader in order, which Ray stops where nobody keeps up."""

        def estimate_inmemory_data_size(self) -> None:
            return None

        def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[Any]:
            about = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(tables, about)]

    return Chunks()


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise SettingsError("--engine ray needs Ray; install it with: pip install 'evenhand[ray]'") from None
    return ray
