"""`rewrite` and `explain` in a process of their own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_rewrite_prints_one_line_an_image(run: Run, rules: Path) -> None:
    done = run("rewrite", "a doctor", "--images", "4", "--rules", rules)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(done.text.splitlines()) == ["a female doctor"] * 2 + ["a male doctor"] * 2


def test_rewrite_is_reproducible(run: Run, rules: Path) -> None:
    one, other = (run("rewrite", "a doctor", "--seed", "7", "--rules", rules).text for _ in range(2))
    assert one == other


@pytest.mark.parametrize("words", [("rewrite", "-"), ("rewrite",)])
def test_rewrite_reads_standard_input(run: Run, rules: Path, words: tuple[str, ...]) -> None:
    done = run(*words, "--rules", rules, stdin="a lake,\nwinter, caf\u00e9\n".encode())
    assert (done.returncode, done.text) == (0, "a lake,\nwinter, caf\u00e9\n")


def test_rewrite_keeps_brackets_and_markup(run: Run, rules: Path) -> None:
    prompt = "[bold]a lake[/bold] :smile: (x:1.3) " + "long " * 60
    assert run("rewrite", prompt, "--rules", rules).text == prompt + "\n"


def test_prompt_that_is_no_text(run: Run, rules: Path) -> None:
    done = run("rewrite", "-", "--rules", rules, stdin=b"caf\xe9")
    assert done.returncode == 2
    assert b"is no UTF-8" in done.stderr


def test_prompt_that_is_too_long(run: Run, rules: Path) -> None:
    done = run("rewrite", "-", "--rules", rules, stdin=b"x" * 33_000)
    assert done.returncode == 2
    assert b"33,000 characters; the policy allows 32,000" in done.stderr


@pytest.mark.parametrize("command", ["rewrite", "explain"])
def test_json_is_one_decision(run: Run, rules: Path, command: str) -> None:
    record = json.loads(run(command, "a doctor", "--format", "json", "--rules", rules).text)
    assert record["outcome"] == "rewritten"
    assert record["subjects"][0]["axes"]["gender"]["state"] == "open"


def test_explain_shows_axes_and_diff(run: Run, rules: Path) -> None:
    shown = run("explain", "a doctor", "--rules", rules).text
    assert "gender    open  drawn: " in shown
    assert "- a doctor\n+ a {+" in shown
    assert "\x1b" not in shown


def test_colours_can_be_refused(run: Run, rules: Path) -> None:
    assert "\x1b[32m" not in run("explain", "a doctor", "--rules", rules, FORCE_COLOR="1", NO_COLOR="1").text


PARTS = """\
kind: policy
axes: {gender: {woman: 50, man: 50}}
routes: {openai.images.edits: {mode: shadow}}
tenants: {film: {axes: {gender: {woman: 100, man: 0}}}, rest: {mode: "off"}}
"""


@pytest.mark.parametrize(
    ("words", "outcome", "drawn"),
    [
        (("--tenant", "film"), "rewritten", "a female doctor"),
        (("--route", "openai.images.edits", "--tenant", "film"), "shadow", "a female doctor"),
        (("--tenant", "rest"), "opted_out", ""),
    ],
)
def test_routes_and_tenants_have_their_own_policy(
    run: Run, rules: Path, tmp_path: Path, words: tuple[str, ...], outcome: str, drawn: str
) -> None:
    shutil.copytree(rules, tmp_path / "rules")
    (tmp_path / "rules/policy.yaml").write_text(PARTS)
    told = run("explain", "a doctor", "--rules", tmp_path / "rules", *words).text
    assert outcome in told.split("\n")[1]
    assert drawn.replace("female ", "{+female+} ") in told
    sent = run("rewrite", "a doctor", "--rules", tmp_path / "rules", *words).text
    assert sent == (f"{drawn}\n" if outcome == "rewritten" else "a doctor\n")
