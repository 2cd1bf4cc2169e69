"""Spark data frames in, the same with decisions out: a UDF over Arrow batches that calls the function every engine calls.

    from evenhand.batch.spark import rewrite
    decided = rewrite(df, column="prompt", ref="id", seed=7)  # adds a struct column: record, outcome, rewrite, reason, detail

Rows of a data frame have no place, so a column must tell them apart: `ref`, or `row` with the numbers a file's rows would have.
"""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evenhand.batch.encode import line
from evenhand.batch.row import BadRow, Columns, decide_row, row_of
from evenhand.engine import Engine
from evenhand.errors import SettingsError
from evenhand.rules import load_rules
from evenhand.rules.ruleset import Ruleset

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SCHEMA = "record string, outcome string, rewrite string, reason string, detail string"
FIELDS = tuple(field.split()[0] for field in SCHEMA.split(", "))
NAMES = ("prompt", "row", "ref", "images", "seed")
_engines: dict[str, Engine] = {}  # one for each rules' revision in a Python worker, which Spark uses again and again


def rewrite(
    frame: "DataFrame",
    *,
    column: str = "prompt",
    ref: str | None = None,
    row: str | None = None,
    images: str | None = None,
    seed: int = 0,
    seed_column: str | None = None,
    into: str = "decision",
    rules: Path | None = None,
) -> "DataFrame":
    """Adds the struct column `into`. A row that can't be decided has no `record`, but a `reason` and a `detail`.

    Raises:
        SettingsError: neither `ref` nor `row` is given, or pyspark is not installed.
        RuleError: the rules can't be used.
    """
    if ref is None and row is None:
        raise SettingsError("Spark's rows have no place of their own; name a column as ref= or row= that tells them apart")
    functions = _functions()
    named = dict(zip(NAMES, (column, row, ref, images, seed_column), strict=True))
    nothing = functions.lit(None)
    columns = [nothing if name is None else functions.col(name) for name in named.values()]
    return frame.withColumn(into, rewrite_udf(load_rules(rules), seed=seed)(*columns))


def rewrite_udf(rules: Ruleset, *, seed: int = 0, images: int = 1) -> "Callable[..., Column]":
    """A UDF of five columns: prompt, row, ref, images, seed; each but the first may be a literal null."""
    functions = _functions()
    import pandas as pd

    stored, revision = pickle.dumps(rules, protocol=5), rules.revision

    def decided(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:  # real types: Spark reads them
        engine = engine_of(stored, revision)
        for batch in batches:
            rows = zip(*(series.tolist() for series in batch), strict=True)
            told = [settled(dict(zip(NAMES, cells, strict=True)), engine, seed=seed, images=images) for cells in rows]
            yield pd.DataFrame(told, columns=list(FIELDS), dtype=object)

    return cast("Callable[..., Column]", functions.pandas_udf(decided, SCHEMA))


def engine_of(stored: bytes, revision: str) -> Engine:
    """Loaded once a process."""
    if revision not in _engines:
        _engines[revision] = Engine(pickle.loads(stored))
    return _engines[revision]


def settled(values: dict[str, object], engine: Engine, *, seed: int, images: int) -> tuple[str | None, ...]:
    """One row's FIELDS."""
    longest = engine.rules.policy.limits.prompt_chars
    try:
        number = values["row"]
        place = int(number) if isinstance(number, int | float) and number == number else 0
        row = row_of(values, place, columns=Columns(), images=images, longest=longest)
        record = decide_row(engine, row, seed=seed)
    except BadRow as fault:
        return None, None, None, fault.reason, str(fault)
    rewrites = cast(list[str], record["rewrites"])
    return line(record), str(record["outcome"]), rewrites[0] if rewrites else row.text, None, None


def _functions() -> Any:
    try:
        from pyspark.sql import functions
    except ImportError:
        raise SettingsError("Spark needs pyspark; install it with: pip install 'evenhand[spark]'") from None
    return functions
