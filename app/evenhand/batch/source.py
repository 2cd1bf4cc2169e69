"""A file or pipe in, chunks of raw rows out, in order and in constant memory. Judges no row.

A chunk holds CHUNK_ROWS rows, or fewer where they are big; its borders depend on the input alone. JSON lines stay bytes, since
whoever decides them also parses them.
"""

import csv
import gzip
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from evenhand.batch.layout import DELIMITERS, PIPE, Layout
from evenhand.batch.row import Columns, Reason
from evenhand.checking import meant
from evenhand.errors import SettingsError

CHUNK_ROWS = 256
CHUNK_BYTES = 4 << 20
LINE_BYTES = 16 << 20  # longer lines are skipped unread


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not even be read."""

    reason: Reason
    detail: str


Raw = bytes | dict[str, object] | Fault
LONG = Fault("line_too_long", f"the line has more than {LINE_BYTES >> 20} MiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """`first` is the number of its first row, from 1; `position` is where the input stood behind it (see `size_of`)."""

    first: int
    rows: list[Raw]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    path: str
    layout: Layout
    columns: Columns


def read_chunks(source: Input, *, after: int = 0) -> Iterator[Chunk]:
    """Chunks behind the first `after` rows. Raises SettingsError for a file nobody can read."""
    with ExitStack() as stack:
        if source.layout.kind == "parquet":
            from evenhand.batch.parquet import parquet_rows

            pairs = parquet_rows(source.path, source.columns)
        else:
            raw, text = _opened(source, stack)
            rows = _json_lines(text) if source.layout.kind == "jsonl" else _cells(text, source)
            pairs = ((row, raw.tell() if raw.seekable() else 0) for row in rows)
        yield from _chunked(pairs, after)


def size_of(source: Input) -> int | None:
    """Bytes of a text file, rows of a Parquet file; None for a pipe."""
    if source.layout.kind == "parquet":
        from evenhand.batch.parquet import parquet_size

        return parquet_size(source.path)
    return os.path.getsize(source.path) if Path(source.path).is_file() else None


def _opened(source: Input, stack: ExitStack) -> tuple[BinaryIO, BinaryIO]:
    """The file itself, and the text in it."""
    try:
        raw = sys.stdin.buffer if source.path == PIPE else stack.enter_context(open(source.path, "rb"))  # noqa: SIM115
    except OSError as error:
        raise SettingsError(f"{source.path}: {error.strerror}; name a file that can be read") from None
    if not source.layout.packed:
        return cast(BinaryIO, raw), cast(BinaryIO, raw)
    return cast(BinaryIO, raw), cast(BinaryIO, stack.enter_context(gzip.open(raw)))


def _chunked(pairs: Iterable[tuple[Raw, int]], after: int) -> Iterator[Chunk]:
    rows: list[Raw] = []
    number = size = position = 0
    for number, (row, position) in enumerate(pairs, 1):
        rows.append(row)
        size += _weight(row)
        if len(rows) == CHUNK_ROWS or size >= CHUNK_BYTES:
            if number > after:
                yield Chunk(first=number - len(rows) + 1, rows=rows, position=position)
            rows, size = [], 0
    if rows and number > after:
        yield Chunk(first=number - len(rows) + 1, rows=rows, position=position)


def _weight(row: Raw) -> int:
    if isinstance(row, bytes):
        return len(row)
    return sum(len(cell) for cell in row.values() if isinstance(cell, str | bytes)) if isinstance(row, dict) else 0


def _json_lines(file: BinaryIO) -> Iterator[Raw]:
    return (LONG if line is None else line for line in _lines(file))


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines with their ends; None for one that is too long, whose rest is skipped."""
    try:
        while line := file.readline(LINE_BYTES):
            if len(line) < LINE_BYTES or line.endswith(b"\n"):
                yield line
                continue
            while (rest := file.readline(LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
    except (OSError, EOFError) as error:
        raise SettingsError(f"the input breaks off: {error}; repair the file") from None


def _cells(file: BinaryIO, source: Input) -> Iterator[Raw]:
    """Rows of a CSV file by the names in its first line; broken UTF-8 stays in the cells as lone surrogates."""
    csv.field_size_limit(LINE_BYTES)
    decoded = (b"" if line is None else line for line in _lines(file))
    lines = (line.decode("utf-8", "surrogateescape") for line in decoded)
    reader = csv.reader(lines, delimiter=DELIMITERS[source.layout.kind], strict=False)
    header = _header(next(reader, []), source)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Fault("shape", f"line {reader.line_num:,} can't be read: {error}")
            continue
        yield _named(cells, header)


def _named(cells: list[str], header: list[str]) -> Raw:
    if not cells:
        return Fault("empty", "the line is empty")
    if len(cells) > len(header):
        return Fault("shape", f"the row has {len(cells)} cells; the first line names {len(header)} columns")
    return dict(zip(header, cells, strict=False))


def _header(cells: list[str], source: Input) -> list[str]:
    names = [cells[0].removeprefix("\ufeff"), *cells[1:]] if cells else []
    check_columns(source, names)
    return names


def check_columns(source: Input, names: list[str]) -> None:
    """Columns that must be there. Raises SettingsError."""
    for name in (source.columns.prompt, *source.columns.keep):
        if name not in names:
            hint = meant(name, names)
            known = ", ".join(names[:20]) or "none"
            raise SettingsError(f"{source.path}: there is no column '{name}'{hint and f'; {hint}'}; its columns are: {known}")
