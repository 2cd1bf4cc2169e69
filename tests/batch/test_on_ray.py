"""Ray Data gives the bytes the local engine gives. Runs where Ray is installed (extra 'ray')."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evenhand.batch.on_ray import run_ray
from evenhand.batch.run import Plan
from evenhand.errors import SettingsError
from evenhand.rules import Ruleset

HAS_RAY = importlib.util.find_spec("ray") is not None
with_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed (extra 'ray')")
without_ray = pytest.mark.skipif(HAS_RAY, reason="Ray is installed")


def batch(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENHAND_")}
    settings = {"PYTHONPATH": str(Path(__file__).parents[2] / "app"), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-m", "evenhand", "batch", *map(str, words)]
    return subprocess.run(command, capture_output=True, env=kept | settings, check=False, timeout=300)


@with_ray
@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz"])
def test_same_bytes_as_the_local_engine(corpus: Callable[..., Path], small_folder: Path, tmp_path: Path, kind: str) -> None:
    lines = [{"prompt": "a doctor"}, {"prompt": "two nurses", "ref": "n", "images": 2}, b"\xff", {"prompt": ""}] * 400
    source = corpus(lines=lines)
    outs = {engine: tmp_path / f"{engine}.{kind}" for engine in ("local", "ray")}
    for engine, out in outs.items():
        done = batch(
            source, out, "--engine", engine, "--seed", "4", "--rules", small_folder, "--workers", "2", "--format", "json"
        )
        assert done.returncode == 1, done.stderr.decode()
        assert json.loads(done.stdout)["bad"] == 800
    assert outs["ray"].read_bytes() == outs["local"].read_bytes()
    sides = [Path(f"{out}.bad.jsonl").read_bytes() for out in outs.values()]
    assert sides[0] == sides[1]


@with_ray
def test_unusable_input_is_told_before_a_cluster_starts(small_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nx\n")
    done = batch(tmp_path / "in.csv", tmp_path / "out.jsonl", "--engine", "ray", "--rules", small_folder)
    assert done.returncode == 2
    assert b"there is no column 'prompt'" in done.stderr


@without_ray
def test_where_ray_is_missing_the_extra_is_named(
    corpus: Callable[..., Path], plan_of: Callable[..., Plan], small_rules: Ruleset
) -> None:
    plan = plan_of(corpus(1), "-")
    with pytest.raises(SettingsError, match=r"install it with: pip install 'evenhand\[ray\]'"):
        list(run_ray(plan.source, plan.job, small_rules, after=0, workers=1, address=None))


def test_a_pipe_can_not_be_read_by_a_cluster(plan_of: Callable[..., Plan], small_rules: Ruleset) -> None:
    plan = plan_of(Path("-"), "-")
    with pytest.raises(SettingsError, match="save the pipe's data first"):
        list(run_ray(plan.source, plan.job, small_rules, after=0, workers=1, address=None))
