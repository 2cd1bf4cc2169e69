"""What was sent and answered survives kills, torn lines and second runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.errors import SettingsError
from evenhand.probe.journal import Journal, load
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer

Plan = Callable[..., tuple[Ask, ...]]
DRAWN = Answer(outcome="drawn", status=200, revised="a man", decision="rewritten")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep/answers.jsonl"


@pytest.fixture
def asks(plan: Plan) -> tuple[Ask, ...]:
    return plan("ethnicity")


def write(path: Path, *steps: Callable[[Journal], Any]) -> None:
    with Journal(path) as journal:
        journal.begin({"seed": 1})
        for step in steps:
            step(journal)


def test_nothing_yet(path: Path) -> None:
    assert load(path).identity == {}


def test_answers_and_what_was_under_way(path: Path, asks: tuple[Ask, ...]) -> None:
    one, two, three, four = asks[:4]
    write(
        path,
        lambda journal: [journal.sent(ask) for ask in asks[:4]],
        lambda journal: journal.answered(one, DRAWN),
        lambda journal: journal.again([two.key], why="429"),
        lambda journal: journal.answered(four, Answer(outcome="error", status=500)),
        lambda journal: journal.again([four.key], why="trouble"),
    )
    found = load(path)
    assert (found.identity, found.answers, found.under_way) == ({"seed": 1}, {one.key: DRAWN}, {three.key})
    assert found.first <= found.last
    assert found.good_bytes == path.stat().st_size


def test_a_second_run_goes_on(path: Path, asks: tuple[Ask, ...]) -> None:
    write(path, lambda journal: journal.sent(asks[0]))
    write(path, lambda journal: journal.answered(asks[0], DRAWN))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [next(name for name in ("probe", "sent", "outcome") if name in line) for line in lines] == ["probe", "sent", "outcome"]
    assert (lines[2]["prompt"], lines[2]["value"]) == (asks[0].prompt, asks[0].value)


def test_any_torn_end_is_cut_off(path: Path, asks: tuple[Ask, ...]) -> None:
    write(path, lambda journal: journal.sent(asks[0]), lambda journal: journal.answered(asks[0], DRAWN))
    whole = path.read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    for end in range(last, len(whole), 7):
        path.write_bytes(whole[:end])
        found = load(path)
        assert (found.answers, found.under_way, found.good_bytes) == ({}, {asks[0].key}, last)
    write(path, lambda journal: journal.answered(asks[0], DRAWN))
    assert load(path).answers == {asks[0].key: DRAWN}


@pytest.mark.parametrize("text", ["torn\n", "[]\n", '{"at": "x", "probe": {}, "version": 9}\n', '{"sent": "x"}\n'])
def test_another_file_is_refused_and_left_alone(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(SettingsError, match="no journal of a probe"):
        Journal(path)
    assert path.read_text() == text


def test_two_runs_at_once_are_refused(path: Path) -> None:
    with Journal(path), pytest.raises(SettingsError, match="in use by a probe"):
        Journal(path)
    with Journal(path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="name another folder with --out"):
        Journal(tmp_path / "file/answers.jsonl")
