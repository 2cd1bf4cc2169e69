"""JSON request bodies: read the prompts out, splice edits and a count back in.

Only the edited stretch of the prompt string changes; key order, spacing, escapes and numbers stay as the client wrote them.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evenhand.dialects.scan import Token, scan, string_value
from evenhand.dialects.spec import Operation
from evenhand.errors import BodyError
from evenhand.flow import Edit

Change = tuple[int, int, bytes]

_UNIT = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]*"
)
_WHOLE = re.compile(rb"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt in a body: where its string token stands and what it says."""

    token: Token
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a body asks for. `parent` is the object the count stands in, or would."""

    operation: Operation
    prompts: tuple[Place, ...]
    images: int
    streams: bool = False
    count: Token | None = None
    parent: Token | None = None


def read(body: bytes, operation: Operation) -> Reading:
    """Raises BodyError where the body can't be read in exactly one way."""
    tokens = scan(body, operation.wanted)
    if not tokens or tokens[0].kind != "object":
        raise BodyError('The body must be a JSON object such as {"prompt": "a nurse"}.')
    count = _only(tokens, operation.count)
    return Reading(
        operation=operation,
        prompts=tuple(_prompts(body, tokens, operation)),
        images=_images(body, count, operation),
        streams=_is_true(tokens, operation.stream),
        count=count,
        parent=_only(tokens, operation.count.rpartition("/")[0]) if operation.count else None,
    )


def write(body: bytes, reading: Reading, edits: Sequence[Sequence[Edit]], *, images: int | None = None) -> bytes:
    """The body with one list of edits a prompt, asking for `images` where given. Every other byte is kept."""
    changes: list[Change] = []
    for place, own in zip(reading.prompts, edits, strict=True):
        changes += prompt_changes(body, place, own)
    if images is not None:
        changes += _count_changes(body, reading, images)
    return apply(body, changes)


def apply(body: bytes, changes: Iterable[Change]) -> bytes:
    """Replace byte ranges that do not overlap."""
    parts: list[bytes] = []
    at = 0
    for start, end, new in sorted(changes, key=lambda change: change[:2]):
        parts += (body[at:start], new)
        at = end
    return b"".join([*parts, body[at:]])


def prompt_changes(body: bytes, place: Place, edits: Sequence[Edit]) -> list[Change]:
    """Edits over the prompt's code points as changes over the body's bytes, in the escaping style of the string."""
    raw = body[place.token.start + 1 : place.token.end - 1]
    at = _places(raw, place.text, place.token.start + 1)
    ascii_only = raw.isascii()
    return [(at(edit.span.start), at(edit.span.end), _escaped(edit.text, ascii_only)) for edit in edits]


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


def _prompts(body: bytes, tokens: list[Token], operation: Operation) -> Iterable[Place]:
    found = [token for token in tokens if operation.is_prompt(token.pointer)]
    if not found and operation.prompt_required:
        raise BodyError(f"The body has no prompt at '{operation.prompts[0]}'; send it as a string.", pointer=operation.prompts[0])
    for token in found:
        if token.kind == "string":
            yield Place(token, string_value(body, token))
        elif token.kind != "null" or operation.prompt_required:
            raise BodyError(f"The prompt at '{token.pointer}' is {_named(token)}; it must be a string.", pointer=token.pointer)


def _only(tokens: list[Token], pointer: str | None) -> Token | None:
    return next((token for token in tokens if token.pointer == pointer), None)


def _is_true(tokens: list[Token], pointer: str | None) -> bool:
    token = _only(tokens, pointer) if pointer else None
    return token is not None and token.kind == "true"


def _images(body: bytes, token: Token | None, operation: Operation) -> int:
    if token is None or token.kind == "null":
        return operation.count_default
    raw = body[token.start : token.end]
    number = int(raw) if token.kind == "number" and _WHOLE.fullmatch(raw) else None
    if number is None or not 1 <= number <= operation.count_most:
        shown = raw[:20].decode("utf-8", "replace") if token.kind in ("number", "string") else _named(token)
        message = f"'{token.pointer}' is {shown}; it must be a whole number from 1 to {operation.count_most}."
        raise BodyError(message, pointer=token.pointer)
    return number


def _count_changes(body: bytes, reading: Reading, images: int) -> list[Change]:
    new = str(images).encode()
    if reading.count is not None:
        return [(reading.count.start, reading.count.end, new)]
    assert reading.parent is not None
    inside = reading.parent.start + 1
    comma = b"," if body[inside : reading.parent.end - 1].strip() else b""
    return [(inside, inside, b'"%s":%s%s' % (reading.operation.count_name.encode(), new, comma))]


def _named(token: Token) -> str:
    return {"object": "an object", "array": "an array", "number": "a number", "null": "null"}.get(token.kind, token.kind)
