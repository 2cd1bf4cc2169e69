"""Files to chunks of raw rows."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from evenhand.batch import source as room
from evenhand.batch.layout import layout_of
from evenhand.batch.row import Columns
from evenhand.batch.source import CHUNK_BYTES, CHUNK_ROWS, LINE_BYTES, LONG, Chunk, Fault, Input, read_chunks, size_of
from evenhand.errors import SettingsError


def input_of(path: Path, columns: Columns | None = None, kind: str | None = None) -> Input:
    return Input(path=str(path), layout=layout_of(str(path), given=kind, option="--input-format"), columns=columns or Columns())


def chunks_of(path: Path, data: bytes, *, after: int = 0, columns: Columns | None = None) -> list[Chunk]:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return list(read_chunks(input_of(path, columns), after=after))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_json_lines_stay_bytes(tmp_path: Path, name: str) -> None:
    (chunk,) = chunks_of(tmp_path / name, b'{"a": 1}\n\n\xff\nlast')
    assert chunk.rows == [b'{"a": 1}\n', b"\n", b"\xff\n", b"last"]
    assert chunk.first == 1
    assert chunk.position == (tmp_path / name).stat().st_size == size_of(input_of(tmp_path / name))


def test_no_row_no_chunk(tmp_path: Path) -> None:
    assert chunks_of(tmp_path / "a.jsonl", b"") == []
    assert chunks_of(tmp_path / "a.csv", b"prompt\n") == []


@pytest.mark.parametrize("after", [0, CHUNK_ROWS, 2 * CHUNK_ROWS])
def test_chunks_begin_where_told(tmp_path: Path, after: int) -> None:
    found = chunks_of(tmp_path / "a.jsonl", b"{}\n" * 600, after=after)
    assert [chunk.first for chunk in found] == [first for first in (1, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 1) if first > after]
    assert sum(len(chunk.rows) for chunk in found) == 600 - after


def test_big_rows_make_small_chunks(tmp_path: Path) -> None:
    found = chunks_of(tmp_path / "a.jsonl", (b"x" * (CHUNK_BYTES // 2) + b"\n") * 5)
    assert [len(chunk.rows) for chunk in found] == [2, 2, 1]


def test_a_line_without_end_is_skipped_unread(tmp_path: Path) -> None:
    (chunk,) = chunks_of(tmp_path / "a.jsonl", b"a\n" + b"x" * (2 * LINE_BYTES + 5) + b"\nb\n")
    assert chunk.rows == [b"a\n", LONG, b"b\n"]


def test_cells_by_name(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbfref,prompt\r\n1,"a ""tall"" doctor,\nsmiling"\r\n\r\n2\r\n3,x,y\r\n4,caf\xe9\r\n'
    (chunk,) = chunks_of(tmp_path / "a.csv", data)
    assert chunk.rows == [
        {"ref": "1", "prompt": 'a "tall" doctor,\nsmiling'},
        Fault("empty", "the line is empty"),
        {"ref": "2"},
        Fault("shape", "the row has 3 cells; the first line names 2 columns"),
        {"ref": "4", "prompt": "caf\udce9"},
    ]


def test_a_million_characters_in_a_cell(tmp_path: Path) -> None:
    (chunk,) = chunks_of(tmp_path / "a.tsv", b"prompt\tref\n" + b"x" * 1_000_000 + b"\t1\na\t2\n")
    assert [len(row["prompt"]) for row in chunk.rows if isinstance(row, dict)] == [1_000_000, 1]  # type: ignore[arg-type]


def test_a_quote_that_never_closes_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LINE_BYTES", 1_000)
    (chunk,) = chunks_of(tmp_path / "a.csv", b'prompt\na\n"' + b"x\n" * 700)
    faults = [row for row in chunk.rows if isinstance(row, Fault)]
    assert [fault.reason for fault in faults] == ["shape"]
    assert "field larger than field limit" in faults[0].detail


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"promt,ref\nx,1\n", "there is no column 'prompt'; did you mean 'promt'?; its columns are: promt, ref"),
        ("a.csv", b"", "there is no column 'prompt'; its columns are: none"),
        ("a.jsonl.gz", b"", ""),
    ],
)
def test_columns_that_must_be_there(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    if not said:
        assert chunks_of(tmp_path / name, data) == []
        return
    with pytest.raises(SettingsError) as caught:
        chunks_of(tmp_path / name, data)
    assert said in str(caught.value)


def test_kept_columns_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no column 'style'"):
        chunks_of(tmp_path / "a.csv", b"prompt\nx\n", columns=Columns(keep=("style",)))


@pytest.mark.parametrize("cut", [5, 40])
def test_a_packed_file_that_breaks_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(os.urandom(2_000))[:-cut] if cut == 40 else b"no gzip at all")
    with pytest.raises(SettingsError, match="breaks off"):
        list(read_chunks(input_of(path)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file or directory; name a file that can be read"):
        list(read_chunks(input_of(tmp_path / "a.jsonl")))


def test_a_pipe_has_no_size(tmp_path: Path) -> None:
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(b"{}\n",)).start()
    (chunk,) = read_chunks(input_of(path))
    assert (chunk.rows, chunk.position, size_of(input_of(path))) == ([b"{}\n"], 0, None)
