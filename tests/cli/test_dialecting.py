"""`dialects` and `dialects try` in a process of their own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
OWN = """\
dialect: mine
title: Mine
operations: [{id: mine.draw, path: '/draw/{style}', prompts: [/scene/text]}]
passes: [GET /styles]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.yaml").write_text(OWN)
    return tmp_path / "own"


def test_every_operation_is_listed(run: Run, own: Path) -> None:
    listed = run("dialects", "--folder", own).text
    assert "openai.images.generations" in listed
    assert "mine.draw" in listed
    assert "POST /draw/{style}" in listed
    found = {each["dialect"]: each for each in json.loads(run("dialects", "--format", "json", "--folder", own).text)}
    assert found["mine"]["operations"][0]["splits"] is False
    assert found["openai"]["operations"][0]["splits"] is True


def test_a_body_is_tried(run: Run, own: Path, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"scene": {"text": "a nurse"}}')
    done = run("dialects", "try", tmp_path / "b.json", "--path", "/draw/oil", "--folder", own)
    assert done.returncode == 0
    assert "operation    mine.draw" in done.text
    assert "read       a nurse" in done.text
    data = json.loads(
        run(
            "dialects", "try", tmp_path / "b.json", "--path", "/draw/oil", "--folder", own, "--format", "json", "--seed", "1"
        ).text
    )
    assert json.loads(data["written"]) == {"scene": {"text": data["prompts"][0]["rewrites"][0]}}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--path", "/styles", "--method", "GET"), 1, b"passed on unread (mine)"),
        (("--path", "/elsewhere"), 1, b"stands in no dialect"),
        (("--path", "/draw/oil", "--dialect", "none"), 2, b"there is no dialect 'none'"),
        (("--path", "/draw/oil", "--content-type", "text/plain"), 2, b"'text/plain'; mine.draw takes application/json"),
        (("--path", "/draw/oil"), 2, b"no prompt at '/scene/text'"),
    ],
)
def test_what_can_not_be_tried_is_told(
    run: Run, own: Path, tmp_path: Path, words: tuple[str, ...], code: int, told: bytes
) -> None:
    (tmp_path / "b.json").write_text("{}")
    done = run("dialects", "try", tmp_path / "b.json", "--folder", own, *words)
    assert done.returncode == code
    assert told in done.stderr


def test_a_missing_file_and_a_broken_dialect_are_told(run: Run, own: Path) -> None:
    assert (
        b"'/nowhere.json' can't be read" in run("dialects", "try", "/nowhere.json", "--path", "/draw/oil", "--folder", own).stderr
    )
    (own / "mine.yaml").write_text(OWN.replace("title", "titel"))
    done = run("dialects", "--folder", own)
    assert done.returncode == 2
    assert b"did you mean 'title'?" in done.stderr
