"""One run over a corpus: rules, files and an engine come in, a summary goes out. Prints nothing.

Whatever engine decides, chunks come back in order and one sink writes them.
"""

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import evenhand
from evenhand.batch.encode import head
from evenhand.batch.journal import Progress, fingerprint
from evenhand.batch.layout import PIPE, Layout
from evenhand.batch.local import run_local
from evenhand.batch.sink import Files, FileSink, Finish, PipeSink, Sink
from evenhand.batch.source import CHUNK_BYTES, CHUNK_ROWS, Input
from evenhand.batch.summary import Summary
from evenhand.batch.work import Done, Job
from evenhand.errors import EvenhandError, SettingsError
from evenhand.rules.ruleset import Ruleset

EngineName = Literal["local", "ray"]
Tell = Callable[[Progress, int], None]  # the progress, and where in the input it stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`bad` is the side file, OUT.bad.jsonl unless told; `workers` None means every core; `address` is a Ray cluster's."""

    source: Input
    job: Job
    out: str
    bad: str | None = None
    engine: EngineName = "local"
    workers: int | None = None
    address: str | None = None
    force: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether a run that is broken off can be taken up again: both ends are files."""
        return not (_is_stream(self.source.path) or _is_stream(self.out))


def run_batch(plan: Plan, rules: Ruleset, *, tell: Tell | None = None) -> Summary:
    """Raises EvenhandError with a sentence where the run can't start or go on; what is done stays for the next run."""
    sink = _sink(plan, rules)
    began, resumed = time.monotonic(), sink.progress.rows
    whole = False
    try:
        with closing(_results(plan, rules, after=resumed)) as results:
            for done in results:
                _check_order(done, sink.progress.rows)
                sink.add(done)
                if tell is not None:
                    tell(sink.progress, done.position)
        whole = True
    finally:
        sink.close(whole=whole)
    return Summary(progress=sink.progress, resumed=resumed, seconds=time.monotonic() - began)


def _results(plan: Plan, rules: Ruleset, *, after: int) -> Generator[Done, None, None]:
    if plan.engine == "ray":
        from evenhand.batch.on_ray import run_ray

        yield from run_ray(plan.source, plan.job, rules, after=after, workers=plan.workers, address=plan.address)
    else:
        yield from run_local(plan.source, plan.job, rules, after=after, workers=plan.workers)


def _check_order(done: Done, rows: int) -> None:
    if done.first != rows + 1:
        raise EvenhandError(f"row {rows + 1:,} was due and row {done.first:,} came; the input changed while it was read")


def _sink(plan: Plan, rules: Ruleset) -> Sink:
    kept = plan.job.columns.keep
    start = head(plan.job.output, kept)
    if _is_stream(plan.out):
        return PipeSink(_stream(plan.out), _bad_stream(plan), head=start)
    if _is_same(plan.out, plan.source.path):
        raise SettingsError(f"{plan.out} is the input; name another output")
    files = Files(out=Path(plan.out), bad=Path(plan.bad or f"{plan.out}.bad.jsonl"))
    if _is_stream(plan.source.path) and files.journal.exists() and not plan.force:
        raise SettingsError(
            f"{files.journal}: a run was broken off here, and a pipe can't be read again; start anew with --force"
        )
    finish = _finish(plan.job.output, kept)
    return FileSink(files, identity=_identity(plan, rules), head=start, finish=finish, force=plan.force)


def _is_stream(path: str) -> bool:
    """A pipe, a terminal, /dev/null: nothing to go on from."""
    return path == PIPE or (Path(path).exists() and not Path(path).is_file())


def _is_same(one: str, other: str) -> bool:
    return Path(one).is_file() and Path(other).is_file() and Path(one).samefile(other)


def _stream(path: str) -> BinaryIO:
    """The sink's own, to close."""
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb") if path == PIPE else open(path, "wb")


def _bad_stream(plan: Plan) -> BinaryIO:
    return open(plan.bad, "wb") if plan.bad else os.fdopen(os.dup(sys.stderr.fileno()), "wb")


def _finish(layout: Layout, kept: tuple[str, ...]) -> Finish:
    if layout.kind != "parquet":
        return _rename
    from evenhand.batch.parquet import finish

    return lambda partial, out: finish(partial, out, kept)


def _rename(partial: Path, out: Path) -> None:
    partial.replace(out)


def _identity(plan: Plan, rules: Ruleset) -> dict[str, object]:
    """All that decides the output's bytes."""
    return {
        "input": fingerprint(plan.source.path),
        "kind of input": asdict(plan.source.layout),
        "job": asdict(plan.job),
        "rules": rules.revision,
        "version": evenhand.__version__,
        "chunks": [CHUNK_ROWS, CHUNK_BYTES],
    }
