"""Which names mean which kinds of files."""

import pytest

from evenhand.batch.layout import Layout, layout_of
from evenhand.errors import SettingsError


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("a.jsonl", None, Layout(kind="jsonl")),
        ("a.ndjson", None, Layout(kind="jsonl")),
        ("dir.csv/a.b.JSONL.gz", None, Layout(kind="jsonl", packed=True)),
        ("a.csv", None, Layout(kind="csv")),
        ("a.tsv.gz", None, Layout(kind="tsv", packed=True)),
        ("a.pq", None, Layout(kind="parquet")),
        ("-", None, Layout(kind="jsonl")),
        ("-", "csv", Layout(kind="csv")),
        ("-", "jsonl.gz", Layout(kind="jsonl", packed=True)),
        ("a.txt", "csv", Layout(kind="csv")),
    ],
)
def test_kinds(path: str, given: str | None, expected: Layout) -> None:
    assert layout_of(path, given=given, option="--input-format") == expected


@pytest.mark.parametrize(
    ("path", "given", "said"),
    [
        ("a.txt", None, "a.txt: its suffix names no kind of file; use one of jsonl, "),
        ("a", None, "or say --input-format"),
        ("a.gz", None, "names no kind"),
        ("a.jsonl", "jsnl", "'jsnl' is no kind of file; use one of jsonl, ndjson, csv, tsv, parquet, pq; did you mean 'jsonl'?"),
        ("a.parquet.gz", None, "leave out '.gz'"),
        ("-", "parquet", "can't go through a pipe"),
    ],
)
def test_what_is_no_kind(path: str, given: str | None, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        layout_of(path, given=given, option="--input-format")
    assert said in str(caught.value)
