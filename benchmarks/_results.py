"""Results as they are kept: a JSON file a benchmark under benchmarks/results, and rows as a table here and as Markdown there."""

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from os import getloadavg
from statistics import median
from typing import Any

from _machine import HERE, console, facts
from rich.table import Table

RESULTS = HERE / "results"
LOAD_AT_START = getloadavg()[0]
PACKAGES = ("uvicorn", "httptools", "uvloop", "spacy", "numpy")
Row = Sequence[str]


def options(about: str | None) -> argparse.ArgumentParser:
    """The options all programs take, so that one line of them does for `make bench`; each heeds what it has a use for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended, too
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement under load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names of contestants, with commas")
    return parser


def keep(name: str, figures: Mapping[str, Any], *, tables: Sequence[tuple[str, Row, Sequence[Row]]]) -> None:
    """`tables` are (title, headings, rows)."""
    RESULTS.mkdir(exist_ok=True)
    made = {"measured_on": {**facts(*PACKAGES), "load": _loads()}, **figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    parts = [markdown(*table) for table in tables]
    (RESULTS / f"{name}.md").write_text("\n".join(parts), encoding="utf-8")
    for table in tables:
        show(*table)


def _loads() -> str:
    """A busy machine makes every figure worse and ratios less sure."""
    return f"{LOAD_AT_START:.1f} at the start, {getloadavg()[0]:.1f} at the end"


def show(title: str, headings: Row, rows: Iterable[Row]) -> None:
    table = Table(title=title, title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def markdown(title: str, headings: Row, rows: Iterable[Row]) -> str:
    lines = [f"**{title}**", "", _line(headings), _line(["---"] + ["---:"] * (len(headings) - 1)), *map(_line, rows), ""]
    return "\n".join(lines)


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def middle(values: Sequence[float], digits: int = 2) -> str:
    """The median, and the least and most beside it where rounds differ."""
    shown = [f"{value:,.{digits}f}" for value in (median(values), min(values), max(values))]
    return shown[0] if shown[1] == shown[2] else f"{shown[0]} ({shown[1]}-{shown[2]})"
