import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.dialects.scan import MAX_DEPTH, Node, scan, string_value
from evenhand.errors import BodyError

WANTED = Node.of(["/prompt", "/n", "/parts/*/text"])


def found(body: bytes) -> dict[str, bytes]:
    return {token.pointer: body[token.start : token.end] for token in scan(body, WANTED)}


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (b'{"prompt":"a","n":2}', {"/prompt": b'"a"', "/n": b"2"}),
        (b' \n{ "n" :\t2 , "prompt" : "\\"q\\"" } ', {"/n": b"2", "/prompt": b'"\\"q\\""'}),
        (b'\xef\xbb\xbf{"prompt":"a"}', {"/prompt": b'"a"'}),
        (b'{"x":{"prompt":"inner"},"prompt":"outer"}', {"/prompt": b'"outer"'}),
        (b'{"pro\\u006dpt":"a"}', {"/prompt": b'"a"'}),
        (b'{"prompt":["a",{"b":[]}]}', {"/prompt": b'["a",{"b":[]}]'}),
        (b'{"parts":[{"text":"a"},{"x":1},{"text":"b"}]}', {"/parts/0/text": b'"a"', "/parts/2/text": b'"b"'}),
        (b'{"seed":1,"seed":2,"z":1e400,"y":18446744073709551616}', {}),
        (b"[]", {}),
    ],
)
def test_finds_the_bytes_of_wanted_values(body: bytes, places: dict[str, bytes]) -> None:
    assert found(body) == places


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "ends too early"),
        (b"{", "ends too early"),
        (b'{"prompt":"a"', "ends too early"),
        (b'{"prompt":"a"}x', "after the end"),
        (b'{"prompt":"a"}{"prompt":"b"}', "after the end"),
        (b'{"prompt":"a",}', "key in double quotes"),
        (b"{'prompt':'a'}", "key in double quotes"),
        (b'{prompt:"a"}', "key in double quotes"),
        (b'{"prompt":"a"]', "bracket is missing"),
        (b'{"prompt":"a" /* no */}', "bracket is missing"),
        (b'{"prompt":NaN}', "value is expected"),
        (b'{"prompt":-Infinity}', "value is expected"),
        (b'{"n":01}', "comma or the closing"),
        (b'{"n":+1}', "value is expected"),
        (b'{"n":1.}', "comma or the closing"),
        (b'{"prompt":"tab\there"}', "value is expected"),
        (b'{"prompt":"bad \\x escape"}', "value is expected"),
        (b'{"prompt":"a\xff"}', "not valid UTF-8"),
        ('{"prompt":"a"}'.encode("utf-16"), "not valid UTF-8"),
        ('{"prompt":"a"}'.encode("utf-16-le"), "key in double quotes"),
        (b'{"prompt":"a","prompt":"b"}', "occurs twice"),
        (b'{"prompt":"a","pro\\u006dpt":"b"}', "occurs twice"),
        (b'{"prompt":"a","Prompt":"b"}', "misspelling"),
        (b'{"PROMPT":"a"}', "misspelling"),
        ('{"part\u017f":[]}'.encode(), "misspelling"),
        (b'{"parts":[{"text":"a","Text":"b"}]}', "misspelling"),
        (b'{"prompt\\ud800":"a"}', "half of a surrogate"),
        (b'{"prompt\\u0000":"a"}', "NUL"),
        (b"[" * 100_000, "levels of nesting"),
        (b'{"a":' * 100_000, "levels of nesting"),
        (b"[1 2]", "comma or the closing"),
        (b"nul", "value is expected"),
    ],
)
def test_refuses_what_parsers_read_differently(body: bytes, says: str) -> None:
    with pytest.raises(BodyError, match=says) as caught:
        scan(body, WANTED)
    assert caught.value.status == 400


@pytest.mark.parametrize("text", ["\\ud800", "a\\udc00b", "\\ud83d x \\ude00"])
def test_a_lone_surrogate_is_no_text(text: str) -> None:
    body = f'{{"prompt":"{text}"}}'.encode()
    with pytest.raises(BodyError, match="surrogate"):
        string_value(body, scan(body, WANTED)[0])


def test_depth_up_to_the_limit_is_fine() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert scan(deepest, WANTED) == []


def test_a_megabyte_takes_no_quadratic_time() -> None:
    hostile = [
        b'{"prompt":"' + b"\\" * 1_000_000,
        b"[" + b"1," * 300_000,
        b'"' + b"a" * 1_000_000,
        b" " * 1_000_000,
        b"-" * 1_000_000,
    ]
    began = time.process_time()
    for body in hostile:
        with pytest.raises(BodyError):
            scan(body, WANTED)
    assert time.process_time() - began < 5


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_accepts_what_the_standard_library_writes(value: object, ascii_only: bool, indent: int | str | None) -> None:
    body = json.dumps({"rest": value, "prompt": value}, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")
    tokens = scan(body, Node.of(["/prompt"]))
    assert json.loads(body[tokens[0].start : tokens[0].end]) == json.loads(body)["prompt"]


@given(st.text(alphabet='{}[]",:\\ue0123456789abn-+.truefalsnl \n\t', max_size=40))
def test_accepts_exactly_what_the_standard_library_accepts(text: str) -> None:
    def strict(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=strict)
        valid = True
    except ValueError:
        valid = False
    try:
        scan(text.encode(), Node.of(["/never"]))
        accepted = True
    except BodyError:
        accepted = False
    assert accepted == valid


def test_trusting_skips_the_inside_of_long_strings_only() -> None:
    body = b'{"prompt":"' + b"A" * 1_000 + b'","n":"\\"","parts":[]}'
    assert scan(body, WANTED, trusting=True) == scan(body, WANTED)
