import asyncio
import gc
from pathlib import Path

import pytest

from evenhand.engine import Engine
from evenhand.errors import RuleError
from evenhand.flow import Prompt
from evenhand.proxy.admin.aside import RefusedRulesError, compile_aside, loaded_aside, tried, undisturbed
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder

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
    examples:
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "en").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "en/wording.yaml").write_text(WORDING)
    (tmp_path / "en/roles.yaml").write_text(ROLES + "      - {say: a doctor, vary: [gender]}\n")
    return tmp_path


async def test_the_other_process_compiles_the_same_rules(folder: Path) -> None:
    apart, here = await compile_aside(folder), compile_rules(load_folder(folder))
    assert (apart.revision, apart.places) == (here.revision, here.places)
    prompt = Prompt(text="a doctor and another doctor", seed=3)
    assert Engine(apart).decide(prompt).texts == Engine(here).decide(prompt).texts


async def test_what_is_wrong_comes_back_with_its_place(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace("axes", "axis"))
    with pytest.raises(RefusedRulesError, match=r"policy\.yaml:2:1: .*axis"):
        await compile_aside(folder)


def test_failing_examples_are_told_up_to_five(folder: Path) -> None:
    lines = "".join(f"      - {{say: a doctor with {day} books, leave: all}}\n" for day in range(8))
    (folder / "en/roles.yaml").write_text(ROLES + lines)
    with pytest.raises(RefusedRulesError) as refused:
        tried(folder)
    told = str(refused.value).splitlines()
    assert told[0] == "8 of 8 examples of the rules fail:"
    assert told[1].endswith(
        "en/roles.yaml:7: 'a doctor with 0 books': wanted nothing varied, got gender varied; 'doctor' gender is varied"
    )
    assert (len(told), told[-1]) == (7, "and 3 more")


async def test_it_ends_in_time(folder: Path) -> None:
    with pytest.raises(RefusedRulesError, match=r"longer than 0\.01 s"):
        await compile_aside(folder, timeout_s=0.01)


async def test_cancelling_ends_the_other_process(folder: Path) -> None:
    working = asyncio.create_task(compile_aside(folder))
    await asyncio.sleep(0.1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_a_process_that_dies_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_CACHE_DIR", "")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(RefusedRulesError, match="ended with exit code 1"):
        await compile_aside(folder)


def test_a_start_compiles_the_same_rules_and_keeps_them(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_CACHE_DIR", str(tmp_path / "cache"))
    here, prompt = compile_rules(load_folder(folder)), Prompt(text="a doctor and another doctor", seed=3)
    for apart in (loaded_aside(folder), loaded_aside(folder)):
        assert (apart.revision, apart.places) == (here.revision, here.places)
        assert Engine(apart).decide(prompt).texts == Engine(here).decide(prompt).texts
    assert len(list((tmp_path / "cache").glob("rules-*.pickle"))) == 1


def test_a_start_needs_no_example_to_pass(folder: Path) -> None:
    (folder / "en/roles.yaml").write_text(ROLES + "      - {say: a doctor, leave: all}\n")
    assert loaded_aside(folder).revision == compile_rules(load_folder(folder)).revision


def test_a_start_tells_what_is_wrong_with_its_place(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace("axes", "axis"))
    with pytest.raises(RuleError, match=r"policy\.yaml:2:1: .*axis"):
        loaded_aside(folder)


def test_a_start_does_without_another_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_CACHE_DIR", "")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    assert loaded_aside(folder).phrase_count == 2


def test_the_collector_is_switched_on_again() -> None:
    assert undisturbed(gc.isenabled) is False
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        undisturbed(lambda: 1 // 0)
    assert gc.isenabled()
