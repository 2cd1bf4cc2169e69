"""The real command in a process of its own; small rule folders to run it on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
WORDING = """\
kind: wording
rules:
  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}
  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}
  - {id: range, axis: gender, value: range, adjective: male and female, many: of both genders}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode()


Run = Callable[..., Done]


def _run(*words: str | Path, stdin: bytes | None = b"", **environment: str) -> Done:
    command = [sys.executable, "-m", "evenhand", *map(str, words)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVENHAND_", "FORCE_COLOR"))}
    found = {**kept, "PYTHONPATH": str(ROOT / "app"), "COLUMNS": "100", **environment}
    done = subprocess.run(command, input=stdin, capture_output=True, env=found, timeout=60, check=False)
    assert b"Traceback" not in done.stderr + done.stdout
    return Done(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture(scope="session")
def run() -> Run:
    return _run


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "en").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "en/a.yaml").write_text(ROLES.replace("match", "mtch").replace("why", "whi"))
    return tmp_path


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No word but the doctor's."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "en").mkdir()
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "en/wording.yaml").write_text(WORDING)
    (folder / "en/roles.yaml").write_text(ROLES)
    return folder


DOCTOR = '{"head": "doctor", "start": 2, "end": 8, "gender": "period", "ethnicity": "either"}'


GOLD = f'{{"id": "g1", "prompt": "a doctor", "subjects": [{DOCTOR}]}}\n'


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    path.write_text(GOLD)
    return path
