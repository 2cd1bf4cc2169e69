"""Prompts come out of examples, logs, databases and Parquet files; what can't be decided again is counted."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evenhand.asked import Asked, Skipped, case_prompts, folded, log_prompts
from evenhand.casebook import Case
from evenhand.database import create_table, engine_of, insert_lines
from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.errors import EvenhandError
from evenhand.flow import Prompt
from evenhand.rules import Ruleset
from evenhand.rules.ruleset import Place
from evenhand.rules.schema import Example


@pytest.fixture
def line(small_rules: Ruleset) -> dict[str, Any]:
    return dict(record(Engine(small_rules).decide(Prompt(text="a doctor", id="d-1", seed=9, images=2)), small_rules))


def prompts(path: Path | str, skipped: Skipped | None = None, longest: int = 1_000) -> list[tuple[str, int, int]]:
    found = log_prompts([str(path)], skipped or Skipped(), longest=longest)
    return [(asked.prompt.text, asked.prompt.seed, asked.prompt.images) for asked in found]


def test_an_example_of_two_folders_is_asked_once() -> None:
    cases = [
        Case(example=Example(say=text, seed=seed, vary=[]), topic="", place=Place("a.yaml", number))
        for number, (text, seed) in enumerate([("a doctor", None), ("a nurse", 3), ("a doctor", 0)])
    ]
    assert [(asked.prompt.text, asked.prompt.seed) for asked in case_prompts(cases)] == [("a doctor", 0), ("a nurse", 3)]


def test_a_log_is_asked_again_with_its_seeds_and_images(tmp_path: Path, line: dict[str, Any]) -> None:
    erased = {**line, "prompt": "", "masked": ["/prompt"]}
    lines = [line, erased, {**line, "prompt": ""}, {**line, "prompt": "x" * 1_001}, {"id": 1}]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines) + "torn")
    skipped = Skipped()
    assert prompts(path, skipped) == [("a doctor", 9, 2)]
    assert (skipped.erased, skipped.empty, skipped.too_long, skipped.unread) == (1, 1, 1, 2)
    assert [each.number for each in skipped.first_unread] == [5, 6]


def test_only_the_first_unread_lines_are_held(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("torn\n" * 500)
    skipped = Skipped()
    assert prompts(path, skipped) == []
    assert (skipped.unread, len(skipped.first_unread)) == (500, 20)


def test_a_database_is_asked_by_its_url(tmp_path: Path, line: dict[str, Any]) -> None:
    url = f"sqlite:///{tmp_path}/d.db"
    engine = engine_of(url)
    create_table(engine)
    course = {"timestamp": "2026-01-02T03:04:05Z", "route": "", "tenant": "", "status": 200, "upstream_status": 0}
    insert_lines(engine, [json.dumps({**line, **course, "refused": False}).encode()])
    engine.dispose()
    assert prompts(url) == [("a doctor", 9, 2)]


def test_parquet_is_read_a_batch_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    rows = {"prompt": [*(f"a doctor {number}" for number in range(9_000)), None, ""], "seed": [*range(9_001), None]}
    pq.write_table(pa.table(rows), path)
    skipped = Skipped()
    found = prompts(path, skipped)
    assert (len(found), found[8_999], skipped.empty) == (9_000, ("a doctor 8999", 8_999, 1), 2)


def test_parquet_of_a_batch_is_read_like_its_json_lines(tmp_path: Path, line: dict[str, Any]) -> None:
    path = tmp_path / "decided.parquet"
    del line["overhead_ms"]
    pq.write_table(pa.table({"prompt": ["a doctor"], "record": [json.dumps({"row": 1, **line})]}), path)
    assert prompts(path) == [("a doctor", 9, 2)]


@pytest.mark.parametrize(("name", "mark"), [("out.csv", ","), ("out.tsv", "\t"), ("out.csv.gz", ",")])
def test_tables_of_a_batch_are_read_like_its_json_lines(tmp_path: Path, line: dict[str, Any], name: str, mark: str) -> None:
    text = io.StringIO()
    rows = [["row", "prompt", "record"], [1, "a\nb", json.dumps({**line, "prompt": "a doctor,\n\tat work " * 20_000})]]
    csv.writer(text, delimiter=mark).writerows([*rows, [2, "", "torn"], [3]])
    data = text.getvalue().encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    skipped = Skipped()
    ((prompt, seed, _),) = prompts(tmp_path / name, skipped, longest=1_000_000)
    assert (len(prompt), seed, skipped.unread) == (20_000 * 19, 9, 2)


def test_a_table_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt\na doctor\n")
    (tmp_path / "b.csv.gz").write_bytes(b"no archive")
    for name, says in (("a.csv", "has no column 'record'"), ("b.csv.gz", "can't be read"), ("c.tsv", "no such file")):
        with pytest.raises(EvenhandError, match=says):
            prompts(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), (b"no parquet", "it is no Parquet file"), ({"text": ["a doctor"]}, "has no column 'prompt'")],
)
def test_parquet_that_cannot_be_used(tmp_path: Path, content: Any, says: str) -> None:
    path = tmp_path / "corpus.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        pq.write_table(pa.table(content), path)
    with pytest.raises(EvenhandError, match=f"(?i){says}"):
        prompts(path)


def test_equal_prompts_are_one_with_their_number() -> None:
    texts = ["a doctor", "a nurse", "a doctor", "a doctor"]
    asked = [Asked(prompt=Prompt(text=text, id=str(number))) for number, text in enumerate(texts)]
    asked += [Asked(prompt=Prompt(text="a doctor", seed=1)), Asked(prompt=Prompt(text="a doctor", images=2))]
    told = [(each.prompt.text, each.prompt.id, each.prompt.seed, each.prompt.images, each.times) for each in folded(asked)]
    assert told == [("a doctor", "0", 0, 1, 3), ("a nurse", "1", 0, 1, 1), ("a doctor", "", 1, 1, 1), ("a doctor", "", 0, 2, 1)]


@pytest.mark.parametrize(("limit", "value"), [("MOST_TEXTS", 10), ("MOST_CHARS", 60)])
def test_no_more_texts_are_held_than_allowed(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(f"evenhand.asked.{limit}", value)
    taken: list[int] = []

    def source() -> Iterator[Asked]:
        for number in range(100):
            taken.append(number)
            yield Asked(prompt=Prompt(text=f"text {number % 25:02}"))

    ahead = [len(taken) - done for done, _ in enumerate(folded(source()))]
    assert max(ahead) <= 10
    assert sum(each.times for each in folded(source())) == 100
