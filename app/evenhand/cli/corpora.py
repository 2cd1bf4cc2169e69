"""`evenhand batch`: a file of prompts in, a file of decisions out; progress and a summary go to standard error."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from evenhand.cli.console import Format, FormatOption, RulesOption, SeedOption, complain, refuse
from evenhand.flow import MAX_IMAGES

if TYPE_CHECKING:
    from rich.table import Table

    from evenhand.batch.journal import Progress
    from evenhand.batch.run import Plan, Tell
    from evenhand.batch.summary import Summary
    from evenhand.rules.ruleset import Ruleset

LINE_EVERY_S = 30.0


class EngineChoice(StrEnum):
    LOCAL = "local"
    RAY = "ray"


def _column(name: str, help_text: str) -> Any:
    return typer.Option(f"--{name}", metavar="NAME", help=help_text)


InArgument = Annotated[str, typer.Argument(metavar="IN", help="JSON lines, CSV, TSV (each .gz too) or Parquet; '-' is a pipe.")]
OutArgument = Annotated[str, typer.Argument(metavar="OUT", help="Same kinds; '-' is a pipe.")]
KeepOption = Annotated[list[str] | None, typer.Option("--keep", metavar="NAME", help="Copy this column; may be repeated.")]
KindOption = Annotated[
    str | None, typer.Option(metavar="KIND", help="jsonl, csv, tsv, parquet, jsonl.gz...; else the suffix says.")
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, max=4096, help="Processes; every core unless told.")]
EngineOption = Annotated[EngineChoice, typer.Option("--engine", help="This machine, or Ray Data (extra evenhand[ray]).")]
AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="URL", help="A running Ray cluster; else one is started.")
]
BadOption = Annotated[Path | None, typer.Option("--bad", metavar="FILE", help="Rows that can't be decided; else OUT.bad.jsonl.")]
ProgressOption = Annotated[bool | None, typer.Option("--progress/--no-progress", help="A bar; on a terminal unless told.")]


def batch(
    source: InArgument,
    out: OutArgument,
    column: Annotated[str, _column("column", "Column of the prompt.")] = "prompt",
    ref_column: Annotated[str, _column("ref-column", "Your own identifier, echoed; draws hang on it.")] = "ref",
    images_column: Annotated[str, _column("images-column", "How many images.")] = "images",
    seed_column: Annotated[str, _column("seed-column", "Wins over --seed.")] = "seed",
    keep: KeepOption = None,
    input_format: KindOption = None,
    output_format: KindOption = None,
    images: Annotated[int, typer.Option("--images", min=1, max=MAX_IMAGES, help="Where a row says nothing.")] = 1,
    seed: SeedOption = 0,
    rules: RulesOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = EngineChoice.LOCAL,
    address: AddressOption = None,
    bad: BadOption = None,
    show_text: Annotated[bool, typer.Option("--show-text", help="Bad rows with their first 80 characters.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew, whatever stands at OUT.")] = False,
    progress: ProgressOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Decide a file of prompts. A run that was broken off goes on when repeated; exit code 1 where rows were bad."""
    from evenhand.batch.layout import layout_of
    from evenhand.batch.row import Columns
    from evenhand.batch.run import Plan
    from evenhand.batch.source import Input
    from evenhand.batch.work import Job

    columns = Columns(prompt=column, ref=ref_column, images=images_column, seed=seed_column, keep=tuple(keep or ()))
    kinds = (
        layout_of(source, given=input_format, option="--input-format"),
        layout_of(out, given=output_format, option="--output-format"),
    )
    plan = Plan(
        source=Input(path=source, layout=kinds[0], columns=columns),
        job=Job(columns=columns, output=kinds[1], images=images, seed=seed, show_text=show_text),
        out=out,
        bad=None if bad is None else str(bad),
        engine=engine.value,
        workers=workers,
        address=address,
        force=force,
    )
    _run(plan, rules, shown=sys.stderr.isatty() if progress is None else progress, output=output)


def _run(plan: "Plan", folder: Path | None, *, shown: bool, output: Format) -> None:
    from evenhand.batch.run import run_batch
    from evenhand.rules import load_rules

    rules = load_rules(folder)
    try:
        with _told(plan, shown=shown) as tell:
            summary = run_batch(plan, rules, tell=tell)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        complain("evenhand: stopped; the same command goes on where it stopped" if plan.goes_on else "evenhand: stopped")
        raise
    except OSError as error:
        refuse(f"{error.filename or plan.out}: {error.strerror or error}; mend it and run the same command again")
    _report(summary, rules, plan, output)
    if summary.bad:
        raise typer.Exit(1)


@contextmanager
def _told(plan: "Plan", *, shown: bool) -> Iterator["Tell"]:
    """A bar with rate and time left, or a line now and then."""
    from evenhand.batch.source import size_of

    if not shown:
        yield _lines()
        return
    with _bar() as bar:
        task = bar.add_task("", total=size_of(plan.source), rows=0, rate=0.0)
        yield _moved(bar, task)


def _moved(bar: Any, task: Any) -> "Tell":
    first: list[tuple[float, int]] = []

    def tell(progress: "Progress", position: int) -> None:
        now = time.monotonic()
        first[:] = first or [(now, progress.rows)]
        began, before = first[0]
        rate = (progress.rows - before) / (now - began) if now > began else 0.0
        bar.update(task, completed=position, rows=progress.rows, rate=rate)

    return tell


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.fields[rows]:,} rows"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _lines() -> "Tell":
    """For logs: nothing about short runs."""
    last = [(time.monotonic(), 0)]

    def tell(progress: "Progress", position: int) -> None:
        then, rows = last[0]
        now = time.monotonic()
        if now - then >= LINE_EVERY_S:
            complain(f"{progress.rows:,} rows, {(progress.rows - rows) / (now - then):,.0f}/s")
            last[0] = now, progress.rows

    return tell


def _report(summary: "Summary", rules: "Ruleset", plan: "Plan", output: Format) -> None:
    """JSON goes to standard output, or to standard error where the decisions are there."""
    from evenhand.batch.layout import PIPE
    from evenhand.batch.summary import summary_data

    if output is Format.JSON:
        line = json.dumps(summary_data(summary, rules.policy), ensure_ascii=False) + "\n"
        (sys.stderr if plan.out == PIPE else sys.stdout).write(line)
        return
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    for table in _tables(summary, rules):
        console.print(table)


def _tables(summary: "Summary", rules: "Ruleset") -> Iterator["Table"]:
    from evenhand.batch.summary import shares

    yield _table(("rows", f"{summary.progress.rows:,}"), *_figures(summary))
    drawn = shares(summary.progress, rules.policy)
    if drawn:
        rows = [(it.axis, it.value, f"{it.drawn:,}", f"{it.percent:.1f} %", f"{it.target} %") for it in drawn]
        yield _table(("axis", "value", "drawn", "share", "target"), *rows)


def _figures(summary: "Summary") -> Iterator[tuple[str, str]]:
    yield from ((name, f"{count:,}") for name, count in summary.outcomes.items())
    yield from ((f"bad: {name}", f"{count:,}") for name, count in summary.bad.items())
    if summary.resumed:
        yield "done by an earlier run", f"{summary.resumed:,}"
    yield "rows a second", f"{summary.per_second:,.0f}"
    yield "time", str(timedelta(seconds=round(summary.seconds)))


def _table(heading: tuple[str, ...], *rows: tuple[str, ...]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    words = 2 if len(heading) > 2 else 1
    for place, name in enumerate(heading):
        table.add_column(name, justify="left" if place < words else "right")
    for row in rows:
        table.add_row(*row)
    return table
