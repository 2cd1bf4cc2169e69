"""One line of the decision log: a decision and what came of it; `erase` takes the words out; `read_log` reads lines back.

Files are JSON lines, plain or gzip; batch output, which has fewer keys, is read like a log. Never more than a line is held.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from evenhand.engine.record import DecisionRecord
from evenhand.errors import EvenhandError
from evenhand.rules.compile import canonical_phrase
from evenhand.rules.ruleset import Ruleset

LINE_BYTES = 67_108_864
TEXTS = (
    "/prompt",
    "/rewrites/*",
    "/subjects/*/text",
    "/subjects/*/head/text",
    "/subjects/*/axes/*/closed_by/*/text",
    "/notes/*/text",
)


class LogRecord(DecisionRecord):
    """A decision as logged. Words named in `masked` (JSON pointers) are erased and stand as empty strings.

    `sample` is the chance that this line had to be kept; `unknown` lists the heads that no rule holds as a person;
    `lost` counts the decisions right before this one that found no room in the queue.
    """

    timestamp: str
    request_id: str
    route: str
    tenant: str
    status: int
    upstream_status: int
    refused: bool
    drift: list[str]
    sample: float
    prompt_hash: str
    unknown: list[str]
    masked: list[str]
    lost: NotRequired[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """`is_log` is False for batch output, which tells neither the time taken nor what came of a decision."""

    record: LogRecord
    source: str
    number: int
    is_log: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A line that can't be used; `why` never quotes it."""

    source: str
    number: int
    why: str


def head_rules(head: str, rules: Ruleset) -> frozenset[str]:
    """The rules that hold these very words as a phrase, whatever they say of them."""
    line = canonical_phrase(head)
    return frozenset(entry.rule for _, (length, found) in rules.phrases.iter(line) if length == len(line) for entry in found)


def is_known(head: str, rules: Ruleset) -> bool:
    """False where the language model alone can have found the person."""
    return bool(head_rules(head, rules)) or any(True for _ in rules.patterns.find(head))


def erase(line: LogRecord, *, keep: Iterable[str] = ()) -> list[str]:
    """Empties every text that comes from the prompt, but those at the pointers of `keep`; returns the pointers of the rest."""
    kept = frozenset(keep)
    masked = []
    for pattern in TEXTS:
        for holder, key, pointer in _places(line, pattern.split("/")[1:], ""):
            if pointer not in kept and holder[key]:
                holder[key] = ""
                masked.append(pointer)
    return masked


def _places(node: Any, pattern: list[str], at: str) -> Iterator[tuple[Any, Any, str]]:
    key, *rest = pattern
    keys: Iterable[Any] = [key] if key != "*" else range(len(node)) if isinstance(node, list) else list(node)
    for each in keys:
        if rest:
            yield from _places(node[each], rest, f"{at}/{each}")
        else:
            yield node, each, f"{at}/{each}"


def read_log(path: Path) -> Iterator[Logged | Unread]:
    """Raises EvenhandError where there is no such file. Lines count from 1."""
    try:
        with path.open("rb") as file:
            yield from read_lines(_lines(_unpacked(file)), source=str(path))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield Unread(source=str(path), number=0, why="the archive breaks off or is damaged; what follows is missing")
    except OSError as error:
        raise EvenhandError(f"'{path}' can't be read: {error.strerror}; name a decision log or batch output.") from None


def read_lines(lines: Iterable[bytes | None], *, source: str) -> Iterator[Logged | Unread]:
    for number, line in enumerate(lines, start=1):
        if line is None:
            yield Unread(source=source, number=number, why=f"the line is longer than {LINE_BYTES:,} bytes")
        elif line.strip():
            yield read_line(line, source=source, number=number)


def read_line(line: bytes, *, source: str, number: int) -> Logged | Unread:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return Unread(source=source, number=number, why="the line is no JSON")
    if not isinstance(data, dict):
        return Unread(source=source, number=number, why="the line is no JSON object")
    try:
        record = _RECORD.validate_python({**_BLANK, **data})
    except ValidationError as error:
        where = "/".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        return Unread(source=source, number=number, why=f"'{where[:80]}' is missing or of another type than in a decision")
    return Logged(record=record, source=source, number=number, is_log="timestamp" in data)


_RECORD = TypeAdapter(with_config(ConfigDict(allow_inf_nan=False))(LogRecord))
_BLANK: dict[str, Any] = {
    **dict.fromkeys(("timestamp", "request_id", "route", "tenant", "prompt_hash"), ""),
    **dict.fromkeys(("status", "upstream_status"), 0),
    **{name: [] for name in ("drift", "unknown", "masked")},
    "refused": False,
    "sample": 1.0,
    "overhead_ms": 0.0,
}


def _unpacked(file: BufferedReader) -> BufferedIOBase:
    return gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file


def _lines(file: BufferedIOBase) -> Iterator[bytes | None]:
    """None for a line too long to be one of ours."""
    while line := file.readline(LINE_BYTES):
        if line.endswith(b"\n") or len(line) < LINE_BYTES:
            yield line
            continue
        while (more := file.readline(LINE_BYTES)) and not more.endswith(b"\n"):
            pass
        yield None
