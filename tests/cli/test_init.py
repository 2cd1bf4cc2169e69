"""The whole command: usage, version, pipes, no traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.returncode, done.text) == (0, "evenhand 0.1.0\n")


def test_help_lists_the_commands(run: Run) -> None:
    listed = run("--help").text
    assert all(
        f"  {name} " in listed for name in ("serve", "demo", "rewrite", "explain", "check", "test", "score", "parity", "schema")
    )


USAGE = [
    ((), b"Usage"),
    (("bogus",), b"No such command 'bogus'"),
    (("rewrite", "x", "--images", "0"), b"--images"),
    (("rewrite", "x", "--images", "11"), b"--images"),
    (("rewrite", "x", "--seed", "-1"), b"--seed"),
    (("rewrite", "x", "--seed", "many"), b"--seed"),
    (("rewrite", "x", "--format", "xml"), b"--format"),
    (("rewrite", ""), b"the prompt is empty; give it some words"),
    (("schema",), b"Missing argument"),
    (("check", "--rules", "/nowhere"), b"there is no folder '/nowhere'"),
    (("test", "--rules", "/nowhere"), b"there is no folder '/nowhere'"),
    (("score",), b"Missing argument"),
    (("score", "/nowhere.jsonl"), b"/nowhere.jsonl:1:1: '/nowhere.jsonl' can't be read"),
    (("score", "x", "--max-harm", "101"), b"--max-harm"),
    (("parity", "--carriers", "/nowhere.yaml"), b"/nowhere.yaml:1:1: '/nowhere.yaml' can't be read"),
    (("parity", "--rules", "/nowhere"), b"there is no folder '/nowhere'"),
    (("rewrite", "x", "--rules", "/nowhere"), b"there is no folder '/nowhere'"),
    (("serve", "--rules", "/nowhere", "--port", "0", "--admin-port", "0"), b"there is no folder '/nowhere'"),
    (("serve", "--upstream", "ftp://x"), b"--upstream 'ftp://x'"),
    (("serve", "--port", "70000"), b"--port"),
    (("demo", "--port", "8123", "--admin-port", "8123"), b"both 8123"),
]


@pytest.mark.parametrize(("words", "told"), USAGE)
def test_unusable_input_is_exit_code_2(run: Run, words: tuple[str, ...], told: bytes) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert told in done.stderr + done.stdout


def test_a_closed_pipe_is_no_fault(rules: Path) -> None:
    script = f"'{sys.executable}' -m evenhand rewrite --images 10 'a doctor' --rules '{rules}' | true"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment, timeout=60, check=False)
    assert done.stderr == b""


HEAVY = "spacy fastapi uvicorn httptools ruamel numpy"


LIGHT = f"import sys, evenhand.cli; print(*(name for name in '{HEAVY}'.split() if name in sys.modules))"


def test_the_command_line_alone_is_light() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, env=environment, timeout=60, check=True)
    assert done.stdout.strip() == b""
