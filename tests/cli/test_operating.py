"""`diff` and `report` in a process of their own, on folders, logs, archives, databases and Parquet files."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SITTER = """\
kind: terms
rules:
  - id: seated
    match: [seated]
    closes: [gender]
    why: For the test.
    examples: [{say: a seated doctor, leave: all}]
"""


@pytest.fixture
def changed(few: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "changed"
    shutil.copytree(few, folder)
    (folder / "en/terms.yaml").write_text(SITTER)
    return folder


@pytest.fixture
def log(run: Run, few: Path, tmp_path: Path) -> Path:
    """A decision with its prompt, one without, and a torn line."""
    record = json.loads(run("rewrite", "a seated doctor", "--seed", "3", "--rules", few, "--format", "json").text)
    course = {"timestamp": "2026-01-02T03:04:05.000Z", "route": "rewrite", "status": 200, "upstream_status": 200}
    lines = [{**record, **course}, {**record, **course, "prompt": "", "masked": ["/prompt"]}]
    path = tmp_path / "decisions.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"id": "to')
    return path


def test_diff_of_a_folder_with_itself(run: Run, few: Path) -> None:
    done = run("diff", few, few)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.text.endswith(": 0 of 1 prompt decided otherwise\n")


def test_diff_takes_the_examples_of_both_and_names_the_rule(run: Run, few: Path, changed: Path) -> None:
    done = run("diff", few, changed)
    assert done.returncode == 1
    assert "1 of 2 prompts decided otherwise" in done.text
    assert f"\nterms/seated ({changed}/en/terms.yaml:3), only in NEW: 1 prompt (closed 1)\n  a seated doctor\n" in done.text
    assert "      'doctor' gender: open -> closed by terms/seated\n    - a seated " in done.text


def test_diff_of_a_log_says_what_it_could_not_compare(run: Run, few: Path, changed: Path, log: Path) -> None:
    done = run("diff", few, changed, "--log", log)
    assert done.returncode == 1
    assert "1 of 1 prompt decided otherwise" in done.text
    assert "1 line had the prompt erased and can't be compared" in done.text
    assert f"{log}:3: the line is no JSON" in done.text
    told = json.loads(run("diff", few, changed, "--log", log, "--format", "json").text)
    assert (told["prompts"], told["changed"], told["skipped"]["erased"], told["skipped"]["unread"]) == (1, 1, 1, 1)
    assert told["rules"][0]["examples"][0]["seed"] == 3


def test_diff_of_cases(run: Run, few: Path, changed: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("cases:\n  - {say: a seated doctor, vary: [gender]}\n  - {say: a lake, vary: []}\n")
    assert "1 of 2 prompts" in run("diff", few, changed, "--cases", tmp_path / "c.yaml").text


def test_diff_with_nothing_to_compare_is_unusable(run: Run, few: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    done = run("diff", few, few, "--log", tmp_path / "empty.jsonl")
    assert done.returncode == 2
    assert b"there is no prompt to compare" in done.stderr
    missing = run("diff", few, few, "--log", tmp_path / "no.jsonl")
    assert (missing.returncode, b"can't be read" in missing.stderr) == (2, True)
    assert run("diff", few, tmp_path / "no").returncode == 2


@pytest.mark.parametrize("packed", [False, True])
def test_report_makes_one_page(run: Run, few: Path, log: Path, tmp_path: Path, packed: bool) -> None:
    if packed:
        log.write_bytes(gzip.compress(log.read_bytes()))
    done = run("report", log, "--out", tmp_path / "r.html", "--rules", few)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.text == f"{tmp_path}/r.html: 2 lines, 1 could not be read\n"
    page = (tmp_path / "r.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<svg" in page


def test_report_tells_the_same_as_json(run: Run, few: Path, log: Path) -> None:
    told = json.loads(run("report", log, "--format", "json", "--rules", few).text)
    assert (told["coverage"]["lines"], told["coverage"]["unread_lines"]) == (2, 1)
    assert told["outcomes"][0]["label"] == "rewritten"
    assert told["drawn"][0]["target"] == 0.5


def test_report_of_a_log_with_nothing_in_it(run: Run, few: Path, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text("torn\n")
    done = run("report", tmp_path / "d.jsonl", "--rules", few)
    assert done.returncode == 2
    assert b"there is no decision in " in done.stderr
    assert b"the line is no JSON" in done.stderr


def test_report_that_cannot_be_written(run: Run, few: Path, log: Path, tmp_path: Path) -> None:
    done = run("report", log, "--rules", few, "--out", tmp_path / "no/r.html")
    assert (done.returncode, b"name another file with --out" in done.stderr) == (2, True)


def test_a_password_in_a_url_is_never_shown(run: Run, few: Path) -> None:
    done = run("report", "postgresql://me:hunter2@127.0.0.1:1/db?x=hunter2", "--rules", few)
    assert done.returncode == 2
    assert b"127.0.0.1" in done.stderr
    assert b"hunter2" not in done.stderr + done.stdout


def test_without_the_extra_the_figures_can_still_be_had(run: Run, few: Path, log: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not installed')\n")
    hidden = f"{tmp_path}:{Path(__file__).parent.parent.parent / 'app'}"
    done = run("report", log, "--rules", few, PYTHONPATH=hidden)
    assert (done.returncode, b"pip install 'evenhand[report]'" in done.stderr) == (2, True)
    assert run("report", log, "--rules", few, "--format", "json", PYTHONPATH=hidden).returncode == 0
