"""Thousands of generated bodies: whatever stands outside the prompt keeps its bytes, and a large body is not copied about."""

import hashlib
import json
import random
import tracemalloc
from collections.abc import Iterator
from typing import Any

from evenhand.dialects.load import dialect_of
from evenhand.dialects.reading import Reading, read, write
from evenhand.flow import Edit, Span

BOTH = b"""
dialect: both
title: Both
operations:
  - id: both.draw
    path: /draw
    content: [application/json, multipart/form-data]
    prompts: [/prompt, /more/*/text]
    count: {at: [/n]}
    prompt_required: false
"""
OPERATION = dialect_of(BOTH, "both.yaml").operations[0]
LETTERS = "abc éß日本 😀\"\\/\n\t\x7f\u2028{}[],:'0"
ADDED = 'Black "é" '


def text(rng: random.Random, most: int = 20) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(most)))


def value(rng: random.Random, depth: int = 0) -> Any:
    kinds = ["text", "number", "null", "true"] + (["list", "dict"] if depth < 3 else [])
    match rng.choice(kinds):
        case "text":
            return text(rng)
        case "number":
            return rng.choice([0, -1, 7.5, 1e300, 2**70, -0.0])
        case "list":
            return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
        case "dict":
            return {f"k{index}{text(rng, 4)}": value(rng, depth + 1) for index in range(rng.randrange(4))}
        case "true":
            return True
    return None


def json_bodies(number: int) -> Iterator[bytes]:
    rng = random.Random(1)
    for _ in range(number):
        fields = [(f"x{index}{text(rng, 4)}", value(rng)) for index in range(rng.randrange(5))]
        fields += [
            ("prompt", text(rng, 60)),
            ("n", 2),
            ("more", [{"text": text(rng, 30), "y": value(rng)} for _ in range(rng.randrange(3))]),
        ]
        rng.shuffle(fields)
        space = rng.choice([(",", ":"), (", ", ": "), (" ,\r\n", "\t: ")])
        yield json.dumps(
            dict(fields), ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 0, 2]), separators=space
        ).encode()


def forms(number: int) -> Iterator[bytes]:
    rng = random.Random(2)
    for _ in range(number):
        parts = [(f"x{index}", rng.randbytes(rng.randrange(300)), '; filename="a.png"') for index in range(rng.randrange(3))]
        parts += [("prompt", text(rng, 60).encode(), ""), ("n", b"2", "")]
        rng.shuffle(parts)
        yield (
            b"".join(
                b'--boundary-7f3\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
                % (name.encode(), more.encode(), said)
                for name, said, more in parts
            )
            + b"--boundary-7f3--\r\n"
        )


def digest(body: bytes, holes: list[tuple[int, int]]) -> str:
    """SHA-256 of all bytes but the holes."""
    kept, at = hashlib.sha256(), 0
    for start, end in sorted(holes):
        kept.update(body[at:start] + b"|")
        at = end
    kept.update(body[at:])
    return kept.hexdigest()


def holes(reading: Reading) -> list[tuple[int, int]]:
    return [(place.token.start, place.token.end) for place in reading.prompts]


def changed(body: bytes, content_type: bytes) -> tuple[Reading, bytes]:
    reading = read(body, OPERATION, content_type=content_type)
    edits = [[Edit(Span(len(place.text) // 2, len(place.text) // 2), ADDED)] for place in reading.prompts]
    return reading, bytes(write(reading, edits))


def check(body: bytes, content_type: bytes) -> None:
    before, written = changed(body, content_type)
    after = read(written, OPERATION, content_type=content_type)
    assert digest(body, holes(before)) == digest(written, holes(after))
    for old, new in zip(before.prompts, after.prompts, strict=True):
        assert new.text == old.text[: len(old.text) // 2] + ADDED + old.text[len(old.text) // 2 :]


def test_5000_json_bodies() -> None:
    for body in json_bodies(5_000):
        check(body, b"application/json")


def test_500_forms() -> None:
    for body in forms(500):
        check(body, b"multipart/form-data; boundary=boundary-7f3")


def test_a_large_body_is_held_less_than_three_times() -> None:
    size = 20_000_000
    tracemalloc.start()
    try:
        body = b'{"image":"%s","prompt":"a nurse in a garden, watercolour, soft light"}' % (b"QUJD" * (size // 4))
        reading = read(body, OPERATION)
        pieces = write(reading, [[Edit(Span(2, 2), "Black ")]])
        assert sum(len(piece) for piece in pieces) == len(body) + 6
        assert tracemalloc.get_traced_memory()[1] < 3 * size
    finally:
        tracemalloc.stop()
