import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.dialects.json_body import apply, read, write
from evenhand.dialects.spec import load_dialects
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
        (b'{"prompt":"a","n":0}', "'/n' is 0; it must be a whole number from 1 to 10", "/n"),
        (b'{"prompt":"a","n":11}', "'/n' is 11;", "/n"),
        (b'{"prompt":"a","n":-1}', "'/n' is -1;", "/n"),
        (b'{"prompt":"a","n":1.0}', "'/n' is 1.0;", "/n"),
        (b'{"prompt":"a","n":"2"}', "'/n' is \"2\";", "/n"),
        (b'{"prompt":"a","n":true}', "'/n' is true;", "/n"),
        (b'{"prompt":"a","n":[1]}', "'/n' is an array;", "/n"),
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
    assert write(body, read(body, OPERATION), [[Edit(Span(at, at), added)]]) == written


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b'{"n" : 4 , "prompt":"a"}', b'{"n" : 1 , "prompt":"a"}'),
        (b'{"prompt":"a"}', b'{"n":1,"prompt":"a"}'),
        (b'{ "prompt":"a","n":null}', b'{ "prompt":"a","n":1}'),
    ],
)
def test_sets_the_count(body: bytes, written: bytes) -> None:
    assert write(body, read(body, OPERATION), [[]], images=1) == written


def test_apply_keeps_the_order_of_insertions_at_one_place() -> None:
    assert apply(b"ac", [(1, 1, b"b"), (2, 2, b"d"), (0, 1, b"A")]) == b"Abcd"


keys = st.text(max_size=6).filter(lambda key: "\0" not in key and key.casefold() not in ("prompt", "n", "stream"))
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
    written = write(body, reading, [[edit]])
    token = reading.prompts[0].token
    assert written.startswith(body[: token.start + 1])
    assert written.endswith(body[token.end - 1 :])
    assert json.loads(written) == {**json.loads(body), "prompt": splice(prompt, [edit])}
    if body.isascii() and ascii_only:
        assert written.isascii()


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
