"""One row in, its decision out: what makes a row usable, which seed it draws with, what its record holds. Pure.

A row's seed is a keyed hash of the run's seed, the row's `ref` (else its number) and its text: it does not depend on who
decides the row, when, or beside which others. A seed of the row's own wins.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.errors import EvenhandError
from evenhand.flow import MAX_IMAGES, Prompt

Reason = Literal[
    "line_too_long", "json", "shape", "missing", "not_text", "encoding", "empty", "too_long", "ref", "images", "seed", "engine"
]
RowRecord = dict[str, object]
SEED_BITS = 53  # JSON readers in other languages keep integers up to 2**53 exact
MAX_SEED = 2**63 - 1
MAX_REF_CHARS = 256


class BadRow(EvenhandError):
    """A row that can't be decided; the message never holds its text."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason: Reason = reason
        super().__init__(detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of columns; an empty name is a column nobody reads. `keep` are copied from the input."""

    prompt: str = "prompt"
    ref: str = "ref"
    images: str = "images"
    seed: str = "seed"
    keep: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[str, ...]:
        """Every column that is read, once."""
        named = (self.prompt, self.ref, self.images, self.seed, *self.keep)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`number` counts the input's rows from 1; `seed` is the row's own."""

    number: int
    text: str
    ref: str | None = None
    images: int = 1
    seed: int | None = None


def decide_row(engine: Engine, row: Row, *, seed: int) -> RowRecord:
    """The decision record without its time, so that two runs give the same bytes; `seed` is the run's. Raises BadRow."""
    key = f"ref:{row.ref}" if row.ref is not None else f"row:{row.number}"
    own = draw_seed(row.text, key=key, seed=seed) if row.seed is None else row.seed
    prompt = Prompt(text=row.text, images=row.images, seed=own, id=_decision_id(row, key, own))
    try:
        told = record(engine.decide(prompt), engine.rules)
    except Exception as fault:  # a corpus goes on whatever one prompt does
        raise BadRow("engine", f"a fault of ours: {type(fault).__name__}; the prompt was not decided") from fault
    named = {"row": row.number} if row.ref is None else {"row": row.number, "ref": row.ref}
    return {**named, **{name: value for name, value in told.items() if name != "overhead_ms"}}


def draw_seed(text: str, *, key: str, seed: int) -> int:
    """From 0 to 2**53 - 1; `key` tells rows of the same text apart."""
    return int.from_bytes(_digest(seed, key, text, size=8)) >> 64 - SEED_BITS


def _decision_id(row: Row, key: str, own: int) -> str:
    return f"d-{base64.b32hexencode(_digest(own, key, row.text, str(row.images), size=16))[:26].decode()}"


def _digest(seed: int, *parts: str, size: int) -> bytes:
    total = blake2b(digest_size=size, key=seed.to_bytes(8))
    for part in parts:
        written = part.encode()
        total.update(len(written).to_bytes(4) + written)
    return total.digest()


def row_of(values: Mapping[str, object], number: int, *, columns: Columns, images: int, longest: int) -> Row:
    """Checks one row of a file; `longest` is the policy's limit in characters. Raises BadRow."""
    return Row(
        number=number,
        text=_text(values.get(columns.prompt), columns.prompt, longest),
        ref=ref_of(values, columns),
        images=_whole(values, columns.images, "images", 1, MAX_IMAGES) or images,
        seed=_whole(values, columns.seed, "seed", 0, MAX_SEED),
    )


def ref_of(values: Mapping[str, object], columns: Columns) -> str | None:
    """Raises BadRow for what names nothing."""
    value = _given(values, columns.ref)
    if value is None:
        return None
    if isinstance(value, bool | float) or not isinstance(value, str | bytes | int):
        raise BadRow("ref", f"the column '{columns.ref}' is neither text nor a whole number")
    text = _decoded(value if isinstance(value, str | bytes) else str(value), columns.ref)
    if len(text) > MAX_REF_CHARS:
        raise BadRow("ref", f"the column '{columns.ref}' has {len(text):,} characters; at most {MAX_REF_CHARS} are allowed")
    return text


def _given(values: Mapping[str, object], column: str) -> object:
    """None for nothing, and for NaN, which is what some tables make of nothing."""
    value = values.get(column) if column else None
    return None if value is None or value in ("", b"") or value != value else value


def _text(value: object, column: str, longest: int) -> str:
    if value is None:
        raise BadRow("missing", f"the column '{column}' is missing")
    if not isinstance(value, str | bytes):
        raise BadRow("not_text", f"the column '{column}' is not text")
    text = _decoded(value, column)
    if not text.strip():
        raise BadRow("empty", f"the column '{column}' is empty")
    if len(text) > longest:
        raise BadRow("too_long", f"the column '{column}' has {len(text):,} characters; the policy allows {longest:,}")
    return text


def _decoded(value: str | bytes, column: str) -> str:
    """Text that can be written as UTF-8."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value.encode("utf-8").decode("utf-8")
    except UnicodeError:
        raise BadRow("encoding", f"the column '{column}' is no UTF-8") from None


def _whole(values: Mapping[str, object], column: str, reason: Literal["images", "seed"], least: int, most: int) -> int | None:
    """A whole number, as number or as digits; None where there is none."""
    value = _given(values, column)
    if value is None:
        return None
    written = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    digits = isinstance(written, str) and written.isascii() and written.isdigit() and len(written) < 20
    if digits or (isinstance(written, float) and written.is_integer()):  # a table with gaps makes 7 of 7.0
        written = int(written)  # type: ignore[call-overload]
    if type(written) is int and least <= written <= most:
        return written
    raise BadRow(
        reason, f"the column '{column}' is no whole number from {least} to {most}; an empty --{reason}-column ignores it"
    )
