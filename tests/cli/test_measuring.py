"""`score` and `parity` in a process of their own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(("limit", "code"), [((), 0), (("--max-harm", "100"), 0), (("--max-harm", "99.5", "--max-idle", "0"), 1)])
def test_score_fails_above_a_limit_only(run: Run, few: Path, gold: Path, limit: tuple[str, ...], code: int) -> None:
    done = run("score", gold, "--rules", few, *limit)
    assert done.returncode == code
    assert f"{gold}: 1 prompts  harm 100.00%  idle 0.00%  served 0.00%  mangled 0\n" in done.text
    assert (b"harm 100.00% is above the limit of 99.5 %" in done.stderr) == bool(code)


def test_score_is_one_json_document(run: Run, few: Path, gold: Path) -> None:
    report = json.loads(run("score", gold, gold, "--rules", few, "--format", "json").text)
    assert [one["harm"] for one in report["files"]] == [1.0, 1.0]
    assert report["files"][0]["errors"][0]["axes"][0]["because"][0].startswith("'doctor' is a person by roles/workers (")


def test_score_tells_the_line_that_is_wrong(run: Run, few: Path, gold: Path) -> None:
    gold.write_text(gold.read_text() + "{\n")
    done = run("score", gold, "--rules", few)
    assert (done.returncode, done.text) == (2, "")
    assert f"{gold}:2:1: the line is no JSON".encode() in done.stderr


TERMS = """\
kind: terms
rules:
  - id: queens
    match: [regal, queenly, ladylike]
    states: {gender: woman}
    why: It is said.
    examples: [{say: a regal doctor, vary: []}]
---
kind: collocations
rules:
  - {id: jelly, match: [regal doctor], why: A pudding., examples: [{say: a regal doctor, vary: []}]}
"""


@pytest.mark.parametrize(("known", "code"), [("", 0), ("known: [{terms: [regal], why: A pudding.}]", 0), ("", 1)])
def test_parity_fails_where_a_term_is_treated_unlike_its_fellows(
    run: Run, few: Path, tmp_path: Path, known: str, code: int
) -> None:
    shutil.copytree(few, tmp_path / "rules")
    (tmp_path / "rules/en/terms.yaml").write_text(TERMS if known or code else TERMS.split("---")[0])
    (tmp_path / "c.yaml").write_text(f"carriers: {{adjective: ['{{a}} {{term}} doctor']}}\n{known}\n")
    done = run("parity", "--rules", tmp_path / "rules", "--carriers", tmp_path / "c.yaml")
    assert done.returncode == code
    assert ("en/terms.yaml:4  'regal' (terms/queens) is treated unlike its fellows in 1 carrier" in done.text) == bool(code)
    told = f"{code} exception{'' if code else 's'} in {code} term{'' if code else 's'}, {int(bool(known))} known"
    assert done.text.endswith(f"3 terms, 3 prompts: {told}\n")
    report = json.loads(run("parity", "--rules", tmp_path / "rules", "--carriers", tmp_path / "c.yaml", "--format", "json").text)
    assert (len(report["exceptions"]), len(report["known"])) == (code, int(bool(known)))
