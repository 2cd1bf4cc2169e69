"""The real command in a process of its own: exit codes, what is printed where, no traceback."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
WORDING = """\
kind: wording
rules:
  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}
  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}
"""
ROLES = """\
kind: roles
rules:
  - id: workers
    match: [{one: doctor, many: doctors}]
    why: Anybody may do this work.
    examples: [{say: a doctor, vary: [gender]}]
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "policy.yaml").write_text(POLICY)
    shutil.copytree(ROOT / "rules/en/words", folder / "en/words")
    shutil.copy(ROOT / "rules/en/words.yaml", folder / "en")
    (folder / "en/wording.yaml").write_text(WORDING)
    (folder / "en/roles.yaml").write_text(ROLES)
    return folder


def run(*words: str | Path, stdin: bytes | None = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "evenhand", *map(str, words)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVENHAND_", "FORCE_COLOR"))}
    found = {**kept, "PYTHONPATH": str(ROOT / "app"), "COLUMNS": "100", **environment}
    done = subprocess.run(command, input=stdin, capture_output=True, env=found, timeout=60, check=False)
    assert b"Traceback" not in done.stderr + done.stdout
    return done


def text(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode()


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, text(done)) == (0, "evenhand 0.1.0\n")


def test_help_lists_the_commands() -> None:
    listed = text(run("--help"))
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
def test_unusable_input_is_exit_code_2(words: tuple[str, ...], told: bytes) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert told in done.stderr + done.stdout


def test_rewrite_prints_one_line_an_image(rules: Path) -> None:
    done = run("rewrite", "a doctor", "--images", "4", "--rules", rules)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(text(done).splitlines()) == ["a female doctor"] * 2 + ["a male doctor"] * 2


def test_rewrite_is_reproducible(rules: Path) -> None:
    one, other = (text(run("rewrite", "a doctor", "--seed", "7", "--rules", rules)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("words", [("rewrite", "-"), ("rewrite",)])
def test_rewrite_reads_standard_input(rules: Path, words: tuple[str, ...]) -> None:
    done = run(*words, "--rules", rules, stdin="a lake,\nwinter, caf\u00e9\n".encode())
    assert (done.returncode, text(done)) == (0, "a lake,\nwinter, caf\u00e9\n")


def test_rewrite_keeps_brackets_and_markup(rules: Path) -> None:
    prompt = "[bold]a lake[/bold] :smile: (x:1.3) " + "long " * 60
    assert text(run("rewrite", prompt, "--rules", rules)) == prompt + "\n"


def test_prompt_that_is_no_text(rules: Path) -> None:
    done = run("rewrite", "-", "--rules", rules, stdin=b"caf\xe9")
    assert done.returncode == 2
    assert b"is no UTF-8" in done.stderr


def test_prompt_that_is_too_long(rules: Path) -> None:
    done = run("rewrite", "-", "--rules", rules, stdin=b"x" * 33_000)
    assert done.returncode == 2
    assert b"33,000 characters; the policy allows 32,000" in done.stderr


@pytest.mark.parametrize("command", ["rewrite", "explain"])
def test_json_is_one_decision(rules: Path, command: str) -> None:
    record = json.loads(text(run(command, "a doctor", "--format", "json", "--rules", rules)))
    assert record["outcome"] == "rewritten"
    assert record["subjects"][0]["axes"]["gender"]["state"] == "open"


def test_explain_shows_axes_and_diff(rules: Path) -> None:
    shown = text(run("explain", "a doctor", "--rules", rules))
    assert "gender    open  drawn: " in shown
    assert "- a doctor\n+ a {+" in shown
    assert "\x1b" not in shown


def test_colours_can_be_refused(rules: Path) -> None:
    assert "\x1b[32m" not in text(run("explain", "a doctor", "--rules", rules, FORCE_COLOR="1", NO_COLOR="1"))


def test_check_says_what_there_is(rules: Path) -> None:
    done = run("check", "--rules", rules)
    assert done.returncode == 0
    assert re.fullmatch(r"[\d,]+ rules, [\d,]+ phrases, revision [0-9a-f]{8}, \d+ ms\n", text(done))
    assert json.loads(text(run("check", "--rules", rules, "--format", "json")))["problems"] == []


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "en").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "en/a.yaml").write_text(ROLES.replace("match", "mtch").replace("why", "whi"))
    return tmp_path


def test_check_tells_every_problem(broken: Path) -> None:
    done = run("check", "--rules", broken)
    assert done.returncode == 2
    assert "a.yaml:4:5: unknown key 'mtch'" in done.stderr.decode()
    assert "did you mean 'match'?" in done.stderr.decode()
    assert "a.yaml:5:5: unknown key 'whi'" in done.stderr.decode()


def test_check_tells_problems_as_json(broken: Path) -> None:
    done = run("check", "--rules", broken, "--format", "json")
    assert done.returncode == 2
    assert {"line": 4, "column": 5, "hint": "did you mean 'match'?"}.items() <= json.loads(text(done))["problems"][1].items()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No word but the doctor's."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "en").mkdir()
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "en/wording.yaml").write_text(WORDING)
    (folder / "en/roles.yaml").write_text(ROLES)
    return folder


def test_test_passes(few: Path) -> None:
    done = run("test", "--rules", few)
    assert (done.returncode, text(done)) == (0, "1 passed, 0 failed\n")
    assert "PASS " in text(run("test", "-v", "--rules", few))


def test_test_fails_with_wanted_and_got(few: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("topic: work\ncases:\n  - say: a doctor\n    vary: []\n")
    done = run("test", tmp_path / "c.yaml", "--rules", few)
    assert done.returncode == 1
    assert f"FAIL {tmp_path}/c.yaml:3  work: a doctor\n       wanted vary nothing, got gender\n" in text(done)
    assert text(done).endswith("1 passed, 1 failed\n")
    report = json.loads(text(run("test", tmp_path, "--rules", few, "--format", "json")))
    assert (report["passed"], report["failed"]) == (1, 1)


def test_test_fails_where_there_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    done = run("test", "--rules", tmp_path)
    assert done.returncode == 1
    assert b"there are no cases" in done.stderr


def test_coverage_is_told_in_both_forms(few: Path, tmp_path: Path) -> None:
    assert "1 of 1 rules decide a case (100.0%); 0 decide none\n" in text(run("test", "--coverage", "--rules", few))
    report = json.loads(text(run("test", "--coverage", "--rules", few, "--format", "json")))
    assert report["coverage"] == {"rules": 1, "share": 1.0, "untested": []}


DOCTOR = '{"head": "doctor", "start": 2, "end": 8, "gender": "period", "ethnicity": "either"}'
GOLD = f'{{"id": "g1", "prompt": "a doctor", "subjects": [{DOCTOR}]}}\n'


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    path.write_text(GOLD)
    return path


@pytest.mark.parametrize(("limit", "code"), [((), 0), (("--max-harm", "100"), 0), (("--max-harm", "99.5", "--max-idle", "0"), 1)])
def test_score_fails_above_a_limit_only(few: Path, gold: Path, limit: tuple[str, ...], code: int) -> None:
    done = run("score", gold, "--rules", few, *limit)
    assert done.returncode == code
    assert f"{gold}: 1 prompts  harm 100.00%  idle 0.00%  served 0.00%  mangled 0\n" in text(done)
    assert (b"harm 100.00% is above the limit of 99.5 %" in done.stderr) == bool(code)


def test_score_is_one_json_document(few: Path, gold: Path) -> None:
    report = json.loads(text(run("score", gold, gold, "--rules", few, "--format", "json")))
    assert [one["harm"] for one in report["files"]] == [1.0, 1.0]
    assert report["files"][0]["errors"][0]["axes"][0]["because"][0].startswith("'doctor' is a person by roles/workers (")


def test_score_tells_the_line_that_is_wrong(few: Path, gold: Path) -> None:
    gold.write_text(GOLD + "{\n")
    done = run("score", gold, "--rules", few)
    assert (done.returncode, text(done)) == (2, "")
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
def test_parity_fails_where_a_term_is_treated_unlike_its_fellows(few: Path, tmp_path: Path, known: str, code: int) -> None:
    shutil.copytree(few, tmp_path / "rules")
    (tmp_path / "rules/en/terms.yaml").write_text(TERMS if known or code else TERMS.split("---")[0])
    (tmp_path / "c.yaml").write_text(f"carriers: {{adjective: ['{{a}} {{term}} doctor']}}\n{known}\n")
    done = run("parity", "--rules", tmp_path / "rules", "--carriers", tmp_path / "c.yaml")
    assert done.returncode == code
    assert ("en/terms.yaml:4  'regal' (terms/queens) is treated unlike its fellows in 1 carrier" in text(done)) == bool(code)
    told = f"{code} exception{'' if code else 's'} in {code} term{'' if code else 's'}, {int(bool(known))} known"
    assert text(done).endswith(f"3 terms, 3 prompts: {told}\n")
    report = json.loads(text(run("parity", "--rules", tmp_path / "rules", "--carriers", tmp_path / "c.yaml", "--format", "json")))
    assert (len(report["exceptions"]), len(report["known"])) == (code, int(bool(known)))


@pytest.mark.parametrize("what", ["rules", "decision"])
def test_schema(what: str) -> None:
    done = run("schema", what)
    assert json.loads(text(done)) == json.loads((ROOT / f"schema/{what}.json").read_text(encoding="utf-8"))


def test_a_closed_pipe_is_no_fault(rules: Path) -> None:
    script = f"'{sys.executable}' -m evenhand rewrite --images 10 'a doctor' --rules '{rules}' | true"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment, timeout=60, check=False)
    assert done.stderr == b""


HEAVY = "spacy fastapi uvicorn aiohttp ruamel numpy"
LIGHT = f"import sys, evenhand.cli; print(*(name for name in '{HEAVY}'.split() if name in sys.modules))"


def test_the_command_line_alone_is_light() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, env=environment, timeout=60, check=True)
    assert done.stdout.strip() == b""
