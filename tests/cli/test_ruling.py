"""`check`, `test` and `schema` in a process of their own."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent
POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"


def test_check_says_what_there_is(run: Run, rules: Path) -> None:
    done = run("check", "--rules", rules)
    assert done.returncode == 0
    assert re.fullmatch(r"[\d,]+ rules, [\d,]+ phrases, revision [0-9a-f]{8}, \d+ ms\n", done.text)
    assert json.loads(run("check", "--rules", rules, "--format", "json").text)["problems"] == []


def test_check_tells_every_problem(run: Run, broken: Path) -> None:
    done = run("check", "--rules", broken)
    assert done.returncode == 2
    assert "a.yaml:4:5: unknown key 'mtch'" in done.stderr.decode()
    assert "did you mean 'match'?" in done.stderr.decode()
    assert "a.yaml:5:5: unknown key 'whi'" in done.stderr.decode()


def test_check_tells_problems_as_json(run: Run, broken: Path) -> None:
    done = run("check", "--rules", broken, "--format", "json")
    assert done.returncode == 2
    assert {"line": 4, "column": 5, "hint": "did you mean 'match'?"}.items() <= json.loads(done.text)["problems"][1].items()


def test_test_passes(run: Run, few: Path) -> None:
    done = run("test", "--rules", few)
    assert (done.returncode, done.text) == (0, "1 passed, 0 failed\n")
    assert "PASS " in run("test", "-v", "--rules", few).text


def test_test_fails_with_wanted_and_got(run: Run, few: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("topic: work\ncases:\n  - say: a doctor\n    vary: []\n")
    done = run("test", tmp_path / "c.yaml", "--rules", few)
    assert done.returncode == 1
    assert f"FAIL {tmp_path}/c.yaml:3  work: a doctor\n       wanted vary nothing, got gender\n" in done.text
    assert done.text.endswith("1 passed, 1 failed\n")
    report = json.loads(run("test", tmp_path, "--rules", few, "--format", "json").text)
    assert (report["passed"], report["failed"]) == (1, 1)


def test_test_fails_where_there_is_no_case(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    done = run("test", "--rules", tmp_path)
    assert done.returncode == 1
    assert b"there are no cases" in done.stderr


def test_coverage_is_told_in_both_forms(run: Run, few: Path, tmp_path: Path) -> None:
    assert "1 of 1 rules decide a case (100.0%); 0 decide none\n" in run("test", "--coverage", "--rules", few).text
    report = json.loads(run("test", "--coverage", "--rules", few, "--format", "json").text)
    assert report["coverage"] == {"rules": 1, "share": 1.0, "untested": []}


@pytest.mark.parametrize("what", ["rules", "decision", "log"])
def test_schema(run: Run, what: str) -> None:
    done = run("schema", what)
    assert json.loads(done.text) == json.loads((ROOT / f"schema/{what}.json").read_text(encoding="utf-8"))
