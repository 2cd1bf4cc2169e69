import json

import pytest

from evenhand.dialects.answer import merge, revise
from evenhand.dialects.load import load_dialects
from evenhand.dialects.spec import AnswerSpec

OPERATION = next(
    operation for dialect in load_dialects() for operation in dialect.operations if operation.id == "openai.images.generations"
)


@pytest.mark.parametrize(
    ("answer", "texts", "written"),
    [
        (b'{"data":[{"b64_json":"QQ=="}]}', ["x"], b'{"data":[{"revised_prompt":"x","b64_json":"QQ=="}]}'),
        (
            b'{"data": [ { } , {"url":"u"}]}',
            ["x", "y"],
            b'{"data": [ {"revised_prompt":"x" } , {"revised_prompt":"y","url":"u"}]}',
        ),
        (b'{"data":[{},{}]}', ["x"], b'{"data":[{"revised_prompt":"x"},{"revised_prompt":"x"}]}'),
        (b'{"data":[{"revised_prompt":null,"a":1}]}', ['q"'], b'{"data":[{"revised_prompt":"q\\"","a":1}]}'),
        (b'{"data":[{"revised_prompt":"theirs"}]}', ["x"], b'{"data":[{"revised_prompt":"theirs"}]}'),
        (b'{"data":[],"n":1e400}', ["x"], b'{"data":[],"n":1e400}'),
        (b'{"other":1}', ["x"], b'{"other":1}'),
    ],
)
def test_writes_the_revised_prompt_into_each_image(answer: bytes, texts: list[str], written: bytes) -> None:
    assert revise(answer, OPERATION, texts) == written


@pytest.mark.parametrize("answer", [b"not json", b'{"data":[{}]', b'{"data":[],"data":[]}'])
def test_leaves_alone_what_it_cannot_read(answer: bytes) -> None:
    assert revise(answer, OPERATION, ["x"]) is None
    assert merge([answer, answer], OPERATION) is None


def test_merges_images_in_order_and_sums_the_usage() -> None:
    parts = [
        b'{ "created": 7, "data": [ {"b64_json": "AA"} ], "usage": {"total": 3, "details": {"text": 1}} }',
        b'{"created":8,"data":[{"b64_json":"BB"}],"usage":{"total":4,"details":{"text":2,"image":5},"kind":"x"}}',
        b'{"created":9,"data":[{"b64_json":"CC"},{"b64_json":"DD"}]}',
    ]
    whole = merge(parts, OPERATION)
    assert whole is not None
    assert whole.startswith(
        b'{ "created": 7, "data": [{"b64_json": "AA"},{"b64_json":"BB"},{"b64_json":"CC"},{"b64_json":"DD"}], "usage": '
    )
    assert json.loads(whole)["usage"] == {"total": 7, "details": {"text": 3, "image": 5}, "kind": "x"}


@pytest.mark.parametrize("odd", [b'{"error":{}}', b'{"data":{}}', b"[]", b""])
def test_an_answer_without_images_cannot_be_merged(odd: bytes) -> None:
    assert merge([b'{"data":[{}]}', odd], OPERATION) is None
    assert merge([odd, b'{"data":[{}]}'], OPERATION) is None


def test_a_usage_beyond_all_measure_is_left_as_the_first_said() -> None:
    huge = b'{"data":[{}],"usage":{"n":' + b"9" * 5_000 + b"}}"
    assert merge([huge, huge], OPERATION) == huge.replace(b"[{}]", b"[{},{}]")


def test_money_numbers_and_the_images_own_numbers_are_counted_through() -> None:
    answer = AnswerSpec(items="/data", index="index", sum=["/usage", "/credits"])
    made_up = OPERATION.model_copy(update={"answer": answer})
    first = b'{"credits":40,"data":[{"index":0,"url":"a"},{"index":1,"url":"b"}],"usage":{"cost":0.25,"tokens":3}}'
    second = b'{"credits":40,"data":[{"url":"c","index":0}],"usage":{"cost":0.5,"tokens":4}}'
    merged = merge([first, second], made_up)
    assert merged == (
        b'{"credits":80,"data":[{"index":0,"url":"a"},{"index":1,"url":"b"},{"url":"c","index":2}],'
        b'"usage":{"cost": 0.75, "tokens": 7}}'
    )
