"""JSON request bodies: where the wanted values stand, what they say, and the byte changes that write others.

Only the edited stretch of a prompt string changes; key order, spacing, escapes and numbers stay as the client wrote them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.dialects.scan import BOM, Node, Token, scan, string_value
from evenhand.dialects.spec import Operation, Scalar, parents
from evenhand.dialects.splice import Change
from evenhand.errors import BodyError
from evenhand.flow import Edit

_UNIT = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]*"
)
_LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A document and its wanted values by pointer, in the order of the document."""

    data: bytes
    values: Mapping[str, Token]

    @classmethod
    def of(cls, data: bytes, operation: Operation) -> "JsonBody":
        """Raises BodyError where the body can't be read in exactly one way."""
        tokens = scan(data, operation.wanted)
        if data.removeprefix(BOM).lstrip()[:1] != b"{":
            raise BodyError('The body must be a JSON object such as {"prompt": "a nurse"}.')
        return cls(data, {token.pointer: token for token in tokens})

    @classmethod
    def of_answer(cls, data: bytes, pointers: Iterable[str]) -> "JsonBody":
        """Raises BodyError for an answer that is no JSON."""
        return cls(data, {token.pointer: token for token in scan(data, Node.of(pointers), trusting=True)})

    def text(self, token: Token) -> str:
        return string_value(self.data, token)

    def scalar(self, token: Token) -> Scalar:
        """The value of a string, number, true, false or null; None also for what is none of these."""
        if token.kind == "string":
            return self.text(token)
        raw = self.data[token.start : token.end]
        if token.kind == "number" and len(raw) > _LONGEST_NUMBER:
            return None
        value = json.loads(raw) if token.kind in ("number", "true", "false") else None
        return value if isinstance(value, str | int | float | bool) else None

    def edited(self, token: Token, text: str, edits: Sequence[Edit]) -> list[Change]:
        """Edits over the text's code points as changes of bytes, in the escaping style of the string."""
        raw = self.data[token.start + 1 : token.end - 1]
        at = _places(raw, text, token.start + 1)
        ascii_only = raw.isascii()
        return [(at(edit.span.start), at(edit.span.end), _escaped(edit.text, ascii_only)) for edit in edits]

    def can_set(self, pointer: str) -> bool:
        return pointer in self.values or self.values[self._around(pointer)].kind == "object"

    def _around(self, pointer: str) -> str:
        """The innermost place around it that is there."""
        return next(place for place in reversed(["", *parents(pointer)]) if place in self.values)

    def setting(self, values: Mapping[str, Scalar]) -> list[Change]:
        """Changes that set values by pointer, with the objects around them where they are missing, each object once.

        A value that can't be set is left out.
        """
        changes: list[Change] = []
        missing: dict[str, dict[str, Any]] = {}
        for pointer, value in values.items():
            if token := self.values.get(pointer):
                changes.append((token.start, token.end, json.dumps(value).encode()))
            elif self.can_set(pointer):
                around = self._around(pointer)
                _put(missing.setdefault(around, {}), pointer[len(around) :], value)
        return changes + [self._filled(self.values[place], new) for place, new in missing.items()]

    def _filled(self, around: Token, new: Mapping[str, Any]) -> Change:
        inside = around.start + 1
        comma = b"," if self.data[inside : around.end - 1].strip() else b""
        return inside, inside, json.dumps(new, separators=(",", ":")).encode()[1:-1] + comma


def _put(into: dict[str, Any], pointer: str, value: Scalar) -> None:
    *before, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for name in before:
        into = into.setdefault(name, {})
    into[last] = value


def _places(raw: bytes, text: str, base: int) -> Callable[[int], int]:
    """Code point of the text -> byte offset in the body, given the raw string between its quotes."""
    if b"\\" in raw:
        table = [found.start() for found in _UNIT.finditer(raw)] + [len(raw)]
        return lambda place: base + table[place]
    if text.isascii():
        return lambda place: base + place
    return lambda place: base + len(text[:place].encode("utf-8"))


def _escaped(text: str, ascii_only: bool) -> bytes:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode("utf-8")
