"""A chunk to its bytes and counts."""

import json
from typing import Any

import pytest

from evenhand.batch.layout import Layout
from evenhand.batch.row import Columns
from evenhand.batch.source import Chunk, Fault, Raw
from evenhand.batch.work import Done, Job, work
from evenhand.engine import Engine

SECRET = "my secret doctor"


def worked(engine: Engine, *rows: Raw, **more: Any) -> Done:
    job = Job(**{"columns": Columns(), "output": Layout(kind="jsonl"), **more})
    return work(Chunk(first=11, rows=list(rows), position=99), job, engine)


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(each) for each in data.splitlines()]


def test_good_and_bad_part_ways_and_keep_their_numbers(small_engine: Engine) -> None:
    done = worked(small_engine, b'{"prompt": "a doctor", "ref": "x"}\n', b"{\n", b'{"prompt": "a lake"}')
    assert [(row["row"], row["outcome"]) for row in lines(done.data)] == [(11, "rewritten"), (13, "unchanged")]
    assert [(row["row"], row["reason"]) for row in lines(done.bad)] == [(12, "json")]
    assert (done.first, done.rows, done.position) == (11, 3, 99)
    assert {name: count for name, count in done.tally.items() if not name.startswith("drawn")} == {
        "rows": 3,
        "outcome/rewritten": 1,
        "outcome/unchanged": 1,
        "bad/json": 1,
    }


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\xff{}", "encoding"),
        (b"a doctor", "json"),
        (b'{"prompt": "a"', "json"),
        (b'{"prompt": "a", "seed": NaN}', "json"),
        (b'{"seed": ' + b"9" * 5_000 + b"}", "json"),
        (b"[" * 200_000, "json"),
        (b'"a doctor"', "shape"),
        (b'{"text": "a doctor"}', "missing"),
        (b'{"prompt": ["a doctor"]}', "not_text"),
        (b'{"prompt": "\\ud83d"}', "encoding"),
        (b'{"prompt": "' + b"x" * 1_000_000 + b'"}', "too_long"),
        (Fault("shape", "the row has 3 cells"), "shape"),
        ({"prompt": b"\xff"}, "encoding"),
    ],
)
def test_bad_rows(small_engine: Engine, raw: Raw, reason: str) -> None:
    done = worked(small_engine, raw)
    (line,) = lines(done.bad)
    assert (done.data, line["row"], line["reason"]) == (b"", 11, reason)
    assert len(done.bad) < 300


@pytest.mark.parametrize("raw", [f'{{"prompt": "{SECRET}", "seed": -1}}'.encode(), f'{{"prompt": "{SECRET}'.encode()])
def test_text_is_shown_only_when_asked_for(small_engine: Engine, raw: bytes) -> None:
    assert SECRET.encode() not in worked(small_engine, raw).bad
    assert SECRET in lines(worked(small_engine, raw, show_text=True).bad)[0]["text"]


def test_of_a_long_text_80_characters_are_shown(small_engine: Engine) -> None:
    raw = json.dumps({"prompt": "é" * 90_000, "ref": "r"}).encode()
    (line,) = lines(worked(small_engine, raw, show_text=True).bad)
    assert (line["text"], line["ref"]) == ("é" * 80, "r")


def test_a_byte_order_mark_is_no_fault(small_engine: Engine) -> None:
    assert worked(small_engine, b'\xef\xbb\xbf{"prompt": "a lake"}\n').rows == 1


def test_kept_columns_and_their_absence(small_engine: Engine) -> None:
    columns = Columns(keep=("style", "none"))
    (row,) = lines(worked(small_engine, b'{"prompt": "a lake", "style": {"a": [1]}}', columns=columns).data)
    assert row["input"] == {"style": {"a": [1]}, "none": None}
    (row,) = lines(worked(small_engine, {"prompt": "a lake", "style": b"caf\xe9", "none": "\udce9"}, columns=columns).data)
    assert row["input"] == {"style": "caf\ufffd", "none": "?"}


def test_every_draw_is_counted(small_engine: Engine) -> None:
    rows = [json.dumps({"prompt": "a doctor and two nurses", "images": 3}).encode()] * 5
    tally = worked(small_engine, *rows).tally
    assert sum(count for name, count in tally.items() if name.startswith("drawn/gender/")) == 5 * 3 * 3
    assert worked(small_engine, b'{"prompt": "a crowd of doctors"}').tally["rows"] == 1


def test_borders_of_chunks_change_nothing(small_engine: Engine) -> None:
    rows: list[Raw] = [b'{"prompt": "a doctor"}', b'{"prompt": "two nurses"}']
    job = Job(columns=Columns(), output=Layout(kind="jsonl"), seed=5)
    apart = [work(Chunk(first=at, rows=[row], position=0), job, small_engine).data for at, row in enumerate(rows, 1)]
    assert b"".join(apart) == work(Chunk(first=1, rows=rows, position=0), job, small_engine).data
