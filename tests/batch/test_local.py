"""Processes of our own: the same results whatever their number, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evenhand.batch.local import run_local
from evenhand.batch.run import Plan
from evenhand.errors import EvenhandError
from evenhand.rules import Ruleset

PROGRAM = """
import sys
from evenhand import load_rules
from evenhand.batch.layout import layout_of
from evenhand.batch.local import run_local
from evenhand.batch.row import Columns
from evenhand.batch.source import Input
from evenhand.batch.work import Job
if __name__ == "__main__":
    layout = layout_of("a.jsonl", given=None, option="")
    source = Input(path=sys.argv[1], layout=layout, columns=Columns())
    for done in run_local(source, Job(columns=Columns(), output=layout), load_rules(), after=0, workers=2):
        print(done.first, flush=True)
        sys.stdin.readline()
"""


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_nothing(
    corpus: Callable[..., Path], plan_of: Callable[..., Plan], small_rules: Ruleset, workers: int
) -> None:
    plan = plan_of(corpus(1_100), "-")
    one, many = (list(run_local(plan.source, plan.job, small_rules, after=0, workers=count)) for count in (1, workers))
    assert one == many
    assert [done.first for done in one] == [1, 257, 513, 769, 1025]


def test_rows_that_are_done_are_not_done_again(
    corpus: Callable[..., Path], plan_of: Callable[..., Plan], small_rules: Ruleset
) -> None:
    plan = plan_of(corpus(600), "-")
    whole = list(run_local(plan.source, plan.job, small_rules, after=0, workers=1))
    assert list(run_local(plan.source, plan.job, small_rules, after=256, workers=1)) == whole[1:]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are found through /proc")
def test_workers_die_with_a_parent_that_was_killed(corpus: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(corpus(20_000))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": _app()}
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"1\n"
        children = [int(each) for each in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
        assert len(children) >= 2
        parent.kill()
    assert _gone_soon(children)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are found through /proc")
def test_a_worker_that_is_killed_is_told_in_a_sentence(
    corpus: Callable[..., Path], plan_of: Callable[..., Plan], small_rules: Ruleset
) -> None:
    plan = plan_of(corpus(50_000), "-")
    before = _children()
    results = run_local(plan.source, plan.job, small_rules, after=0, workers=2)
    next(results)
    for child in _children() - before:
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    with pytest.raises(EvenhandError, match="a worker died, often for want of memory"):
        list(results)


def _children() -> set[int]:
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(each) for path in found for each in path.read_text().split()}


def _gone_soon(children: list[int]) -> bool:
    for _ in range(600):
        alive = [child for child in children if _runs(child)]
        if not alive:
            return True
        time.sleep(0.1)
    return False


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _app() -> str:
    return str(Path(__file__).parents[2] / "app")
