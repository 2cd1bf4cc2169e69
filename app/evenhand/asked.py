"""Where prompts to decide again come from: examples of rules, case files, decision logs, batch output, Parquet files.

Rows are read one by one, or a batch at a time; what can't be decided again is counted and never held.
"""

import csv
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from evenhand.casebook import Case
from evenhand.errors import EvenhandError
from evenhand.flow import MAX_IMAGES, Prompt
from evenhand.logged import LINE_BYTES, Logged, Unread, read_lines, read_log

FIRST_UNREAD = 20
MOST_TEXTS, MOST_CHARS = 50_000, 16_000_000
ROWS_AT_ONCE, BUFFER_BYTES = 4_096, 1 << 20
PARQUET, RECORD = ".parquet", "record"
TABLES = {".csv": ",", ".tsv": "\t"}
PROMPT_COLUMNS = ("prompt", "seed", "id", "images")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A prompt and how many times it stands in the log."""

    prompt: Prompt
    times: int = 1


@dataclass(slots=True, kw_only=True)
class Skipped:
    """`erased` counts lines whose prompt was not kept, `empty` those that never had one (a bypass, an opt-out)."""

    erased: int = 0
    empty: int = 0
    too_long: int = 0
    unread: int = 0
    first_unread: list[Unread] = field(default_factory=list)

    def note(self, unread: Unread) -> None:
        self.unread += 1
        if len(self.first_unread) < FIRST_UNREAD:
            self.first_unread.append(unread)


def folded(asked: Iterable[Asked]) -> Iterator[Asked]:
    """Equal prompts as one that says how many they are: what was asked often is decided once. So many texts are held at most
    as the constants say, so an endless log may tell one of them again later."""
    held: dict[tuple[str, int, int], tuple[Asked, int]] = {}
    chars = 0
    for each in asked:
        key = each.prompt.text, each.prompt.seed, each.prompt.images
        first, times = held.get(key, (each, 0))
        held[key] = first, times + each.times
        if not times:
            chars += len(key[0])
            if len(held) >= MOST_TEXTS or chars >= MOST_CHARS:
                yield from _counted(held.values())
                held.clear()
                chars = 0
    yield from _counted(held.values())


def _counted(held: Iterable[tuple[Asked, int]]) -> Iterator[Asked]:
    return (first if times == first.times else replace(first, times=times) for first, times in held)


def case_prompts(cases: Iterable[Case]) -> Iterator[Asked]:
    """Each text and seed once."""
    asked = {(case.example.say, case.example.seed or 0): str(case.place) for case in cases}
    for (text, seed), place in asked.items():
        yield Asked(prompt=Prompt(text=text, seed=seed, id=place))


def log_prompts(paths: Iterable[str], skipped: Skipped, *, longest: int) -> Iterator[Asked]:
    """Files, Parquet files and database URLs. Raises EvenhandError where one can't be opened."""
    for path in paths:
        for record in _records(path, skipped):
            asked = _asked(record, skipped, longest)
            if asked:
                yield asked


def _records(path: str, skipped: Skipped) -> Iterator[Mapping[str, Any]]:
    if path.endswith(PARQUET) and RECORD not in _columns(path):
        yield from _rows(path, PROMPT_COLUMNS)
        return
    for line in logged(path):
        if isinstance(line, Unread):
            skipped.note(line)
        else:
            yield line.record


def logged(place: str) -> Iterator[Logged | Unread]:
    """Lines of a log, of any file that `evenhand batch` writes, or of a database by its URL. Raises EvenhandError."""
    if place.endswith(PARQUET):
        return read_lines((_bytes(row[RECORD]) for row in _rows(place, (RECORD,))), source=place)
    if mark := next((mark for end, mark in TABLES.items() if place.endswith((end, f"{end}.gz"))), ""):
        return read_lines((_bytes(row.get(RECORD)) for row in _cells(place, mark)), source=place)
    if "://" not in place:
        return read_log(Path(place))
    try:
        from evenhand.database import engine_of, shown, stored_lines
    except ImportError:
        raise EvenhandError("A log in a database needs SQLAlchemy: pip install 'evenhand[database]'") from None
    return read_lines(stored_lines(place), source=shown(engine_of(place).url))


def _bytes(record: str | None) -> bytes:
    return (record or "null").encode("utf-8", "replace")


def _cells(path: str, mark: str) -> Iterator[dict[str, str]]:
    csv.field_size_limit(LINE_BYTES)
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
            rows = csv.DictReader(TextIOWrapper(file, "utf-8", errors="replace", newline=""), delimiter=mark)
            if RECORD not in (rows.fieldnames or ()):
                raise EvenhandError(f"'{path}' has no column '{RECORD}'; name a table that `evenhand batch` wrote.")
            yield from rows
    except (OSError, EOFError, zlib.error, csv.Error) as fault:
        why = getattr(fault, "strerror", None) or "it is damaged"
        raise EvenhandError(f"'{path}' can't be read: {why.lower()}; name a table that `evenhand batch` wrote.") from None


def _columns(path: str) -> list[str]:
    with _parquet(path) as file:
        return list(file.schema_arrow.names)


def _rows(path: str, wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """A batch at a time; the first of `wanted` must be there."""
    names = [name for name in wanted if name in _columns(path)]
    if wanted[0] not in names:
        raise EvenhandError(f"'{path}' has no column '{wanted[0]}'; give its column that name.")
    with _parquet(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=names):
            yield from batch.to_pylist()


@contextmanager
def _parquet(path: str) -> Iterator[Any]:
    try:
        import pyarrow.parquet
    except ImportError:
        raise EvenhandError("Reading Parquet needs pyarrow: pip install 'evenhand[batch]'") from None
    try:
        # Its buffers would hold the whole file otherwise.
        with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            yield file
    except (OSError, ValueError) as fault:
        why = os.strerror(fault.errno) if isinstance(fault, OSError) and fault.errno else "it is no Parquet file"
        raise EvenhandError(f"'{path}' can't be read: {why.lower()}; name a Parquet file.") from None


def _asked(record: Mapping[str, Any], skipped: Skipped, longest: int) -> Asked | None:
    text = record["prompt"]
    if not text:
        was_erased = "/prompt" in (record.get("masked") or ())
        skipped.erased += was_erased
        skipped.empty += not was_erased
        return None
    if len(text) > longest:
        skipped.too_long += 1
        return None
    images = record.get("images") or len(record.get("rewrites") or ()) or 1
    prompt = Prompt(text=text, seed=record.get("seed") or 0, images=min(images, MAX_IMAGES), id=str(record.get("id") or ""))
    return Asked(prompt=prompt)
