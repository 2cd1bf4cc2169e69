"""Records in, the bytes of a chunk out, one way for each kind of file. Pure; packs each chunk by itself, so that a packed
file can be cut between chunks."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from evenhand.batch.layout import DELIMITERS, Kind, Layout
from evenhand.batch.row import RowRecord
from evenhand.errors import SettingsError

COLUMNS = ("row", "ref", "outcome", "prompt", "rewrite", "rewrites", "record")
INPUT = "input"  # where the record holds the columns that are kept
PACKING = 6
Kept = tuple[str, ...]


def head(layout: Layout, kept: Kept) -> bytes:
    """What stands before the first chunk. Raises SettingsError where a kept column has the name of one of ours."""
    taken = [name for name in kept if name in COLUMNS]
    if layout.kind != "jsonl" and taken:
        raise SettingsError(
            f"--keep {taken[0]}: the output has a column of that name; rename it in the input, or write JSON lines"
        )
    if layout.kind not in DELIMITERS:
        return b""
    return _packed(_cells([[*kept, *COLUMNS]], layout.kind), layout)


def encode(records: Sequence[RowRecord], layout: Layout, kept: Kept) -> bytes:
    return _packed(ENCODERS[layout.kind](records, layout.kind, kept), layout) if records else b""


def line(record: Mapping[str, object]) -> str:
    """One JSON line without its end."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str)


def _packed(data: bytes, layout: Layout) -> bytes:
    return gzip.compress(data, PACKING, mtime=0) if layout.packed and data else data


def _lines(records: Sequence[RowRecord], kind: Kind, kept: Kept) -> bytes:
    return "".join(f"{line(record)}\n" for record in records).encode("utf-8", "replace")


def _table(records: Sequence[RowRecord], kind: Kind, kept: Kept) -> bytes:
    rows = [flat(record, kept) for record in records]
    for row in rows:
        row["rewrites"] = line(row["rewrites"])  # type: ignore[arg-type]
    return _cells([list(row.values()) for row in rows], kind)


def _arrow(records: Sequence[RowRecord], kind: Kind, kept: Kept) -> bytes:
    from evenhand.batch.parquet import encoded

    return encoded([flat(record, kept) for record in records], kept)


def _cells(rows: Sequence[Sequence[object]], kind: Kind) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=DELIMITERS[kind], lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def flat(record: RowRecord, kept: Kept) -> dict[str, object]:
    """Kept columns, then ours; `rewrite` is what would be sent for the first image, changed or not."""
    rewrites = cast(list[str], record["rewrites"])
    given = cast(dict[str, object], record.get(INPUT, {}))
    values = (
        *(record.get(name) for name in COLUMNS[:4]),
        rewrites[0] if rewrites else record["prompt"],
        rewrites,
        line({name: value for name, value in record.items() if name != INPUT}),
    )
    return {name: _text(given.get(name)) for name in kept} | dict(zip(COLUMNS, values, strict=True))


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


ENCODERS: Mapping[Kind, Callable[[Sequence[RowRecord], Kind, Kept], bytes]] = {
    "jsonl": _lines,
    "csv": _table,
    "tsv": _table,
    "parquet": _arrow,
}
