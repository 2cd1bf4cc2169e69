"""YAML 1.2 text comes in; plain data whose every key and value knows its line and column goes out.

This room alone knows the YAML library; it opens no file and knows no rule.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from evenhand.errors import Problem

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 50
_EXCERPT = 160
_INT = re.compile(r"[-+]?\d{1,18}")
_BASED = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.\d{1,40}|\d{1,40}(?:\.\d{0,40})?)(?:[eE][-+]?\d{1,3})?")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Line and column count from 1; `width` is how many characters the words take on that line."""

    line: int
    column: int
    width: int = 1


@dataclass(slots=True)
class Node:
    """`value` is plain data; `children` and `keys` go by key of a mapping, or by index of a list."""

    mark: Mark
    value: Any
    children: dict[str | int, "Node"] = field(default_factory=dict)
    keys: dict[str | int, Mark] = field(default_factory=dict)

    def at(self, loc: Iterable[str | int]) -> "Node":
        """The deepest node on the way; parts that name no child (a branch of a union) are skipped."""
        node = self
        for part in loc:
            node = node.children.get(part, node)
        return node


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a file."""

    path: str
    lines: tuple[str, ...]
    root: Node

    def mark(self, *loc: str | int) -> Mark:
        return self.root.at(loc).mark

    def problem(self, mark: Mark, message: str, hint: str = "") -> Problem:
        return problem_at(self.path, self.lines, mark, message, hint)


def problem_at(path: str, lines: tuple[str, ...], mark: Mark, message: str, hint: str = "") -> Problem:
    excerpt = lines[mark.line - 1].replace("\t", " ") if mark.line <= len(lines) else ""
    longest = max(_EXCERPT, mark.column + mark.width + 20)
    return Problem(path, mark.line, mark.column, message, excerpt[:longest].rstrip(), mark.width, hint)


def decoded(raw: bytes, path: str) -> str | Problem:
    """UTF-8 text, with or without a byte order mark."""
    if len(raw) > MAX_BYTES:
        return Problem(path, 1, 1, f"the file has {len(raw):,} bytes; at most {MAX_BYTES:,} are read; split it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        return Problem(path, line, column, f"byte 0x{raw[error.start]:02x} is no UTF-8; save the file as UTF-8")


def read(raw: bytes, path: str) -> tuple[list[Document], list[Problem]]:
    """Every document of a file, and everything wrong with its YAML."""
    text = decoded(raw, path)
    if isinstance(text, Problem):
        return [], [text]
    lines = tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    builder = _Builder(path, lines)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if not builder.take(event):
                break
    except YAMLError as error:
        builder.problems.append(_syntax_problem(error, path, lines))
    except Exception as error:  # the library has faults of its own, such as OverflowError for "\\UFFFFFFFF"
        builder.problems.append(problem_at(path, lines, builder.last, f"can't be read as YAML from here on: {error}"))
    return builder.documents, builder.problems


class _Builder:
    """Events in, nodes out; a stack of its own, so that no depth of nesting can exhaust Python's."""

    def __init__(self, path: str, lines: tuple[str, ...]) -> None:
        self.path = path
        self.lines = lines
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self.last = Mark(1, 1)
        self._stack: list[Node] = []
        self._key: list[tuple[str, Mark] | None] = []

    def take(self, event: Event) -> bool:
        """False where reading on makes no sense."""
        self.last = _mark(event, width=1)
        if isinstance(event, ScalarEvent):
            self._scalar(event)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            return self._open(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._stack.pop()
            self._key.pop()
        elif isinstance(event, AliasEvent):
            self._refuse(event, f"alias '*{event.anchor}' is not allowed in rule files", "write the value out")
            self._put(Node(_mark(event), None))
        elif isinstance(event, DocumentStartEvent):
            self._stack, self._key = [], []
        return True

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> bool:
        self._check_plain(event)
        node = Node(_mark(event, width=1), {} if isinstance(event, MappingStartEvent) else [])
        if self._awaits_key():
            self._refuse(event, "a list or mapping can't be a key here", "put the key in quotes")
            return False
        self._put(node)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
            return False
        self._stack.append(node)
        self._key.append(None)
        return True

    def _scalar(self, event: ScalarEvent) -> None:
        self._check_plain(event)
        if event.style == '"' and not event.value.isascii() and any("\ud800" <= char <= "\udfff" for char in event.value):
            self._refuse(event, "half of a surrogate pair is no character", "write the character itself, or \\U and 8 digits")
        if self._awaits_key():
            self._take_key(event)
        else:
            plain = event.style is None and event.implicit[0]
            self._put(Node(_mark(event), resolved(event.value) if plain else event.value))

    def _take_key(self, event: ScalarEvent) -> None:
        mark = _mark(event)
        first = self._stack[-1].keys.get(event.value)
        if event.value == "<<" and event.style is None:
            self._refuse(event, "merge key '<<' is not allowed in rule files", "write the keys out")
        elif first:
            self._refuse(event, f"key '{event.value}' is given twice; first in line {first.line}", "keep one of them")
        self._key[-1] = (event.value, mark)

    def _put(self, node: Node) -> None:
        if not self._stack:
            self.documents.append(Document(self.path, self.lines, node))
            return
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.children[len(parent.value)] = node
            parent.value.append(node.value)
            return
        key, mark = self._key[-1] or ("", node.mark)
        self._key[-1] = None
        if key not in parent.children and key != "<<":
            parent.children[key], parent.keys[key], parent.value[key] = node, mark, node.value

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._key[-1] is None

    def _check_plain(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
        if event.anchor:
            self._refuse(
                event, f"anchor '&{event.anchor}' is not allowed in rule files", "write the value out where it is needed"
            )
        if event.tag:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, f"tag '{tag}' is not allowed in rule files", "quote a text, leave anything else plain")

    def _refuse(self, event: Event, message: str, hint: str = "") -> None:
        self.problems.append(problem_at(self.path, self.lines, _mark(event), message, hint))


def resolved(plain: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar in the core schema of YAML 1.2: `no` and `on` are strings, `007` is 7."""
    if plain in _CONSTANTS:
        return _CONSTANTS[plain]
    if plain[0] not in "+-.0123456789":
        return plain
    if _INT.fullmatch(plain):
        return int(plain)
    if _BASED.fullmatch(plain):
        return int(plain, 0)
    return float(plain) if _FLOAT.fullmatch(plain) else plain


def _mark(event: Event, *, width: int = 0) -> Mark:
    start, end = event.start_mark, event.end_mark
    on_line = end.column - start.column if end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, width or max(on_line, 1))


_CURES = {
    "cannot start any token": "indent with spaces, and quote a text that begins with a special character",
    "mapping values are not allowed": "quote a text that contains ': '",
    "did not find expected": "check the indentation, brackets and quotes just above",
    "expected <block end>": "check the indentation, and quote a text that begins with a quote or bracket",
    "expected ',' or": "close the bracket, and quote a text that contains a comma or ': '",
    "unexpected end of stream": "close the quote that begins here",
}


def _syntax_problem(error: YAMLError, path: str, lines: tuple[str, ...]) -> Problem:
    if isinstance(error, ReaderError):
        mark = _mark_of_offset(lines, error.position)
        return problem_at(path, lines, mark, f"character U+{int(error.character):04X} is not allowed in YAML", "delete it")
    if not isinstance(error, MarkedYAMLError):
        return Problem(path, 1, 1, f"can't be read as YAML: {error}")
    what = " ".join(str(error.problem or error.context or "broken YAML").split())
    found: StreamMark | None = error.problem_mark or error.context_mark
    if "end of stream" in what and error.context_mark:
        found = error.context_mark
    mark = Mark(min(found.line + 1, len(lines)), found.column + 1) if found else Mark(1, 1)
    hint = next((cure for words, cure in _CURES.items() if words in what), "")
    return problem_at(path, lines, mark, f"can't be read as YAML: {what}", hint)


def _mark_of_offset(lines: tuple[str, ...], offset: int) -> Mark:
    for number, line in enumerate(lines, start=1):
        if offset <= len(line):
            return Mark(number, offset + 1)
        offset -= len(line) + 1
    return Mark(1, 1)
