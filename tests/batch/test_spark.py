"""The Spark UDF gives the records the local engine writes. Runs where pyspark and Java are (extra 'spark')."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from evenhand.batch.encode import line
from evenhand.batch.row import BadRow, Columns, decide_row, row_of
from evenhand.batch.run import Plan, run_batch
from evenhand.batch.spark import FIELDS, NAMES, rewrite, settled
from evenhand.engine import Engine
from evenhand.errors import SettingsError
from evenhand.rules import Ruleset

HAS_SPARK = importlib.util.find_spec("pyspark") is not None and importlib.util.find_spec("pandas") is not None
HAS_JAVA = bool(shutil.which("java") or os.environ.get("JAVA_HOME"))
PROGRAM = """
import json, os, sys
from pathlib import Path
from pyspark.sql import SparkSession
from evenhand.batch.spark import rewrite
os.environ["PYSPARK_PYTHON"] = sys.executable
rows = [json.loads(line) for line in open(sys.argv[1])]
cells = [(at, row.get("prompt"), row.get("ref"), row.get("images"), row.get("seed")) for at, row in enumerate(rows, 1)]
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
frame = spark.createDataFrame(cells, "row long, prompt string, ref string, images int, seed long").repartition(3)
decided = rewrite(frame, ref="ref", row="row", images="images", seed=4, seed_column="seed", rules=Path(sys.argv[3]))
found = sorted((each.row, each.decision.record) for each in decided.select("row", "decision").collect())
Path(sys.argv[2]).write_text("".join(record + "\\n" for _, record in found if record), encoding="utf-8")
spark.stop()
"""


@pytest.mark.skipif(not HAS_SPARK, reason="pyspark and pandas are not installed (extra 'spark')")
@pytest.mark.skipif(not HAS_JAVA, reason="there is no Java")
def test_same_bytes_as_the_local_engine(
    corpus: Callable[..., Path], plan_of: Callable[..., Plan], small_rules: Ruleset, small_folder: Path, tmp_path: Path
) -> None:
    rows = [
        {"prompt": "a doctor"},
        {"prompt": "two nurses, café", "ref": "n", "images": 2},
        {"prompt": ""},
        {"prompt": "an engineer", "seed": 9},
    ]
    source = corpus(lines=rows * 100)
    summary = run_batch(plan_of(source, tmp_path / "local.jsonl", seed=4), small_rules)
    assert summary.bad == {"empty": 100}
    command = [sys.executable, "-c", PROGRAM, str(source), str(tmp_path / "spark.jsonl"), str(small_folder)]
    kept = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "app"), "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(command, capture_output=True, env=kept, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    assert (tmp_path / "spark.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("prompt", "row", "images"), [("a doctor", 3, None), ("two nurses", 3.0, 2.0), ("a lake", 3, float("nan"))]
)
def test_one_row_of_a_frame(small_engine: Engine, prompt: str, row: object, images: object) -> None:
    values = dict(zip(NAMES, (prompt, row, None, images, None), strict=True))
    told = dict(zip(FIELDS, settled(values, small_engine, seed=7, images=1), strict=True))
    expected = decide_row(small_engine, row_of(values, 3, columns=Columns(), images=1, longest=1_000), seed=7)
    rewrites = cast(list[str], expected["rewrites"])
    assert told["record"] == line(expected)
    assert told["rewrite"] == (rewrites[0] if rewrites else prompt)
    assert (told["outcome"], told["reason"]) == (expected["outcome"], None)


def test_a_bad_row_of_a_frame(small_engine: Engine) -> None:
    values = dict(zip(NAMES, (None, 3, None, None, None), strict=True))
    assert settled(values, small_engine, seed=7, images=1) == (None, None, None, "missing", "the column 'prompt' is missing")
    with pytest.raises(BadRow):
        row_of(values, 3, columns=Columns(), images=1, longest=9)


def test_rows_need_something_that_tells_them_apart() -> None:
    with pytest.raises(SettingsError, match="name a column as ref= or row= that tells them apart"):
        rewrite(None)  # type: ignore[arg-type]


@pytest.mark.skipif(HAS_SPARK, reason="pyspark is installed")
def test_where_spark_is_missing_the_extra_is_named() -> None:
    with pytest.raises(SettingsError, match=r"install it with: pip install 'evenhand\[spark\]'"):
        rewrite(None, ref="id")  # type: ignore[arg-type]
