"""JSON answers: write revised prompts into them, merge the answers of single-image requests into one.

Pictures are never decoded: their base64 is moved as bytes. An answer that has no such shape is left alone (None).
"""

import json
from collections.abc import Sequence

from evenhand.dialects.json_body import Change, apply
from evenhand.dialects.scan import Node, Token, scan, string_value
from evenhand.dialects.spec import Operation
from evenhand.errors import BodyError


def revise(answer: bytes, operation: Operation, texts: Sequence[str]) -> bytes | None:
    """`texts` has one prompt an image, or a single one for all. A revised prompt of the upstream's own is kept."""
    items, name = operation.answer_items, operation.revised_prompt
    if items is None or name is None or not texts:
        return None
    place = f"{items}/*"
    tokens = _tokens(answer, [place, f"{place}/{name}"])
    if tokens is None:
        return None
    given = {token.pointer: token for token in tokens if token.pointer.endswith(f"/{name}")}
    images = [token for token in tokens if token.kind == "object" and token.pointer not in given]
    changes: list[Change] = []
    for index, image in enumerate(images):
        text = texts[min(index, len(texts) - 1)]
        changes += _revision(answer, image, given.get(f"{image.pointer}/{name}"), name, text)
    return apply(answer, changes)


def _revision(answer: bytes, image: Token, given: Token | None, name: str, text: str) -> list[Change]:
    value = json.dumps(text).encode()
    if given is None:
        inside = image.start + 1
        comma = b"," if answer[inside : image.end - 1].strip() else b""
        return [(inside, inside, b"%s:%s%s" % (json.dumps(name).encode(), value, comma))]
    if given.kind == "string" and string_value(answer, given):
        return []
    return [(given.start, given.end, value)]


def merge(answers: Sequence[bytes], operation: Operation) -> bytes | None:
    """The first answer's envelope around the images of all, in order, with the sums added up."""
    items = operation.answer_items
    if items is None:
        return None
    found = [_by_pointer(answer, [items, *operation.answer_sums]) for answer in answers]
    arrays = [tokens.get(items) if tokens is not None else None for tokens in found]
    inner = [
        answer[array.start + 1 : array.end - 1].strip()
        for answer, array in zip(answers, arrays, strict=True)
        if array and array.kind == "array"
    ]
    first = arrays[0]
    if len(inner) != len(answers) or first is None:
        return None
    changes: list[Change] = [(first.start + 1, first.end - 1, b",".join(part for part in inner if part))]
    for place in operation.answer_sums:
        changes += _sum(answers, [(tokens or {}).get(place) for tokens in found])
    return apply(answers[0], changes)


def _sum(answers: Sequence[bytes], tokens: Sequence[Token | None]) -> list[Change]:
    """Where the first answer has the object, its integers are the totals over all answers."""
    first = tokens[0]
    try:
        values = [json.loads(answer[token.start : token.end]) for answer, token in zip(answers, tokens, strict=True) if token]
    except ValueError:  # an integer of thousands of digits
        return []
    if first is None or not isinstance(values[0], dict):
        return []
    total: object = values[0]
    for value in values[1:]:
        total = _added(total, value)
    return [(first.start, first.end, json.dumps(total).encode())]


def _added(total: object, value: object) -> object:
    """The sum of two equal shapes; integers add up, anything else keeps the first's value."""
    if isinstance(total, dict) and isinstance(value, dict):
        return {key: _added(total.get(key), value.get(key)) for key in {**total, **value}}
    if total is None:
        return value
    if isinstance(total, int) and isinstance(value, int) and not isinstance(total, bool):
        return total + value
    return total


def _by_pointer(answer: bytes, pointers: Sequence[str]) -> dict[str, Token] | None:
    tokens = _tokens(answer, pointers)
    return None if tokens is None else {token.pointer: token for token in tokens}


def _tokens(answer: bytes, pointers: Sequence[str]) -> list[Token] | None:
    try:
        return scan(answer, Node.of(pointers), trusting=True)
    except BodyError:
        return None
