"""JSON answers: write revised prompts into them, merge the answers of single-image requests into one.

Pictures are never decoded: their base64 is moved as bytes. An answer that has no such shape is left alone (None).
"""

import json
from collections.abc import Sequence

from evenhand.dialects.conditions import holds
from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.scan import Node, Token, scan, string_value
from evenhand.dialects.spec import AnswerSpec, Operation
from evenhand.dialects.splice import Change, Pieces
from evenhand.errors import BodyError


def revise(answer: bytes, operation: Operation, texts: Sequence[str]) -> bytes | None:
    """`texts` has one prompt an image, or a single one for all. A revised prompt of the upstream's own is kept."""
    return revised(answer, operation, texts)[1]


def revised_prompts(answer: bytes, operation: Operation) -> list[str]:
    """What the upstream itself says it drew, where it says so."""
    return revised(answer, operation, ())[0]


def revised(answer: bytes, operation: Operation, texts: Sequence[str]) -> tuple[list[str], bytes | None]:
    """`revised_prompts` and `revise` in one reading."""
    spec = operation.answer
    images = _images(answer, spec) if spec and spec.revised_prompt else None
    if images is None or spec is None or spec.revised_prompt is None:
        return [], None
    name = spec.revised_prompt
    told = [_said(answer, inside[name]) for _, inside in images if name in inside and inside[name].kind == "string"]
    changes: list[Change] = []
    for index, (image, inside) in enumerate(images if texts else ()):
        changes += _revision(answer, image, inside.get(name), name, texts[min(index, len(texts) - 1)])
    return [text for text in told if text], bytes(Pieces(answer, changes)) if texts else None


def refuses(answer: bytes, status: int, operation: Operation) -> bool:
    """Whether the upstream refused the prompt for its content, and says so in the way its dialect describes."""
    specs = [spec for spec in operation.refusals if status in spec.status]
    if any(spec.where is None for spec in specs):
        return True
    conditions = [spec.where for spec in specs if spec.where]
    try:
        body = JsonBody.of_answer(answer, [each.at for each in conditions if each.at]) if conditions else None
        return body is not None and any(holds(each, body, "", {}) for each in conditions)
    except BodyError:
        return False


def _said(answer: bytes, token: Token) -> str | None:
    """None for a string that is no text."""
    try:
        return string_value(answer, token)
    except BodyError:
        return None


def _images(answer: bytes, spec: AnswerSpec) -> list[tuple[Token, dict[str, Token]]] | None:
    """The items that are images, each with what was asked for inside it by name."""
    tokens = _tokens(answer, spec.wanted)
    if tokens is None:
        return None
    depth = spec.items.count("/") + 1
    inside: dict[str, dict[str, Token]] = {}
    for token in tokens:
        if token.pointer.count("/") > depth:
            parent, _, name = token.pointer.rpartition("/")
            inside.setdefault(parent, {})[name] = token
    items = [token for token in tokens if token.pointer.count("/") == depth and token.kind == "object"]
    return [(item, inside.get(item.pointer, {})) for item in items if _is_image(answer, inside.get(item.pointer, {}), spec)]


def _is_image(answer: bytes, inside: dict[str, Token], spec: AnswerSpec) -> bool:
    if spec.where is None or spec.where.at is None:
        return True
    token = inside.get(spec.where.at.lstrip("/"))
    return token is not None and token.kind == "string" and _said(answer, token) in spec.where.equals


def _revision(answer: bytes, image: Token, given: Token | None, name: str, text: str) -> list[Change]:
    value = json.dumps(text).encode()
    if given is None:
        inside = image.start + 1
        comma = b"," if answer[inside : image.end - 1].strip() else b""
        return [(inside, inside, b"%s:%s%s" % (json.dumps(name).encode(), value, comma))]
    if given.kind == "string" and _said(answer, given) != "":
        return []
    return [(given.start, given.end, value)]


def merge(answers: Sequence[bytes], operation: Operation) -> bytes | None:
    """The first answer's envelope around the images of all, in order, with the sums added up."""
    spec = operation.answer
    if spec is None or not spec.merges:
        return None
    answers = _numbered(answers, spec, spec.index) if spec.index else answers
    found = [_by_pointer(answer, [spec.items, *spec.join, *spec.sum]) for answer in answers]
    changes: list[Change] = []
    for place in (spec.items, *spec.join):
        joined = _joined(answers, [(tokens or {}).get(place) for tokens in found])
        if joined is None and place == spec.items:
            return None
        changes += [joined] if joined else []
    for place in spec.sum:
        changes += _sum(answers, [(tokens or {}).get(place) for tokens in found])
    return bytes(Pieces(answers[0], changes))


def _numbered(answers: Sequence[bytes], spec: AnswerSpec, name: str) -> list[bytes]:
    """The answers with their images' own numbers counted through from one answer to the next."""
    numbered: list[bytes] = []
    count = 0
    for answer in answers:
        changes: list[Change] = []
        for _, inside in _images(answer, spec) or ():
            token = inside.get(name)
            changes += [(token.start, token.end, b"%d" % count)] if token and token.kind == "number" else []
            count += 1
        numbered.append(bytes(Pieces(answer, changes)))
    return numbered


def _joined(answers: Sequence[bytes], arrays: Sequence[Token | None]) -> Change | None:
    """All arrays end to end, in place of the first; None where one is missing or is no array."""
    inner = [
        answer[array.start + 1 : array.end - 1].strip()
        for answer, array in zip(answers, arrays, strict=True)
        if array and array.kind == "array"
    ]
    first = arrays[0]
    if len(inner) != len(answers) or first is None:
        return None
    return first.start + 1, first.end - 1, b",".join(part for part in inner if part)


def _sum(answers: Sequence[bytes], tokens: Sequence[Token | None]) -> list[Change]:
    """Where the first answer has the number, or the object of numbers, it becomes the total over all answers."""
    first = tokens[0]
    try:
        values = [json.loads(answer[token.start : token.end]) for answer, token in zip(answers, tokens, strict=True) if token]
    except ValueError:  # an integer of thousands of digits
        return []
    if first is None or not isinstance(values[0], dict | int | float):
        return []
    total: object = values[0]
    for value in values[1:]:
        total = _added(total, value)
    return [(first.start, first.end, json.dumps(total).encode())]


def _added(total: object, value: object) -> object:
    """The sum of two equal shapes; numbers add up, anything else keeps the first's value."""
    if isinstance(total, dict) and isinstance(value, dict):
        return {key: _added(total.get(key), value.get(key)) for key in {**total, **value}}
    if total is None:
        return value
    if isinstance(total, int | float) and isinstance(value, int | float) and not isinstance(total, bool):
        return total + value
    return total


def _by_pointer(answer: bytes, pointers: Sequence[str]) -> dict[str, Token] | None:
    tokens = _tokens(answer, Node.of(pointers))
    return None if tokens is None else {token.pointer: token for token in tokens}


def _tokens(answer: bytes, wanted: Node) -> list[Token] | None:
    try:
        return scan(answer, wanted, trusting=True)
    except BodyError:
        return None
