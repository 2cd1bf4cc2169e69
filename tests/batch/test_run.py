"""Whole runs over files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.batch import BadRow, Columns, decide_row
from evenhand.batch.encode import line
from evenhand.batch.row import Row
from evenhand.batch.run import Plan, run_batch
from evenhand.engine import Engine
from evenhand.errors import EvenhandError, SettingsError
from evenhand.rules import Ruleset

Corpus = Callable[..., Path]
PlanOf = Callable[..., Plan]


class Stopped(EvenhandError):
    pass


def stopping(after: int) -> Callable[[Any, int], None]:
    def tell(progress: Any, position: int) -> None:
        if progress.rows >= after:
            raise Stopped

    return tell


def needs(kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'batch')")


def test_a_file_is_the_row_function_over_its_rows(
    corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, small_engine: Engine, tmp_path: Path
) -> None:
    source = corpus(600)
    run_batch(plan_of(source, tmp_path / "out.jsonl", seed=3), small_rules)
    rows = [json.loads(each) for each in source.read_text().splitlines()]
    expected = [
        line(decide_row(small_engine, Row(number=at, text=row["prompt"], ref=row["ref"]), seed=3))
        for at, row in enumerate(rows, 1)
    ]
    assert (tmp_path / "out.jsonl").read_text().splitlines() == expected


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "csv", "tsv.gz", "parquet"])
def test_a_broken_off_run_goes_on_to_the_same_bytes(
    corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path, kind: str
) -> None:
    needs(kind)
    lines = [{"prompt": "a doctor"}, {"prompt": ""}, b"\xff", {"prompt": "two nurses", "images": 2}] * 300
    source = corpus(lines=lines)
    whole, broken = tmp_path / f"whole.{kind}", tmp_path / f"broken.{kind}"
    first = run_batch(plan_of(source, whole), small_rules)
    for after in (256, 512):
        with pytest.raises(Stopped):
            run_batch(plan_of(source, broken), small_rules, tell=stopping(after))
        assert not broken.exists()
    second = run_batch(plan_of(source, broken, workers=2), small_rules)
    assert broken.read_bytes() == whole.read_bytes()
    assert Path(f"{broken}.bad.jsonl").read_bytes() == Path(f"{whole}.bad.jsonl").read_bytes()
    assert second.progress.tally == first.progress.tally
    assert (second.resumed, second.progress.rows) == (512, 1_200)
    assert second.bad == {"empty": 300, "encoding": 300}
    assert sorted(path.name for path in tmp_path.glob("broken*")) == [f"broken.{kind}", f"broken.{kind}.bad.jsonl"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_outputs_are_inputs_and_draw_the_same(
    corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path, kind: str
) -> None:
    needs(kind)
    source = corpus(300)
    run_batch(plan_of(source, tmp_path / "one.jsonl"), small_rules)
    run_batch(plan_of(source, tmp_path / f"table.{kind}"), small_rules)
    run_batch(plan_of(tmp_path / f"table.{kind}", tmp_path / "other.jsonl"), small_rules)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "other.jsonl").read_bytes()


def test_named_columns(corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path) -> None:
    source = corpus(lines=[{"text": "a doctor", "id": 7, "n": 2, "s": 5, "style": "oil"}])
    columns = Columns(prompt="text", ref="id", images="n", seed="s", keep=("style",))
    run_batch(plan_of(source, tmp_path / "out.jsonl", columns=columns), small_rules)
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert (row["ref"], row["seed"], len(row["rewrites"]), row["input"]) == ("7", 5, 2, {"style": "oil"})


def test_every_bad_row_is_named_and_no_good_one_is_lost(
    corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path
) -> None:
    lines = [{"prompt": "a doctor"}, {}, {"prompt": 1}, {"prompt": "x" * 1_000_000}, b"\xff", b"", {"prompt": "a lake"}]
    summary = run_batch(plan_of(corpus(lines=lines), tmp_path / "out.jsonl"), small_rules)
    good = [json.loads(each)["row"] for each in (tmp_path / "out.jsonl").read_text().splitlines()]
    bad = [json.loads(each) for each in (tmp_path / "out.jsonl.bad.jsonl").read_text().splitlines()]
    assert good == [1, 7]
    assert [(each["row"], each["reason"]) for each in bad] == [
        (2, "missing"),
        (3, "not_text"),
        (4, "too_long"),
        (5, "encoding"),
        (6, "empty"),
    ]
    assert sum(summary.bad.values()) == 5


def test_an_empty_input_is_an_empty_output(corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path) -> None:
    assert run_batch(plan_of(corpus(0), tmp_path / "out.jsonl"), small_rules).progress.rows == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_finished_output_stays(corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path) -> None:
    plan = plan_of(corpus(3), tmp_path / "out.jsonl")
    run_batch(plan, small_rules)
    with pytest.raises(SettingsError, match="is there already"):
        run_batch(plan, small_rules)
    run_batch(plan_of(corpus(2), tmp_path / "out.jsonl", force=True), small_rules)
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("change", ["seed", "images", "input", "rules"])
def test_a_run_goes_on_only_as_it_was(
    corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, shipped: Ruleset, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(Stopped):
        run_batch(plan_of(corpus(600), out), small_rules, tell=stopping(1))
    plan = plan_of(corpus(601 if change == "input" else 600), out, **{change: 2} if change in ("seed", "images") else {})
    os.utime(plan.source.path, ns=(1, 1))
    with pytest.raises(SettingsError, match="a run with other settings was broken off here"):
        run_batch(plan, shipped if change == "rules" else small_rules)


def test_input_and_output_are_two_files(corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset) -> None:
    source = corpus(3)
    with pytest.raises(SettingsError, match="is the input; name another output"):
        run_batch(plan_of(source, source, force=True), small_rules)
    assert len(source.read_text().splitlines()) == 3


def test_unusable_input_leaves_nothing(plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\na doctor\n")
    for name in ("in.csv", "none.jsonl"):
        with pytest.raises(SettingsError):
            run_batch(plan_of(tmp_path / name, tmp_path / "out.jsonl"), small_rules)
    assert os.listdir(tmp_path) == ["in.csv"]


def test_a_device_is_written_to_like_a_pipe(corpus: Corpus, plan_of: PlanOf, small_rules: Ruleset, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    plan = plan_of(corpus(lines=[b"{"]), tmp_path / "x.jsonl", bad=str(bad))
    summary = run_batch(Plan(source=plan.source, job=plan.job, out="/dev/null", bad=str(bad), workers=1), small_rules)
    assert summary.bad == {"json": 1}
    assert json.loads(bad.read_text())["row"] == 1


def test_bad_rows_are_errors_of_ours() -> None:
    assert issubclass(BadRow, EvenhandError)
