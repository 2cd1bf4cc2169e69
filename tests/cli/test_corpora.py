"""`evenhand batch` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., Any]


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: object, name: str = "in.jsonl", times: int = 1) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) * times)
        return path

    return write


def test_a_file_of_prompts(run: Run, rules: Path, corpus: Callable[..., Path], tmp_path: Path) -> None:
    source = corpus({"prompt": "a doctor", "ref": "x"}, {"prompt": "a lake"})
    done = run("batch", source, tmp_path / "out.jsonl", "--rules", rules, "--workers", "1")
    assert (done.returncode, done.stdout) == (0, b"")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["row"], row["outcome"]) for row in rows] == [(1, "rewritten"), (2, "unchanged")]
    told = " ".join(done.stderr.decode().split())
    assert "rows 2 " in told
    assert "rewritten 1 unchanged 1 rows a second" in told
    assert "axis value drawn share target" in told
    assert "gender woman" in told


def test_bad_rows_are_exit_code_1(run: Run, rules: Path, corpus: Callable[..., Path], tmp_path: Path) -> None:
    source = corpus({"prompt": "a doctor"}, {"prompt": "", "ref": "mine"})
    done = run("batch", source, tmp_path / "out.jsonl", "--rules", rules, "--workers", "1", "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.text)["bad_by_reason"] == {"empty": 1}
    bad = json.loads((tmp_path / "out.jsonl.bad.jsonl").read_text())
    assert bad == {"row": 2, "reason": "empty", "detail": "the column 'prompt' is empty", "ref": "mine"}


def test_pipes(run: Run, rules: Path) -> None:
    stdin = b'prompt,n\r\na doctor,2\r\n,1\r\n"a lake,\nfog",\r\n'
    words = ("batch", "-", "-", "--input-format", "csv", "--images-column", "n", "--rules", rules, "--format", "json")
    done = run(*words, stdin=stdin)
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert [(row["row"], row["prompt"], len(row["rewrites"])) for row in rows] == [(1, "a doctor", 2), (3, "a lake,\nfog", 0)]
    bad, summary = [json.loads(line) for line in done.stderr.decode().splitlines()]
    assert (bad["row"], summary["rows"]) == (2, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.jsonl", "out.jsonl"), "none.jsonl: No such file or directory"),
        (("in.jsonl", "out.txt"), "out.txt: its suffix names no kind of file"),
        (("in.jsonl", "-", "--output-format", "parquet"), "can't go through a pipe"),
        (("in.jsonl", "in.jsonl"), "is the input; name another output"),
        (("in.jsonl", "none/out.jsonl"), "No such file or directory"),
        (("in.csv", "out.jsonl"), "there is no column 'prompt'"),
        (("in.csv", "out.csv", "--column", "text", "--keep", "row"), "--keep row: the output has a column of that name"),
        (("in.jsonl", "out.jsonl", "--images", "11"), "less than or equal to 10"),
    ],
)
def test_unusable_input_is_exit_code_2(
    run: Run, rules: Path, corpus: Callable[..., Path], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    corpus({"prompt": "a doctor"})
    (tmp_path / "in.csv").write_text("text,row\na doctor,1\n")
    paths = [tmp_path / word if word.partition(".")[0].startswith(("in", "out", "none")) else word for word in words]
    done = run("batch", *paths, "--rules", rules, "--workers", "1")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.decode().split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "in.jsonl"]


def test_a_finished_output_is_not_overwritten(run: Run, rules: Path, corpus: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    words = ("batch", corpus({"prompt": "a doctor"}), tmp_path / "out.jsonl", "--rules", rules, "--workers", "1")
    done = run(*words)
    assert (done.returncode, (tmp_path / "out.jsonl").read_text()) == (2, "mine")
    assert b"is there already" in done.stderr
    assert run(*words, "--force").returncode == 0


def test_a_bar_where_it_is_asked_for(run: Run, rules: Path, corpus: Callable[..., Path], tmp_path: Path) -> None:
    source = corpus({"prompt": "a doctor"}, times=300)
    done = run("batch", source, tmp_path / "out.jsonl", "--rules", rules, "--workers", "1", "--progress")
    assert "300 rows" in done.stderr.decode()
    assert "100%" in done.stderr.decode()


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(
    run: Run, rules: Path, corpus: Callable[..., Path], tmp_path: Path, signal_number: signal.Signals
) -> None:
    source = corpus({"prompt": "a doctor"}, {"prompt": ""}, {"prompt": "doctors on a ferry, one of them asleep"}, times=1_500)
    words = ("--rules", str(rules), "--format", "json", "--workers", "2")
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert run("batch", source, whole, *words).returncode == 1
    stop(["batch", str(source), str(out), *words], tmp_path / "out.jsonl.progress", signal_number)
    assert not out.exists()
    done = run("batch", source, out, *words)
    assert json.loads(done.text)["resumed_rows"] > 0
    assert out.read_bytes() == whole.read_bytes()
    assert Path(f"{out}.bad.jsonl").read_bytes() == Path(f"{whole}.bad.jsonl").read_bytes()


def stop(words: list[str], journal: Path, signal_number: signal.Signals) -> None:
    """Sends a signal once some rows are done."""
    command = [sys.executable, "-m", "evenhand", *words]
    found = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=found) as process:
        while process.poll() is None and not (journal.exists() and json.loads(journal.read_text())["progress"]["rows"]):
            time.sleep(0.01)
        process.send_signal(signal_number)
        _, told = process.communicate(timeout=60)
    assert b"Traceback" not in told
    assert (b"stopped; the same command goes on where it stopped" in told) == (signal_number == signal.SIGINT)
    assert process.returncode in (130, -signal_number)


def test_nobody_reads_on(rules: Path, corpus: Callable[..., Path]) -> None:
    source = corpus({"prompt": "a doctor"}, times=3_000)
    command = [sys.executable, "-m", "evenhand", "batch", str(source), "-", "--rules", str(rules), "--workers", "1"]
    found = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=found) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (1, b"")
