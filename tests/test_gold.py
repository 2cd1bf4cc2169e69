"""Labelled prompts as people write them, and what is said of those that can't be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.errors import RuleError
from evenhand.flow import Span
from evenhand.gold import MOST_PROBLEMS, read_gold

ROOT = Path(__file__).parent.parent
SUBJECT = {"head": "doctor", "start": 2, "end": 8, "count": "one", "gender": "open", "ethnicity": "period"}
ROW = {"id": "r1", "prompt": "a doctor", "subjects": [SUBJECT]}


def written(folder: Path, *lines: str | dict[str, Any]) -> Path:
    path = folder / "gold.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_rows_keep_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, {**ROW, "source": "kept apart"}, "", {"id": "r2", "prompt": "a lake", "subjects": []})
    first, second = read_gold(path)
    assert (first.row.subjects[0].span, first.row.subjects[0].label("ethnicity")) == (Span(2, 8), "period")
    assert first.row.subjects[0].label("age") == "either"
    assert (str(second.place), second.row.subjects) == (f"{path}:3", ())


def test_a_byte_order_mark_and_other_line_ends_are_let_be(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode() + b"\r\n")
    assert read_gold(path)[0].row.id == "r1"


BROKEN: list[tuple[str | dict[str, Any], str]] = [
    ("{'id': 1}", "gold.jsonl:2:1: the line is no JSON (key must be a string"),
    ({**ROW, "id": 7}, "gold.jsonl:2:1: 'id' is 7: input should be a valid string"),
    ({"id": "r", "prompt": "a doctor"}, "gold.jsonl:2:1: 'subjects' is missing"),
    (
        {**ROW, "subjects": [{**SUBJECT, "gender": "opne"}]},
        "gold.jsonl:2:1: 'subjects.0.gender' is 'opne': input should be 'open', 'either'",
    ),
    ({**ROW, "subjects": [{**SUBJECT, "end": 9}]}, "the head 'doctor' does not stand at 2..9 of the prompt"),
    ({**ROW, "subjects": [{**SUBJECT, "start": 1}]}, "the head 'doctor' does not stand at 1..8 of the prompt"),
    ({**ROW, "prompt": ""}, "'prompt' is '': string should have at least 1 character"),
]


@pytest.mark.parametrize(("line", "told"), BROKEN)
def test_a_broken_row_is_told_with_its_line(tmp_path: Path, line: str | dict[str, Any], told: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_gold(written(tmp_path, ROW, line))
    assert told in str(caught.value)
    assert len(caught.value.problems) == 1


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b'{"id": "caf\xe9"}')
    with pytest.raises(RuleError, match=r"gold\.jsonl:1:1: the line is no JSON"):
        read_gold(path)


def test_all_problems_are_told_up_to_a_screenful(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        read_gold(written(tmp_path, *["{"] * 50))
    assert len(caught.value.problems) == MOST_PROBLEMS


@pytest.mark.parametrize(("make", "told"), [(False, "can't be read: No such file"), (True, "holds no labelled prompt")])
def test_no_file_and_an_empty_one(tmp_path: Path, make: bool, told: str) -> None:
    if make:
        written(tmp_path, "")
    with pytest.raises(RuleError, match=told):
        read_gold(tmp_path / "gold.jsonl")


@pytest.mark.parametrize("path", sorted((ROOT / "tests/gold").glob("*.jsonl")), ids=lambda path: path.name)
def test_our_labelled_prompts_can_be_read(path: Path) -> None:
    ids = [gold.row.id for gold in read_gold(path)]
    assert len(set(ids)) == len(ids)
