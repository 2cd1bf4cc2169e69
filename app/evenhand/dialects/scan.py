"""Byte spans of values in a JSON document (RFC 8259): bytes and a `Node` of wanted places come in, `Token`s go out.

The whole document is validated and nothing is built but the spans asked for. Iterative, so depth can't exhaust the stack.
What parsers disagree on is refused at guarded keys: duplicates, other cases, lone surrogates. This room changes no byte.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from evenhand.errors import BodyError

Kind = Literal["object", "array", "string", "number", "true", "false", "null"]

BOM = b"\xef\xbb\xbf"
MAX_DEPTH = 64
EVERY = "*"

_BLANK = rb"[ \t\n\r]*+"
_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_SPACE = re.compile(_BLANK)
_KEY = re.compile(rb"(" + _STRING + rb")" + _BLANK + rb":" + _BLANK)
_SCALAR = re.compile(
    rb"(?P<string>" + _STRING + rb")|(?P<number>" + _NUMBER + rb")|(?P<true>true)|(?P<false>false)|(?P<null>null)"
)
_KINDS: dict[str, Kind] = {"string": "string", "number": "number", "true": "true", "false": "false", "null": "null"}
_NEXT = re.compile(_BLANK + rb"([,\]}])" + _BLANK)
_CONTROLS = bytes(range(32))
_LONG_BYTES = 4_096
_BLOCK_BYTES = 65_536
_ODD = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A value found: `start` and `end` are byte offsets in the document, quotes and brackets included."""

    pointer: str
    kind: Kind
    start: int
    end: int


@dataclass(slots=True)
class Node:
    """What is wanted below one place. `names` leads every accepted spelling of a child to its name; `*` is every item."""

    children: dict[str, "Node"] = field(default_factory=dict)
    wanted: bool = False
    names: dict[str, str] = field(default_factory=dict)
    folded: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pointers: Iterable[str], *, spelled: Callable[[str], str] | None = None) -> "Node":
        """`pointers` follow RFC 6901, with `*` for every item of an array or object: "/prompt", "/data/*/url"; "" is all.

        `spelled` gives a second spelling of a key that counts as the same.
        """
        root = cls()
        for pointer in pointers:
            root._add(pointer)
        root._name(spelled)
        return root

    def _add(self, pointer: str) -> None:
        node = self
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.children.setdefault(name, Node())
        node.wanted = True

    def _name(self, spelled: Callable[[str], str] | None) -> None:
        self.names = {name: name for name in self.children}
        if spelled:
            self.names |= {spelled(name): name for name in self.children if spelled(name) not in self.children}
        self.folded = frozenset(name.casefold() for name in self.names)
        for child in self.children.values():
            child._name(spelled)


def snake(name: str) -> str:
    """proto3 JSON accepts `systemInstruction` and `system_instruction` for the same field."""
    return _CAPITAL.sub(r"_\g<0>", name).lower()


_CAPITAL = re.compile(r"(?<!^)[A-Z]")


def string_value(body: bytes, token: Token) -> str:
    """The text of a string token. Raises BodyError for a lone surrogate, which is no text."""
    text = _unquote(body[token.start : token.end])
    if _ODD.search(text.replace("\0", "")):
        raise BodyError(
            f"The string at '{token.pointer}' holds half of a surrogate pair; send the whole character.", pointer=token.pointer
        )
    return text


def scan(body: bytes, wanted: Node, *, trusting: bool = False) -> list[Token]:
    """The wanted values in document order. Raises BodyError (400) where the document is not one strict UTF-8 JSON value.

    `trusting` skips the inside of strings without escapes: for answers, whose pictures are megabytes of base64.
    """
    if not trusting:
        _check_utf8(body)
    return _Scanner(body, trusting).run(wanted)


def _check_utf8(body: bytes) -> None:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise BodyError(f"The body is not valid UTF-8 (byte {fault.start}); send JSON encoded as UTF-8.") from None


def _is_printable(body: bytes, start: int, end: int) -> bool:
    """Whether a stretch has no control characters, a block that fits the processor's cache at a time."""
    return all(
        len(block.translate(None, _CONTROLS)) == len(block)
        for block in (body[at : min(at + _BLOCK_BYTES, end)] for at in range(start, end, _BLOCK_BYTES))
    )


def _unquote(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:  # only where the reader is trusting
        raise BodyError("A string is not valid UTF-8.") from None
    if b"\\" not in raw:
        return text[1:-1]
    value = json.loads(text)
    assert isinstance(value, str)
    return value


@dataclass(slots=True)
class _Frame:
    """An open object or array; `node` tells what is wanted inside it."""

    start: int
    pointer: str
    node: Node | None
    is_object: bool
    items: int = 0
    seen: set[str] = field(default_factory=set)


class _Scanner:
    __slots__ = ("at", "body", "found", "frames", "trusting")

    def __init__(self, body: bytes, trusting: bool) -> None:
        self.body = body
        self.trusting = trusting
        self.at = 0
        self.found: list[Token] = []
        self.frames: list[_Frame] = []

    def run(self, wanted: Node) -> list[Token]:
        self.at = len(BOM) if self.body.startswith(BOM) else 0
        self._skip_space()
        self._value("", wanted)
        while self.frames:
            self._step(self.frames[-1])
        self._skip_space()
        if self.at != len(self.body):
            raise self._fault("text after the end of the JSON value")
        self.found.sort(key=lambda token: token.start)
        return self.found

    def _step(self, frame: _Frame) -> None:
        """One member of the innermost open container, up to the comma or bracket behind it."""
        if frame.items == 0 and self.body[self.at : self.at + 1] == (b"}" if frame.is_object else b"]"):
            self.at += 1
            self._close(frame)
            return
        pointer, node = self._key(frame) if frame.is_object else self._index(frame)
        frame.items += 1
        if not self._value(pointer, node):
            self._after()

    def _after(self) -> None:
        """Past the comma behind a value, or out of every container that ends here."""
        while self.frames:
            found = _NEXT.match(self.body, self.at)
            frame = self.frames[-1]
            if not found or (found[1] != b"," and (found[1] == b"}") != frame.is_object):
                raise self._fault("a comma or the closing bracket is missing")
            if found[1] == b",":
                self.at = found.end()
                return
            self.at = found.end(1)
            self.frames.pop()
            self._note(frame.pointer, frame.node, "object" if frame.is_object else "array", frame.start)

    def _close(self, frame: _Frame) -> None:
        self.frames.pop()
        self._note(frame.pointer, frame.node, "object" if frame.is_object else "array", frame.start)
        self._after()

    def _key(self, frame: _Frame) -> tuple[str, Node | None]:
        found = _KEY.match(self.body, self.at)
        if not found:
            raise self._fault("an object key in double quotes and a colon are expected")
        self.at = found.end()
        if frame.node is None or not frame.node.children:
            return "", None
        return self._guarded(frame, frame.node, _unquote(found[1]))

    def _guarded(self, frame: _Frame, node: Node, name: str) -> tuple[str, Node | None]:
        """Keys near guarded ones must be read alike by every parser: exact, once, no half characters."""
        if _ODD.search(name):
            raise BodyError(
                "An object key holds a NUL or half of a surrogate pair, which parsers read differently.", pointer=frame.pointer
            )
        pointer = f"{frame.pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name.casefold() not in node.folded:
            return self._every(frame, node, pointer, name)
        known = node.names.get(name)
        if known is None:
            raise BodyError(
                f"The key '{name}' is a misspelling that some parsers accept; write it exactly as documented.", pointer=pointer
            )
        self._once(frame, known, pointer, name)
        return f"{frame.pointer}/{known.replace('~', '~0').replace('/', '~1')}", node.children[known]

    def _every(self, frame: _Frame, node: Node, pointer: str, name: str) -> tuple[str, Node | None]:
        child = node.children.get(EVERY)
        if child is None:
            return "", None
        self._once(frame, name, pointer, name)
        return pointer, child

    @staticmethod
    def _once(frame: _Frame, known: str, pointer: str, name: str) -> None:
        if known in frame.seen:
            raise BodyError(f"The key '{name}' occurs twice; which one counts is ambiguous, so send it once.", pointer=pointer)
        frame.seen.add(known)

    def _index(self, frame: _Frame) -> tuple[str, Node | None]:
        if frame.node is None:
            return "", None
        child = frame.node.children.get(EVERY) or frame.node.children.get(str(frame.items))
        return (f"{frame.pointer}/{frame.items}" if child else ""), child

    def _value(self, pointer: str, node: Node | None) -> bool:
        """Read one value; True where it opened a container, whose members are still to come."""
        first = self.body[self.at : self.at + 1]
        if first in (b"{", b"["):
            self._open(pointer, node, is_object=first == b"{")
            return True
        start, kind = self.at, self._scalar(first)
        self._note(pointer, node, kind, start)
        return False

    def _scalar(self, first: bytes) -> Kind:
        if first == b'"' and self._long_string():
            return "string"
        found = _SCALAR.match(self.body, self.at)
        if not found:
            raise self._fault("a JSON value is expected")
        self.at = found.end()
        return _KINDS[found.lastgroup or ""]

    def _long_string(self) -> bool:
        """Past a long string without escapes, such as a picture's base64, by searches that are much faster than the grammar."""
        end = self.body.find(b'"', self.at + 1)
        is_long = end - self.at > _LONG_BYTES or (self.trusting and end > 0)
        if not is_long or self.body.find(b"\\", self.at, end) >= 0:
            return False
        if not (self.trusting or _is_printable(self.body, self.at, end)):
            return False
        self.at = end + 1
        return True

    def _open(self, pointer: str, node: Node | None, *, is_object: bool) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise self._fault(f"more than {MAX_DEPTH} levels of nesting")
        self.frames.append(_Frame(self.at, pointer, node, is_object))
        self.at += 1
        self._skip_space()

    def _note(self, pointer: str, node: Node | None, kind: Kind, start: int) -> None:
        if node is not None and node.wanted:
            self.found.append(Token(pointer, kind, start, self.at))

    def _skip_space(self) -> None:
        found = _SPACE.match(self.body, self.at)
        assert found is not None
        self.at = found.end()

    def _fault(self, what: str) -> BodyError:
        line = self.body.count(b"\n", 0, self.at) + 1
        column = self.at - (self.body.rfind(b"\n", 0, self.at) + 1) + 1
        if self.at >= len(self.body):
            return BodyError(f"The body is not valid JSON: it ends too early at line {line} column {column}.")
        return BodyError(f"The body is not valid JSON: {what} at line {line} column {column}.")
