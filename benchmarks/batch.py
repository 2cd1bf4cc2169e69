"""A corpus on this machine: rows a second and core, memory over the run, kill -9 at random points and the bytes after going on.

python benchmarks/batch.py [--rows 20000] [--workers N] [--kills 3] [--folder DIR]

Nothing is deleted: DIR keeps the prompts and both outputs. The killed run comes last and must equal the other byte for byte.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from _machine import HERE, console, memory_mb, show_machine
from rich.table import Table

from evenhand.batch.layout import layout_of
from evenhand.batch.local import settled_engine
from evenhand.batch.row import Columns
from evenhand.batch.source import Input, read_chunks
from evenhand.batch.work import Job, work
from evenhand.flow import Decision, Prompt
from evenhand.processes import all_cores
from evenhand.rules import load_rules

ONE_CORE_ROWS = 10_000
SAMPLED_EVERY_S = 1.0
WARM = 0.2  # the share of a run before memory counts as settled


class Ran(NamedTuple):
    wall_s: float
    used_s: float
    memory_mb: list[float]


def main() -> int:
    told = arguments()
    folder = Path(told.folder or tempfile.mkdtemp(prefix="evenhand-batch-"))
    folder.mkdir(exist_ok=True)
    show_machine("numpy", "rich")
    source = prompts(folder, told.rows)
    one_core(source)
    whole, killed = folder / "whole.jsonl", folder / "killed.jsonl"
    show_run(run(source, whole, told.workers), told.rows, told.workers or all_cores())
    kills = list(killing(source, killed, told.rows, told.kills, told.workers))
    same = subprocess.run(["cmp", whole, killed], check=False).returncode == 0
    console.print(f"kill -9 after about {', '.join(f'{rows:,}' for rows in kills)} rows; then the same bytes: {same}")
    return 0 if same else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--folder")
    return parser.parse_args()


def prompts(folder: Path, rows: int) -> Path:
    path = folder / f"prompts-{rows}.jsonl"
    if not path.exists():
        subprocess.run([sys.executable, HERE / "_prompts.py", str(rows), path], check=True)
    return path


def one_core(source: Path) -> None:
    """What one process does with the file's beginning, in processor time; how much of it is the engine's."""
    engine = settled_engine(load_rules())
    decide, spent_ns = engine.decide, 0

    def timed(prompt: Prompt, **more: object) -> Decision:
        nonlocal spent_ns
        began = time.thread_time_ns()
        decision = decide(prompt, **more)  # type: ignore[arg-type]
        spent_ns += time.thread_time_ns() - began
        return decision

    engine.decide = timed  # type: ignore[method-assign]
    columns, layout = Columns(), layout_of("x.jsonl", given=None, option="")
    job = Job(columns=columns, output=layout)
    rows, began = 0, time.thread_time_ns()
    for chunk in read_chunks(Input(path=str(source), layout=layout, columns=columns)):
        rows += work(chunk, job, engine).rows
        if rows >= ONE_CORE_ROWS:
            break
    used_ns = time.thread_time_ns() - began
    show(
        f"One core, {rows:,} rows, processor time a row",
        {
            "all": f"{used_ns / rows / 1e6:.3f} ms",
            "engine": f"{spent_ns / rows / 1e6:.3f} ms",
            "reading, record, JSON": f"{(used_ns - spent_ns) / rows / 1e6:.3f} ms",
            "rows a second": f"{rows / used_ns * 1e9:,.0f}",
        },
    )


def show(title: str, figures: dict[str, str]) -> None:
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    for name, value in figures.items():
        table.add_row(name, value)
    console.print(table)


def command(source: Path, out: Path, workers: int | None) -> list[str]:
    chosen = ["--workers", str(workers)] if workers else []
    return [sys.executable, "-m", "evenhand", "batch", str(source), str(out), "--format", "json", *chosen]


def run(source: Path, out: Path, workers: int | None) -> Ran:
    began, before = time.monotonic(), children_s()
    samples: list[float] = []
    with subprocess.Popen([*command(source, out, workers), "--force"], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            samples.append(sum(map(memory_mb, family(process.pid))))
            time.sleep(SAMPLED_EVERY_S)
    return Ran(time.monotonic() - began, children_s() - before, samples)


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def family(pid: int) -> list[int]:
    """A process and its children, as far as they still run; Linux only."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:
            continue
    return [each for each in found if Path(f"/proc/{each}/statm").exists()]


def show_run(ran: Ran, rows: int, cores: int) -> None:
    settled = ran.memory_mb[int(len(ran.memory_mb) * WARM) : -1] or [0.0]
    show(
        f"{rows:,} rows, {cores} workers, start and end of all processes included",
        {
            "time": f"{ran.wall_s:,.0f} s",
            "processor time": f"{ran.used_s:,.0f} s",
            "rows a second": f"{rows / ran.wall_s:,.0f}",
            "rows a processor second": f"{rows / ran.used_s:,.0f}",
            f"memory after {WARM:.0%} of the time": f"{settled[0]:,.0f} MB",
            "least, most after it": f"{min(settled):,.0f}, {max(settled):,.0f} MB",
        },
    )


def killing(source: Path, out: Path, rows: int, kills: int, workers: int | None) -> Iterator[int]:
    """Kills the run each time its journal has passed a random row; the last one goes through."""
    out.unlink(missing_ok=True)
    for point in sorted(random.sample(range(rows), kills)):
        with subprocess.Popen(command(source, out, workers), stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and done(out) < point:
                time.sleep(0.05)
            yield done(out)
            process.kill()
    subprocess.run(command(source, out, workers), check=True, stdout=subprocess.DEVNULL)


def done(out: Path) -> int:
    """Rows the journal promises."""
    try:
        return int(json.loads(out.with_name(f"{out.name}.progress").read_text())["progress"]["rows"])
    except OSError:
        return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(HERE.parent / "app"))
    raise SystemExit(main())
