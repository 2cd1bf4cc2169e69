"""A chunk of raw rows in, its finished bytes and its counts out: what every worker of every engine does. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from evenhand.batch.encode import INPUT, encode, line
from evenhand.batch.layout import Layout
from evenhand.batch.row import BadRow, Columns, RowRecord, decide_row, ref_of, row_of
from evenhand.batch.source import Chunk, Fault, Raw
from evenhand.engine import Engine
from evenhand.text import writable

SHOWN_CHARS = 80
Tally = Counter[str]  # "rows", "outcome/rewritten", "bad/empty", "drawn/gender/woman" -> how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do with each row; `seed` is the run's, `images` stands where a row says nothing."""

    columns: Columns
    output: Layout
    images: int = 1
    seed: int = 0
    show_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A chunk's result: bytes for the output, lines for the side file."""

    first: int
    rows: int
    data: bytes
    bad: bytes
    tally: Tally
    position: int


def work(chunk: Chunk, job: Job, engine: Engine) -> Done:
    records: list[RowRecord] = []
    bad: list[dict[str, object]] = []
    for number, raw in enumerate(chunk.rows, chunk.first):
        try:
            records.append(settle(raw, number, job, engine))
        except BadRow as fault:
            bad.append(told(fault, raw, number, job))
    return Done(
        first=chunk.first,
        rows=len(chunk.rows),
        data=encode(records, job.output, job.columns.keep),
        bad="".join(f"{line(each)}\n" for each in bad).encode("utf-8", "replace"),
        tally=_tally(records, bad),
        position=chunk.position,
    )


def settle(raw: Raw, number: int, job: Job, engine: Engine) -> RowRecord:
    """Raises BadRow."""
    values = values_of(raw)
    longest = engine.rules.policy.limits.prompt_chars
    row = row_of(values, number, columns=job.columns, images=job.images, longest=longest)
    record = decide_row(engine, row, seed=job.seed)
    if job.columns.keep:
        record[INPUT] = {name: _kept(values.get(name)) for name in job.columns.keep}
    return record


def values_of(raw: Raw) -> Mapping[str, object]:
    """Raises BadRow."""
    if isinstance(raw, dict):
        return raw
    if isinstance(raw, Fault):
        raise BadRow(raw.reason, raw.detail)
    try:
        values = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BadRow("encoding", "the line is no UTF-8") from None
    except json.JSONDecodeError as error:
        if not raw.strip():
            raise BadRow("empty", "the line is empty") from None
        raise BadRow("json", f"the line is no JSON: {error.msg} at column {error.colno:,}") from None
    except (ValueError, RecursionError):
        raise BadRow("json", "the line is no JSON that can be read: a number without end, or NaN, or too deep") from None
    if not isinstance(values, dict):
        raise BadRow("shape", 'the line is no JSON object such as {"prompt": "..."}')
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _kept(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return writable(value) if isinstance(value, str) else value


def told(fault: BadRow, raw: Raw, number: int, job: Job) -> dict[str, object]:
    """A line of the side file: never a text, unless the operator asked for its beginning."""
    out: dict[str, object] = {"row": number, "reason": fault.reason, "detail": str(fault)}
    try:
        values = values_of(raw)
        ref = ref_of(values, job.columns)
    except BadRow:
        values, ref = {}, None
    if ref is not None:
        out["ref"] = ref
    if job.show_text:
        shown = values.get(job.columns.prompt, raw if isinstance(raw, bytes) else "")
        text = shown.decode("utf-8", "replace") if isinstance(shown, bytes) else shown
        out["text"] = writable(text[:SHOWN_CHARS]) if isinstance(text, str) else ""
    return out


def _tally(records: list[RowRecord], bad: list[dict[str, object]]) -> Tally:
    tally = Tally(f"outcome/{record['outcome']}" for record in records)
    tally.update(f"bad/{each['reason']}" for each in bad)
    tally.update(name for record in records for name in _drawn(record))
    tally["rows"] = len(records) + len(bad)
    return tally


def _drawn(record: Mapping[str, Any]) -> Iterator[str]:
    """Every value drawn for a person in an image."""
    for subject in record["subjects"]:
        for axis, told in subject["axes"].items():
            for value in cast(Iterable[str | list[str]], told["drawn"]):
                yield from (f"drawn/{axis}/{each}" for each in ([value] if isinstance(value, str) else value))
