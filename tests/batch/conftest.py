"""An engine with three roles, and small ways to write corpora and to run them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.batch.layout import layout_of
from evenhand.batch.row import Columns
from evenhand.batch.run import Plan
from evenhand.batch.source import Input
from evenhand.batch.work import Job
from evenhand.engine import Engine
from evenhand.rules import Ruleset

TEXTS = ("a doctor", "a lake, café in the fog", "two nurses and an engineer", 'a "quoted" doctor, with\na line break')


@pytest.fixture(scope="session")
def small_engine(small_rules: Ruleset) -> Engine:
    return Engine(small_rules)


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Path]:
    """A file of JSON lines: prompts with refs, or the very lines."""

    def write(count: int = 0, *, lines: list[Any] | None = None, name: str = "in.jsonl") -> Path:
        rows = lines if lines is not None else [{"ref": f"r{at}", "prompt": TEXTS[at % len(TEXTS)]} for at in range(count)]
        path = tmp_path / name
        path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
        return path

    return write


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    def plan(source: Path, out: Path | str, *, columns: Columns | None = None, **more: Any) -> Plan:
        told = columns or Columns()
        job = {name: more.pop(name) for name in ("images", "seed", "show_text") if name in more}
        return Plan(
            source=Input(path=str(source), layout=layout_of(str(source), given=None, option="--input-format"), columns=told),
            job=Job(columns=told, output=layout_of(str(out), given=None, option="--output-format"), **job),
            out=str(out),
            **{"workers": 1, **more},
        )

    return plan
