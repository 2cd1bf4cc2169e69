"""Answers of an image API, which we trust more but not blindly: revising and merging never fail and leave JSON behind."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from evenhand.dialects.answer import merge, refuses, revise, revised_prompts
from evenhand.dialects.spec import Operation
from fuzz.shared import JSON, chosen, golden_answers, operations, strict_json

ODD = (b'"\\ud800"', b'"\xff"', b'"a\\n"', b"null", b"7", b'["a"]', b'""', b'"a","\x96":1')
WORDS = (
    b'"data":[{',
    b'"b64_json":""',
    b'"revised_prompt":',
    b'"usage":{',
    b"\\ud800",
    b"\xff",
    b"null",
    b"9" * 5000,
    b"1e999",
    b"{}",
    b"[]",
    b'"index":',
)
TEXT = 'a "nurse" \\ é😀'


def seeds() -> Iterator[bytes]:
    yield from (bytes([index]) + answer for index, answer in golden_answers())
    for index, operation in enumerate(operations(JSON)):
        if operation.answer and operation.answer.revised_prompt:
            yield from (
                bytes([index]) + around(operation, b'{"%s":%s}' % (operation.answer.revised_prompt.encode(), value))
                for value in ODD
            )


def around(operation: Operation, image: bytes) -> bytes:
    """An answer of that operation with one such image."""
    assert operation.answer is not None
    answer = b"[%s]" % image
    for name in reversed(operation.answer.items.split("/")[1:]):
        answer = b'{"%s":%s}' % (name.encode(), answer)
    return answer


def run(data: bytes) -> None:
    operation, answer = chosen(data, JSON)
    for status in (200, 400):
        refuses(answer, status, operation)
    told = revised_prompts(answer, operation)
    revised = revise(answer, operation, [TEXT])
    joined = merge([answer, answer], operation)
    with suppress(ValueError, RecursionError):
        document = strict_json(answer)
        check_revised(document, told, revised, operation)
        check_merged(document, joined, operation)


def check_revised(document: Any, told: list[str], revised: bytes | None, operation: Operation) -> None:
    if revised is None:
        return
    after = json_of(revised)
    assert set(told) <= set(revised_prompts(revised, operation)), "a revised prompt of the upstream's own was lost"
    assert type(after) is type(document)


def check_merged(document: Any, joined: bytes | None, operation: Operation) -> None:
    if joined is None or operation.answer is None:
        return
    before, after = json_of_items(document, operation), json_of_items(json_of(joined), operation)
    assert len(after) == 2 * len(before), (before, after)


def json_of(raw: bytes) -> Any:
    """A ValueError here is a finding, so it must not pass for one of the original answer."""
    try:
        return strict_json(raw)
    except ValueError as fault:
        raise AssertionError(f"what we wrote is no JSON: {fault}") from fault


def json_of_items(document: Any, operation: Operation) -> list[Any]:
    assert operation.answer is not None
    for name in operation.answer.items.split("/")[1:]:
        document = document[name]
    assert isinstance(document, list)
    return document
