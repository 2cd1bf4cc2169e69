"""Records to bytes, one way a kind."""

import csv
import gzip
import io
import json

import pytest

from evenhand.batch.encode import COLUMNS, INPUT, encode, flat, head, line
from evenhand.batch.layout import Layout
from evenhand.batch.row import RowRecord
from evenhand.errors import SettingsError

RECORD: RowRecord = {"row": 1, "ref": "a", "outcome": "rewritten", "prompt": 'a "doctor",\ncafé', "rewrites": ["x", "y"]}
BARE: RowRecord = {"row": 2, "outcome": "unchanged", "prompt": "a lake", "rewrites": []}


def test_json_lines() -> None:
    data = encode([RECORD, BARE], Layout(kind="jsonl"), ())
    assert [json.loads(each) for each in data.splitlines()] == [RECORD, BARE]
    assert "café".encode() in data


@pytest.mark.parametrize(("kind", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_tables(kind: str, delimiter: str) -> None:
    layout = Layout(kind=kind)  # type: ignore[arg-type]
    data = head(layout, ("style",)) + encode([RECORD | {INPUT: {"style": 7}}, BARE], layout, ("style",))
    first, second = csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=delimiter)
    assert list(first) == ["style", *COLUMNS]
    assert (first["style"], first["rewrite"], json.loads(first["rewrites"])) == ("7", "x", ["x", "y"])
    assert (second["ref"], second["rewrite"], second["rewrites"]) == ("", "a lake", "[]")
    assert json.loads(first["record"]) == RECORD


def test_packed_chunks_stand_alone_and_are_always_the_same() -> None:
    layout = Layout(kind="jsonl", packed=True)
    one, other = encode([RECORD], layout, ()), encode([BARE], layout, ())
    assert gzip.decompress(one + other) == encode([RECORD, BARE], Layout(kind="jsonl"), ())
    assert encode([RECORD], layout, ()) == one


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_nothing_is_no_bytes(kind: str) -> None:
    assert encode([], Layout(kind=kind, packed=kind != "parquet"), ()) == b""  # type: ignore[arg-type]


def test_the_record_of_a_flat_row_is_without_what_is_kept() -> None:
    assert json.loads(str(flat(BARE | {INPUT: {"style": "oil"}}, ("style",))["record"])) == BARE


def test_flat_columns_have_names_of_their_own() -> None:
    with pytest.raises(SettingsError, match="--keep outcome: the output has a column of that name"):
        head(Layout(kind="csv"), ("outcome",))
    assert head(Layout(kind="jsonl"), ("outcome",)) == b""


def test_half_a_surrogate_pair_in_a_kept_column_is_written_as_a_question_mark() -> None:
    assert encode([BARE | {INPUT: {"style": ["\ud800"]}}], Layout(kind="jsonl"), ()).endswith(b'{"style":["?"]}}\n')
    assert line({"a": "é"}) == '{"a":"é"}'
