"""Parquet in and out."""

from pathlib import Path
from typing import Any

import pytest

from evenhand.batch.parquet import GROUP_ROWS, encoded, finish, parquet_rows, parquet_size
from evenhand.batch.row import Columns
from evenhand.errors import SettingsError

pyarrow: Any = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'batch')")
parquet: Any = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'batch')")
FLAT = {"row": 1, "ref": None, "outcome": "unchanged", "prompt": "p", "rewrite": "p", "rewrites": [], "record": "{}"}


def rows_of(path: Path, columns: Columns | None = None) -> list[Any]:
    return [row for row, _ in parquet_rows(str(path), columns or Columns())]


def test_text_stays_bytes_even_where_it_is_no_utf8(tmp_path: Path) -> None:
    words = pyarrow.array([b"a doctor", b"caf\xe9", None], pyarrow.binary())
    text = pyarrow.Array.from_buffers(pyarrow.string(), 3, words.buffers(), words.null_count)
    parquet.write_table(pyarrow.table({"prompt": text, "seed": [1, None, 3], "more": ["x"] * 3}), tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet") == [
        {"prompt": b"a doctor", "seed": 1},
        {"prompt": b"caf\xe9", "seed": None},
        {"prompt": None, "seed": 3},
    ]
    assert parquet_size(str(tmp_path / "a.parquet")) == 3


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary", "string_view"])
def test_every_kind_of_text(tmp_path: Path, kind: str) -> None:
    words = pyarrow.array(["a", "b", "a"])
    array = words.dictionary_encode() if kind == "dictionary" else words.cast(getattr(pyarrow, kind)())
    parquet.write_table(pyarrow.table({"prompt": array}), tmp_path / "a.parquet")
    assert [row["prompt"] for row in rows_of(tmp_path / "a.parquet")] in ([b"a", b"b", b"a"], ["a", "b", "a"])


def test_rows_of_many_groups_are_counted(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"prompt": [str(at) for at in range(2_500)]}), tmp_path / "a.parquet", row_group_size=700)
    found = list(parquet_rows(str(tmp_path / "a.parquet"), Columns()))
    assert [number for _, number in found] == list(range(1, 2_501))
    assert found[-1][0] == {"prompt": b"2499"}


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"prompt\na doctor\n")
    with pytest.raises(SettingsError, match="name a Parquet file that can be read"):
        rows_of(tmp_path / "a.parquet")
    with pytest.raises(SettingsError, match="name a Parquet file that can be read"):
        rows_of(tmp_path / "none.parquet")


def test_a_column_that_is_missing(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(SettingsError, match="there is no column 'prompt'; its columns are: text"):
        rows_of(tmp_path / "a.parquet")


def test_a_chain_of_chunks_becomes_one_file(tmp_path: Path) -> None:
    chain, out = tmp_path / "chain", tmp_path / "out.parquet"
    sizes = [GROUP_ROWS - 1, 5, 1, 2 * GROUP_ROWS, 3]
    numbers = iter(range(1, sum(sizes) + 1))
    chain.write_bytes(b"".join(encoded([FLAT | {"row": next(numbers)} for _ in range(size)], ()) for size in sizes))
    finish(chain, out, ())
    file = parquet.ParquetFile(out)
    groups = [file.metadata.row_group(at).num_rows for at in range(file.metadata.num_row_groups)]
    assert groups[:-1] == [GROUP_ROWS] * 3
    assert file.read().column("row").to_pylist() == list(range(1, sum(sizes) + 1))
    first = out.read_bytes()
    finish(chain, out, ())
    assert out.read_bytes() == first


def test_an_empty_chain_is_a_file_with_columns(tmp_path: Path) -> None:
    (tmp_path / "chain").write_bytes(b"")
    finish(tmp_path / "chain", tmp_path / "out.parquet", ("style",))
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.num_rows == 0
    assert table.column_names == ["style", *FLAT]


def test_kept_columns_come_first() -> None:
    stream = pyarrow.ipc.open_stream(encoded([FLAT | {"style": "oil"}], ("style",)))
    (row,) = stream.read_all().to_pylist()
    assert list(row) == ["style", *FLAT]
