import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.load import dialect_of, load_dialects
from evenhand.dialects.reading import read, write
from evenhand.errors import BodyError
from evenhand.flow import Edit, Span
from evenhand.text import splice

OPERATION = next(
    operation for dialect in load_dialects() for operation in dialect.operations if operation.id == "openai.images.generations"
)


def test_reads_prompt_count_and_stream() -> None:
    reading = read(b'{"stream":true,"prompt":"caf\\u00e9 \\ud83d\\ude00","n":3}', OPERATION)
    assert [place.text for place in reading.prompts] == ["café 😀"]
    assert (reading.images, reading.streams) == (3, True)


@pytest.mark.parametrize("body", [b'{"prompt":"a"}', b'{"prompt":"a","n":null}', b'{"prompt":"a","n":1,"stream":false}'])
def test_defaults(body: bytes) -> None:
    reading = read(body, OPERATION)
    assert (reading.images, reading.streams) == (1, False)


@pytest.mark.parametrize("count", ["0", "11", "-1", "1.0", '"2"', "true", "[1]", "1" * 50, "1e400"])
def test_a_count_without_sense_is_left_to_the_image_api(count: str) -> None:
    reading = read(b'{"prompt":"a","n":%s}' % count.encode(), OPERATION)
    assert (reading.images, reading.can_split) == (1, False)


@pytest.mark.parametrize(
    ("body", "says", "pointer"),
    [
        (b"{}", "no prompt at '/prompt'", "/prompt"),
        (b'{"prompt":null}', "is null; it must be a string", "/prompt"),
        (b'{"prompt":7}', "is a number; it must be a string", "/prompt"),
        (b'{"prompt":["a"]}', "is an array; it must be a string", "/prompt"),
        (b'{"prompt":{"text":"a"}}', "is an object; it must be a string", "/prompt"),
        (b'["prompt","a"]', "must be a JSON object", ""),
        (b'"a"', "must be a JSON object", ""),
        (b'{"prompt":"a","N":3}', "misspelling", "/N"),
    ],
)
def test_refuses(body: bytes, says: str, pointer: str) -> None:
    with pytest.raises(BodyError) as caught:
        read(body, OPERATION)
    assert says in str(caught.value)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("body", "at", "added", "written"),
    [
        (b'{"prompt": "a nurse"}', 2, "Black ", b'{"prompt": "a Black nurse"}'),
        (b'{"prompt":"a \\u006eurse"}', 2, "Black ", b'{"prompt":"a Black \\u006eurse"}'),
        (b'{"prompt":"\\ud83d\\ude00 nurse"}', 2, "M\u0101ori ", b'{"prompt":"\\ud83d\\ude00 M\\u0101ori nurse"}'),
        ('{"prompt":"é nurse"}'.encode(), 2, "M\u0101ori ", '{"prompt":"é M\u0101ori nurse"}'.encode()),
        (b'{"prompt":"\\"\\\\\\/ nurse"}', 4, 'x"', b'{"prompt":"\\"\\\\\\/ x\\"nurse"}'),
        (b'{"prompt":"", "n": 1}', 0, "nurse", b'{"prompt":"nurse", "n": 1}'),
    ],
)
def test_only_the_edit_changes_and_escapes_stay(body: bytes, at: int, added: str, written: bytes) -> None:
    assert write(read(body, OPERATION), [[Edit(Span(at, at), added)]]) == written


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b'{"n" : 4 , "prompt":"a"}', b'{"n" : 1 , "prompt":"a"}'),
        (b'{"prompt":"a"}', b'{"n":1,"prompt":"a"}'),
        (b'{ "prompt":"a","n":null}', b'{ "prompt":"a","n":1}'),
    ],
)
def test_sets_the_count(body: bytes, written: bytes) -> None:
    assert write(read(body, OPERATION), [[]], images=1) == written


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(
    texts,
    texts,
    st.dictionaries(
        st.text(max_size=6).filter(lambda key: "\0" not in key and key.casefold() not in ("prompt", "n", "stream")),
        st.integers() | texts,
        max_size=4,
    ),
    st.booleans(),
    st.sampled_from([None, 0, 2, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\r\n:  ")]),
    st.data(),
)
def test_prefix_and_suffix_are_untouched_for_any_formatting(
    prompt: str,
    added: str,
    rest: dict[str, Any],
    ascii_only: bool,
    indent: int | str | None,
    separators: tuple[str, str],
    data: st.DataObject,
) -> None:
    items = data.draw(st.permutations([*rest.items(), ("prompt", prompt)]))
    text = json.dumps(dict(items), ensure_ascii=ascii_only, indent=indent, separators=separators)
    body = text.encode("utf-8", "surrogatepass")
    if not _is_utf8(body):
        return
    start = data.draw(st.integers(0, len(prompt)))
    end = data.draw(st.integers(start, len(prompt)))
    edit = Edit(Span(start, end), added)
    reading = read(body, OPERATION)
    written = bytes(write(reading, [[edit]]))
    token = reading.prompts[0].token
    assert written.startswith(body[: token.start + 1])
    assert written.endswith(body[token.end - 1 :])
    assert json.loads(written) == {**json.loads(body), "prompt": splice(prompt, [edit])}
    if body.isascii() and ascii_only:
        assert written.isascii()


NESTED = dialect_of(
    b"""
dialect: nested
title: Nested
operations:
  - id: nested.draw
    path: /draw
    prompts: [/input/prompt]
    snake_case: true
    seed: /input/drawConfig/seed
    rewriters: [{at: /input/drawConfig/enhancePrompt, on: [true], off: false, default: "on"}]
""",
    "nested.yaml",
).operations[0]


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ('{"input":{"prompt":"a"}}', '{"input":{"drawConfig":{"enhancePrompt":false},"prompt":"a"}}'),
        ('{"input":{"prompt":"a","drawConfig":{ }}}', '{"input":{"prompt":"a","drawConfig":{"enhancePrompt":false }}}'),
        (
            '{"input":{"prompt":"a","draw_config":{"enhance_prompt" : true}}}',
            '{"input":{"prompt":"a","draw_config":{"enhance_prompt" : false}}}',
        ),
        ('{"input":{"prompt":"a","drawConfig":null}}', '{"input":{"prompt":"a","drawConfig":null}}'),
        ('{"input":{"prompt":"a","drawConfig":{"enhancePrompt":false}}}', None),
    ],
)
def test_a_rewriter_of_the_upstream_is_switched_off(body: str, written: str | None) -> None:
    reading = read(body.encode(), NESTED)
    assert bool(reading.rewriters) is (written is not None)
    assert write(reading, [[]], silenced=reading.rewriters) == (written or body).encode()


@pytest.mark.parametrize(
    "body", ['{"input":{"prompt":"a","drawConfig":{},"draw_config":{}}}', '{"input":{"prompt":"a","draw_Config":{}}}']
)
def test_two_spellings_of_a_key_are_ambiguous(body: str) -> None:
    with pytest.raises(BodyError, match=r"occurs twice|misspelling"):
        read(body.encode(), NESTED)


@pytest.mark.parametrize(("seed", "read_as"), [("7", 7), ("-1", None), ("null", None), ('"7"', None), ("1e3", None)])
def test_the_seed_is_read_where_it_is_a_number(seed: str, read_as: int | None) -> None:
    body = b'{"input":{"prompt":"a","drawConfig":{"seed":%s}}}' % seed.encode()
    assert read(body, NESTED).seed == read_as


def test_an_answer_is_read_for_single_values() -> None:
    body = JsonBody.of_answer(b'{"error":{"code":"blocked","x":[1,{}]}}', ["/error/code"])
    assert body.scalar(body.values["/error/code"]) == "blocked"
    with pytest.raises(BodyError):
        JsonBody.of_answer(b"{", ["/error"])


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
