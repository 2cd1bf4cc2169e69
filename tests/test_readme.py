"""The README is true: its commands are run in order, and what it shows is what they print."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from evenhand.cli import app
from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.flow import Prompt
from evenhand.rules.schema import LISTED, PolicyFile
from evenhand.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS_NETWORK = ("serve", "demo")
# What changes with every edit of a rule: revisions, counts, lines of rule files.
VOLATILE = re.compile(r"revision \w+|(?<=\.yaml:)\d+|\d[\d,]* (?:rules|phrases|passed|ms)\b")


@dataclass(frozen=True, slots=True)
class Shown:
    command: str
    output: str


def shown(text: str) -> Iterator[Shown]:
    for language, block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:] if language == "console" else ():
            command, _, output = part.partition("\n")
            yield Shown(command, output.rstrip("\n"))


def runs_here(command: str) -> bool:
    words = shlex.split(command)
    return words[0] in ("cp", "sed") or (words[0] == "evenhand" and words[1] not in NEEDS_NETWORK)


def write_files(folder: Path) -> None:
    """The rule files that the README shows, under the names it gives them."""
    for name, content in re.findall(
        r"`(my-rules/[\w./-]+)`[^\n]*:\n\n```(?:yaml|csv)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL
    ):
        (folder / name).write_text(content, encoding="utf-8")


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    program = [sys.executable, "-m", "evenhand"] if words[0] == "evenhand" else words[:1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENHAND_")}
    environment = {**kept, "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "app")}
    done = subprocess.run(
        [*program, *words[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return (done.stdout + done.stderr).rstrip("\n").replace(f"{ROOT}/", "")


def lasting(output: str) -> str:
    return VOLATILE.sub("#", output)


DECIDING, CHANGING_RULES = (
    [each for each in shown(part) if runs_here(each.command)] for part in README.split("\n## Change a rule\n")
)


@pytest.mark.parametrize("each", DECIDING, ids=lambda each: each.command)
def test_decisions_are_as_shown(each: Shown) -> None:
    assert lasting(run(each.command, ROOT)) == lasting(each.output)


def test_rules_are_changed_as_shown(tmp_path: Path) -> None:
    """The commands build on each other, in a folder of their own."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    assert CHANGING_RULES[0].command.startswith("cp ")
    for each in CHANGING_RULES:
        assert lasting(run(each.command, tmp_path)) == lasting(each.output), each.command
        if each.command.startswith("cp "):
            write_files(tmp_path)


def test_commands_are_found() -> None:
    assert (len(DECIDING) >= 5, len(CHANGING_RULES) >= 8) == (True, True)


@pytest.mark.parametrize(
    ("prompt", "images"),
    [("a doctor", 1), ("two engineers at a whiteboard", 4), ("a chef, oil painting", 4)],
    ids=lambda each: str(each),
)
def test_what_servers_and_programs_answer_is_as_shown(engine: Engine, prompt: str, images: int) -> None:
    texts = engine.decide(Prompt(text=prompt, images=images, seed=7)).texts
    assert len(texts) == images
    assert [text for text in texts if text not in README] == []


def test_the_decision_on_the_wire_is_as_shown(engine: Engine) -> None:
    told = json.loads(README.partition("| python -m json.tool --indent 2\n")[2].partition("```")[0])
    made = record(engine.decide(Prompt(text="a Black nurse", seed=7)), engine.rules)
    own = {"id": "", "revision": "", "overhead_ms": 0}
    assert told | own == {**made, **own}


def test_the_tour_shows_what_the_engine_says(engine: Engine) -> None:
    """The first cells of the table; the tour's seeds count from one."""
    tour = (ROOT / "examples/tour.py").read_text(encoding="utf-8")
    prompts = re.findall(r'^    "(.+)",$', tour.partition("PROMPTS = [")[2].partition("]\n")[0], re.MULTILINE)
    rows = [[" ".join(cell) for cell in row] for row in table_rows()]
    assert len(rows) >= 4
    for asked, sent, _ in rows:
        decision = engine.decide(Prompt(text=asked, seed=prompts.index(asked) + 1))
        assert sent == (decision.texts or (asked,))[0]


def table_rows() -> Iterator[list[list[str]]]:
    """Each row as its cells, each cell as its lines."""
    for group in re.split(r"^[┡├└].*$", README, flags=re.MULTILINE)[1:]:
        lines = [line.strip("│").split("│") for line in group.splitlines() if line.startswith("│")]
        if lines:
            yield [[line.strip() for line in cell if line.strip()] for cell in zip(*lines, strict=True)]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_table(name: str) -> None:
    row = re.search(rf"^\| `EVENHAND_{name.upper()}` \| (\S*)", README, re.MULTILINE)
    assert row, f"EVENHAND_{name.upper()} is not in the table of settings"
    default = Settings.model_fields[name].default
    if isinstance(default, str | int | float):
        assert row[1].lower() == str(default).lower()


def test_the_table_holds_no_other_setting() -> None:
    told = set(re.findall(r"^\| `EVENHAND_(\w+)`", README, re.MULTILINE))
    assert told == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", getattr(get_command(app), "commands", {}))
def test_every_command_is_mentioned(name: str) -> None:
    assert f"| `evenhand {name}` |" in README


@pytest.mark.parametrize("name", [*LISTED, *PolicyFile.model_fields])
def test_every_kind_of_rule_and_key_of_the_policy_is_mentioned(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("path", [path for path in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in path])
def test_every_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
