"""Parquet in and out through pyarrow, the only room that knows it. Reads in a stream; writes row groups of a fixed size.

While a run goes on, its rows wait as a chain of Arrow streams, one a chunk; `finish` turns the chain into the file.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from evenhand.batch.layout import Layout
from evenhand.batch.row import Columns
from evenhand.batch.source import Input, Raw, check_columns
from evenhand.errors import SettingsError

GROUP_ROWS = 16_384
READ_ROWS = 1_024
BUFFER_BYTES = 1 << 20


@cache
def arrow() -> Any:
    """pyarrow with its Parquet room. Raises SettingsError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise SettingsError("Parquet needs pyarrow; install it with: pip install 'evenhand[batch]'") from None
    return pyarrow


def parquet_size(path: str) -> int:
    """In rows."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def parquet_rows(path: str, columns: Columns) -> Iterator[tuple[Raw, int]]:
    """Rows with the number of rows read so far. Text stays bytes: a file may hold what is no UTF-8."""
    with _opened(path) as file:
        names = list(file.schema_arrow.names)
        check_columns(Input(path=path, layout=Layout(kind="parquet"), columns=columns), names)
        wanted = [name for name in columns.read if name in names]
        done = 0
        for batch in file.iter_batches(batch_size=READ_ROWS, columns=wanted):
            for row in _as_bytes(batch).to_pylist():
                done += 1
                yield row, done


def _opened(path: str) -> Any:
    pyarrow = arrow()
    try:
        return pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except (OSError, pyarrow.ArrowException) as error:
        raise SettingsError(f"{path}: {str(error).rstrip('.')}; name a Parquet file that can be read") from None


def _as_bytes(batch: Any) -> Any:
    pyarrow = arrow()
    kinds = {pyarrow.string(): pyarrow.binary(), pyarrow.large_string(): pyarrow.large_binary()}
    arrays = [_plain(column) for column in batch.columns]
    arrays = [array.cast(kinds[array.type]) if array.type in kinds else array for array in arrays]
    return pyarrow.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if arrow().types.is_dictionary(column.type) else column


@cache
def schema(kept: tuple[str, ...]) -> Any:
    pyarrow = arrow()
    text = pyarrow.string()
    fields = [(name, text) for name in kept] + [("row", pyarrow.int64()), ("ref", text), ("outcome", text), ("prompt", text)]
    return pyarrow.schema([*fields, ("rewrite", text), ("rewrites", pyarrow.list_(text)), ("record", text)])


def encoded(rows: Sequence[dict[str, object]], kept: tuple[str, ...]) -> bytes:
    """One Arrow stream."""
    pyarrow = arrow()
    batch = pyarrow.RecordBatch.from_pylist(list(rows), schema=schema(kept))
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def finish(chain: Path, out: Path, kept: tuple[str, ...]) -> None:
    """Writes `out` beside itself and moves it into place whole."""
    pyarrow = arrow()
    draft = out.with_name(f"{out.name}.draft")
    with pyarrow.parquet.ParquetWriter(draft, schema(kept), compression="zstd") as writer:
        for table in _groups(chain, kept):
            writer.write_table(table, row_group_size=GROUP_ROWS)
    draft.replace(out)


def _groups(chain: Path, kept: tuple[str, ...]) -> Iterator[Any]:
    pyarrow = arrow()
    batches: list[Any] = []
    for batch in _batches(chain):
        batches.append(batch)
        if sum(each.num_rows for each in batches) >= GROUP_ROWS:
            table = pyarrow.Table.from_batches(batches)
            yield table.slice(0, GROUP_ROWS)
            batches = table.slice(GROUP_ROWS).to_batches()
    if batches:
        yield pyarrow.Table.from_batches(batches, schema=schema(kept))


def _batches(chain: Path) -> Iterator[Any]:
    pyarrow = arrow()
    size = chain.stat().st_size
    with pyarrow.OSFile(str(chain)) as file:
        while file.tell() < size:
            with pyarrow.ipc.open_stream(file) as stream:
                yield from stream
