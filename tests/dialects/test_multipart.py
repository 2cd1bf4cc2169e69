import asyncio
import email
import mmap
import re
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser

from evenhand.dialects.multipart import MAX_PARTS, Form, boundary_of, parse, part_bytes, text_of, value_changes
from evenhand.errors import BodyError

B = b"X-1"
GUARDED = frozenset({"prompt", "n"})
NAMED = b'Content-Disposition: form-data; name="%s"'
PROMPT = NAMED % b"prompt"
IMAGE = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png'


def part(head: bytes, value: bytes = b"a nurse") -> bytes:
    return b"--X-1\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--X-1--\r\n"


def fault_of(body: bytes) -> BodyError:
    with pytest.raises(BodyError) as caught:
        parse(body, B, guarded=GUARDED)
    return caught.value


TYPES = {
    b"multipart/form-data; boundary=X-1": b"X-1",
    b"Multipart/Form-Data;boundary=X-1": b"X-1",
    b'multipart/form-data; boundary="X-1"': b"X-1",
    b'multipart/form-data; boundary="a,b:c?=(d)"': b"a,b:c?=(d)",
    b"multipart/form-data; boundary=X-1; charset=utf-8": b"X-1",
    b'multipart/form-data; charset="UTF-8"; boundary=X-1 ': b"X-1",
    b"multipart/form-data; boundary=" + b"a" * 70: b"a" * 70,
    b"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW": b"----WebKitFormBoundary7MA4YWxkTrZu0gW",
}

BAD_TYPES = [
    (b"", 415),
    (b"application/json", 415),
    (b"multipart/mixed; boundary=X-1", 415),
    (b"multipart/form-data-x; boundary=X-1", 415),
    (b"multipart/form-data; boundary=X-1; charset=latin-1", 415),
    (b"multipart/form-data", 400),
    (b"multipart/form-data;", 400),
    (b"multipart/form-data; boundary=", 400),
    (b'multipart/form-data; boundary=""', 400),
    (b"multipart/form-data; boundary=X-1;", 400),
    (b"multipart/form-data; boundary=X-1; boundary=X-2", 400),
    (b"multipart/form-data; boundary=X-1, multipart/form-data; boundary=X-2", 400),
    (b"multipart/form-data; boundary=X-1; Boundary=X-2", 400),
    (b"multipart/form-data; boundary*=utf-8''X-1", 400),
    (b"multipart/form-data; boundary*0=X; boundary*1=-1", 400),
    (b"multipart/form-data; xboundary=X-1", 400),
    (b"multipart/form-data; boundary =X-1", 400),
    (b"multipart/form-data; boundary= X-1", 400),
    (b"multipart/form-data; boundary=a=b", 400),
    (b"multipart/form-data; boundary=a,b", 400),
    (b'multipart/form-data; boundary="X 1"', 400),
    (b'multipart/form-data; boundary="X-1 "', 400),
    (b'multipart/form-data; boundary="X\\-1"', 400),
    (b'multipart/form-data; boundary="X-1', 400),
    (b"multipart/form-data; boundary=X\xe9", 400),
    (b"multipart/form-data; boundary=" + b"a" * 71, 400),
]

GOOD = {
    "one": form(part(PROMPT)),
    "no final line end": form(part(PROMPT))[:-2],
    "blank epilogue": form(part(PROMPT)) + b" \r\n\t\r\n",
    "blank preamble": b"\r\n \r\n" + form(part(PROMPT)),
    "token name": form(part(b"Content-Disposition: form-data; name=prompt")),
    "no blank": form(part(b'Content-Disposition:form-data;name="prompt"')),
    "small header": form(part(b'content-disposition: form-data; name="prompt"')),
    "other case of the type": form(part(b'CONTENT-DISPOSITION: FORM-DATA; name="prompt"')),
    "blank behind": form(part(PROMPT + b" \t")),
    "text": form(part(PROMPT + b"\r\nContent-Type: text/plain")),
    "utf-8 text": form(part(PROMPT + b"\r\nContent-Type: text/plain; charset=utf-8")),
    "quoted charset": form(part(PROMPT + b'\r\nContent-Type: text/plain;charset="UTF-8"')),
    "okhttp": form(part(PROMPT + b"\r\nContent-Length: 7")),
    "8bit": form(part(PROMPT + b"\r\nContent-Transfer-Encoding: 8bit")),
    "7bit": form(part(PROMPT + b"\r\nContent-Transfer-Encoding: 7Bit")),
    "binary": form(part(PROMPT + b"\r\nContent-Transfer-Encoding: binary")),
    "file first": form(part(IMAGE, b"\x89PNG\r\n\x1a\n\0\xff"), part(PROMPT)),
    "file after": form(part(PROMPT), part(IMAGE, b"\xff\n--X\r\n--")),
    "lists": form(part(NAMED % b"image[]"), part(PROMPT), part(NAMED % b"image[]")),
    "same files": form(part(IMAGE), part(IMAGE), part(PROMPT)),
    "other name": form(part(NAMED % b"negative_prompt", b"x"), part(PROMPT)),
    "longer name": form(part(NAMED % b"prompt_strength", b"x"), part(PROMPT)),
    "unicode name": form(part(NAMED % "Größe".encode()), part(PROMPT)),
    "extended file name": form(
        part(b'Content-Disposition: form-data; name="image"; filename="_.png"; filename*=UTF-8\'\'%C3%A4.png'), part(PROMPT)
    ),
    "semicolon in a file name": form(
        part(b'Content-Disposition: form-data; name="image"; filename="a; name=prompt"'), part(PROMPT)
    ),
    "apostrophe in a file name": form(part(b'Content-Disposition: form-data; name="image"; filename="it\'s"'), part(PROMPT)),
    "headers of a file": form(part(IMAGE + b"\r\nX-Own: 1\r\nX-Own: 2"), part(PROMPT)),
    "charset said": form(part(NAMED % b"_charset_", b"UTF-8"), part(PROMPT)),
    "json part": form(part((NAMED % b"options") + b"\r\nContent-Type: application/json", b"{}"), part(PROMPT)),
    "empty file": form(part(IMAGE, b""), part(PROMPT)),
}

BAD = {
    # What frames the parts.
    "empty": (b"", "no line '--X-1'"),
    "another boundary": (form(part(PROMPT)).replace(b"X-1", b"Y-1"), "no line '--X-1'"),
    "no part": (b"--X-1--\r\n", "no part"),
    "no final boundary": (part(PROMPT), "no final line"),
    "cut value": (b"--X-1\r\n" + PROMPT + b"\r\n\r\na nur", "no final line"),
    "cut headers": (b"--X-1\r\n" + PROMPT, "without the empty line"),
    "cut final boundary": (part(PROMPT) + b"--X-1-", "not a line of its own"),
    "preamble": (b"hello\r\n" + form(part(PROMPT)), "text before"),
    "preamble in the line": (b" " + form(part(PROMPT)), "text before"),
    "bare preamble": (b"\n" + form(part(PROMPT)), "text before"),
    "long preamble": (b"\r\n" * 600 + form(part(PROMPT)), "text before"),
    "epilogue": (form(part(PROMPT)) + b"more", "text after"),
    "glued epilogue": (form(part(PROMPT))[:-2] + b"x", "text after"),
    "bare epilogue": (form(part(PROMPT))[:-2] + b"\n", "text after"),
    "second form": (form(part(PROMPT)) + form(part(PROMPT)), "text after"),
    "long epilogue": (form(part(PROMPT)) + b"\r\n" * 600, "text after"),
    "LF form": (form(part(PROMPT)).replace(b"\r\n", b"\n"), "not a line of its own"),
    "LF before a delimiter": (form(part(NAMED % b"a", b"x\n--X-1\r\n" + PROMPT + b"\r\n\r\nhidden")), "not a line of its own"),
    "CR before a delimiter": (form(part(NAMED % b"a", b"x\r--X-1\r\n" + PROMPT + b"\r\n\r\nhidden")), "not a line of its own"),
    "LF after a delimiter": (form(part(NAMED % b"a", b"x\r\n--X-1\n" + PROMPT + b"\r\n\r\nhidden")), "not a line of its own"),
    "blank after a delimiter": (form(part(NAMED % b"a", b"x\r\n--X-1 \r\n" + PROMPT + b"\r\n\r\ny")), "not a line of its own"),
    "junk after a delimiter": (form(part(NAMED % b"a", b"x\r\n--X-1z\r\ny")), "not a line of its own"),
    "blank after the first delimiter": (b"--X-1 \r\n" + form(part(PROMPT))[7:], "not a line of its own"),
    "boundary within a line": (form(part(IMAGE, b"x --X-1 y"), part(PROMPT)), "not a line of its own"),
    "one dash": (part(PROMPT) + b"--X-1-\r\n", "not a line of its own"),
    "LF before the end": (b"--X-1\r\n" + PROMPT + b"\r\n\r\nx\n--X-1--\r\n", "not a line of its own"),
    "no line for the value": (b"--X-1\r\n" + PROMPT + b"\r\n\r\n--X-1--\r\n", "not a line of its own"),
    "delimiter in the headers": (form(b"--X-1\r\nX-A: b\r\n" + part(PROMPT)), "not a line of its own"),
    "many parts": (form(*[part(NAMED % b"a")] * (MAX_PARTS + 1)), "more than 1000 parts"),
    # Headers.
    "no headers": (form(b"--X-1\r\n\r\na nurse\r\n"), "no headers"),
    "no disposition": (form(part(b"Content-Type: text/plain")), "no Content-Disposition"),
    "empty disposition": (form(part(b"Content-Disposition:")), "no Content-Disposition"),
    "attachment": (form(part(b'Content-Disposition: attachment; name="prompt"')), "no Content-Disposition"),
    "two dispositions": (form(part(PROMPT + b"\r\n" + NAMED % b"x")), "two Content-Disposition"),
    "two types": (form(part(IMAGE + b"\r\nContent-type: a/b")), "two Content-type"),
    "folded": (form(part(b'Content-Disposition: form-data;\r\n name="prompt"')), "folded"),
    "folded first": (form(part(b" " + PROMPT)), "folded"),
    "bare LF": (form(part(b"X-A: b\n" + PROMPT)), "bare line feed"),
    "bare CR": (form(part(b"X-A: b\r" + PROMPT)), "bare line feed"),
    "NUL in the name": (form(part(NAMED % b"prompt\0x")), "NUL"),
    "NUL in a header": (form(part(b"X-A: \0\r\n" + PROMPT)), "NUL"),
    "escape character": (form(part(b"X-A: \x1b\r\n" + PROMPT)), "control character"),
    "no colon": (form(part(b"hello\r\n" + PROMPT)), "'hello'"),
    "blank before the colon": (form(part(b'Content-Disposition : form-data; name="prompt"')), "not 'Name: value'"),
    "no header name": (form(part(b": x\r\n" + PROMPT)), "not 'Name: value'"),
    "large headers": (form(part(b"X-A: " + b"a" * 8192 + b"\r\n" + PROMPT)), "8192 bytes of headers"),
    "endless headers": (b"--X-1\r\nX-A: " + b"a" * 20_000, "8192 bytes of headers"),
    "latin-1 name": (form(part(NAMED % b"Gr\xf6sse")), "not UTF-8"),
    "quoted-printable": (form(part(PROMPT + b"\r\nContent-Transfer-Encoding: quoted-printable")), "quoted-printable"),
    "base64": (form(part(PROMPT + b"\r\nContent-Transfer-Encoding: base64", b"YQ==")), "base64"),
    "base64 file": (form(part(IMAGE + b"\r\nContent-Transfer-Encoding: base64"), part(PROMPT)), "base64"),
    "form in the form": (form(part(NAMED % b"a" + b"\r\nContent-Type: multipart/mixed; boundary=Y")), "form within"),
    "message": (form(part(NAMED % b"a" + b"\r\nContent-Type: Message/rfc822")), "form within"),
    "wrong length": (form(part(PROMPT + b"\r\nContent-Length: 3")), "7 bytes and a Content-Length of 3"),
    "odd length": (form(part(PROMPT + b"\r\nContent-Length: +7")), "Content-Length '+7'"),
    # Names.
    "no name": (form(part(b"Content-Disposition: form-data")), "no name"),
    "empty name": (form(part(NAMED % b"")), "no name"),
    "only a file name": (form(part(b'Content-Disposition: form-data; filename="a"')), "before its name"),
    "file name first": (form(part(b'Content-Disposition: form-data; filename="prompt"; name="a"')), "before its name"),
    "name*": (form(part(b"Content-Disposition: form-data; name*=utf-8''prompt")), "'name*'"),
    "name and name*": (form(part(NAMED % b"a" + b"; name*=utf-8''prompt")), "'name*'"),
    "name*0": (form(part(b'Content-Disposition: form-data; name*0="pro"; name*1="mpt"')), "'name*0'"),
    "two names": (form(part(NAMED % b"a" + b'; name="prompt"')), "'name' twice"),
    "two file names": (form(part(IMAGE.replace(b"\r\n", b'; filename="b"\r\n'))), "'filename' twice"),
    "another parameter": (form(part(PROMPT + b"; size=3")), "'size'"),
    "Name": (form(part(b'Content-Disposition: form-data; Name="prompt"')), "read differently"),
    "quoted pair": (form(part(NAMED % rb"pro\mpt")), "read differently"),
    "quoted quote": (form(part(NAMED % rb"a\"; name=\"prompt")), "read differently"),
    "backslash in a file name": (form(part(NAMED % b"a" + rb'; filename="a\"; name="prompt')), "read differently"),
    "blank around =": (form(part(b'Content-Disposition: form-data; name = "prompt"')), "read differently"),
    "single quotes": (form(part(b"Content-Disposition: form-data; name='prompt'")), "read differently"),
    "open quote": (form(part(b'Content-Disposition: form-data; name="prompt')), "read differently"),
    "glued": (form(part(PROMPT + b"x")), "read differently"),
    "comma": (form(part(b'Content-Disposition: form-data, name="prompt"')), "no Content-Disposition"),
    "stray semicolon": (form(part(PROMPT + b";")), "read differently"),
    "encoded word": (form(part(NAMED % b"=?utf-8?q?prompt?=")), "encoded name"),
    # Guarded names.
    "twice": (form(part(PROMPT), part(PROMPT)), "occurs twice"),
    "twice, once as a file": (form(part(PROMPT), part(PROMPT + b'; filename="a"')), "occurs twice"),
    **{
        f"misspelt {name!r}": (form(part(NAMED % name)), "misspelling")
        for name in (
            *(
                b"Prompt",
                b"PROMPT",
                b" prompt",
                b"prompt ",
                b"prompt[]",
                b"prompt[0]",
                b"Prompt[]",
                b"prompt[text]",
                b"prompt []",
            ),
            *(b"pro%6dpt", b"prompt%5B%5D", b"prompt%00", b"\tprompt", b"%20prompt", "ｐrompt".encode(), b"N", b"_Charset_"),
        )
    },
    "file": (form(part(PROMPT + b'; filename="a.txt"')), "file name"),
    "empty file name": (form(part(PROMPT + b'; filename=""')), "file name"),
    "filename*": (form(part(PROMPT + b"; filename*=utf-8''a")), "file name"),
    "octets": (form(part(PROMPT + b"\r\nContent-Type: application/octet-stream")), "Content-Type"),
    "json": (form(part(PROMPT + b"\r\nContent-Type: application/json", b'"a"')), "Content-Type"),
    "latin-1": (form(part(PROMPT + b"\r\nContent-Type: text/plain; charset=iso-8859-1")), "Content-Type"),
    "utf-16": (form(part(PROMPT + b"\r\nContent-Type: text/plain; charset=utf-16")), "Content-Type"),
    "utf-7": (form(part(PROMPT + b"\r\nContent-Type: text/plain; charset=utf-7")), "Content-Type"),
    "two charsets": (form(part(PROMPT + b"\r\nContent-Type: text/plain; charset=utf-8; charset=x")), "Content-Type"),
    "empty type": (form(part(PROMPT + b"\r\nContent-Type:")), "Content-Type"),
    "another header": (form(part(PROMPT + b"\r\nContent-Encoding: gzip")), "content-encoding"),
    "not UTF-8": (form(part(PROMPT, b"caf\xe9")), "byte 3"),
    "surrogate": (form(part(PROMPT, b"\xed\xa0\x80")), "not valid UTF-8"),
    "NUL": (form(part(PROMPT, b"a\0b")), "NUL"),
    "novel": (form(part(PROMPT, b"a" * 1_048_577)), "more than 1,048,576 bytes"),
    "charset of the form": (form(part(NAMED % b"_charset_", b"utf-16"), part(PROMPT)), "another charset"),
}


@pytest.mark.parametrize(("value", "boundary"), TYPES.items())
def test_boundaries(value: bytes, boundary: bytes) -> None:
    assert boundary_of(value) == boundary


@pytest.mark.parametrize(("value", "status"), BAD_TYPES)
def test_boundaries_that_parsers_read_differently(value: bytes, status: int) -> None:
    with pytest.raises(BodyError) as caught:
        boundary_of(value)
    assert caught.value.status == status


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_good_forms(body: bytes) -> None:
    found = parse(body, B, guarded=GUARDED)
    prompt = found.named("prompt")
    assert prompt is not None
    assert text_of(body, prompt) == "a nurse"
    assert body[found.closing :].startswith(b"\r\n--X-1--")
    assert found.named("nothing") is None
    assert read_by_starlette(body, B)["prompt"] == read_by_python(body, B)["prompt"] == ["a nurse"]


@pytest.mark.parametrize(("body", "says"), BAD.values(), ids=BAD)
def test_forms_that_parsers_read_differently(body: bytes, says: str) -> None:
    fault = fault_of(body)
    assert says in str(fault)
    assert fault.status == (413 if "more than" in says and "1" in says else 400)
    assert str(fault).endswith(".")


def test_faults_name_the_part_and_the_place() -> None:
    fault = fault_of(form(part(IMAGE), part(PROMPT + b'; filename="a"')))
    assert str(fault) == "Part 2 of the form, 'prompt', has a file name, but it is text; send it without 'filename'."
    assert fault.pointer == "/prompt"


def test_guarded_names_with_brackets() -> None:
    guarded = frozenset({"texts[0][text]"})
    weight = part(NAMED % b"texts[0][weight]", b"1")
    assert len(parse(form(part(NAMED % b"texts[0][text]"), weight), B, guarded=guarded).parts) == 2
    with pytest.raises(BodyError, match="misspelling"):
        parse(form(part(NAMED % b"texts[00][text]")), B, guarded=guarded)


def test_a_changed_value_with_its_length() -> None:
    body = form(part(IMAGE, b"\0"), part(PROMPT + b"\r\nContent-Length: 7"))
    new = changed(body, parse(body, B, guarded=GUARDED), "a Black nurse é")
    assert new == body.replace(b"Length: 7", b"Length: 16").replace(b"a nurse", "a Black nurse é".encode())
    assert parse(new, B, guarded=GUARDED).parts[1].name == "prompt"


def test_a_new_part() -> None:
    body = form(part(PROMPT))
    closing = parse(body, B, guarded=GUARDED).closing
    new = body[:closing] + part_bytes(B, "n", "2") + body[closing:]
    assert new == form(part(PROMPT), part(NAMED % b"n", b"2"))
    assert read_by_starlette(new, B) == {"prompt": ["a nurse"], "n": ["2"]}


def test_new_text_never_frames() -> None:
    body = form(part(PROMPT, b"--nurse")).replace(b"X-1", b"male")
    found = parse(body, b"male", guarded=GUARDED)
    with pytest.raises(BodyError, match="holds the boundary 'male'"):
        value_changes(found, found.parts[0], "--male nurse")
    with pytest.raises(BodyError, match="holds the boundary"):
        part_bytes(B, "n", "a\r\n--X-1--")


def changed(body: bytes, found: Form, text: str) -> bytes:
    prompt = found.named("prompt")
    assert prompt is not None
    for start, end, new in sorted(value_changes(found, prompt, text), reverse=True):
        body = body[:start] + new + body[end:]
    return body


async def _starlette(body: bytes, boundary: bytes) -> dict[str, list[str | bytes]]:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    quoted = Headers({"content-type": f'multipart/form-data; boundary="{boundary.decode()}"'})
    found: dict[str, list[str | bytes]] = {}
    parsed = await MultiPartParser(quoted, stream()).parse()  # type: ignore[arg-type]
    for name, value in parsed.multi_items():
        found.setdefault(name, []).append(value if isinstance(value, str) else await value.read())
    await parsed.close()
    return found


def read_by_starlette(body: bytes, boundary: bytes) -> dict[str, list[str | bytes]]:
    return asyncio.run(_starlette(body, boundary))


def read_by_python(body: bytes, boundary: bytes) -> dict[str, list[str]]:
    head = b'Content-Type: multipart/form-data; boundary="' + boundary + b'"\r\n\r\n'
    found: dict[str, list[str]] = {}
    payload = email.message_from_bytes(head + body).get_payload()
    assert isinstance(payload, list)
    for each in payload:
        assert isinstance(each, Message)
        raw = each.get_payload(decode=True)
        assert isinstance(raw, bytes)
        name = each.get_param("name", header="content-disposition")
        found.setdefault(str(name), []).append(raw.decode("utf-8", "surrogateescape"))
    return found


BOUNDARIES = st.from_regex(rb"\A[0-9A-Za-z'()+_,./:=?-]{1,70}\Z")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
NAMES = st.text("abcxyzäß_-0123456789;.:&[]", min_size=1, max_size=12).filter(lambda name: "prompt" not in name)
HEADS = st.sampled_from([b"", b"\r\nContent-Type: text/plain; charset=utf-8", b"\r\nContent-Transfer-Encoding: 8bit"])


@st.composite
def forms(draw: st.DrawFn) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """A boundary, a body, and the names and values in it."""
    boundary = draw(BOUNDARIES)
    values = [(NAMED % b"prompt" + draw(HEADS), "prompt", draw(TEXTS).encode())]
    for name, value, is_file in draw(st.lists(st.tuples(NAMES, st.binary(max_size=200), st.booleans()), max_size=5)):
        more = b'; filename="%s.png"\r\nContent-Type: image/png' % name.encode() if is_file else b""
        values.append((NAMED % name.encode() + more, name, value))
    values = draw(st.permutations(values))
    parts = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, head, value) for head, _, value in values]
    body = (
        draw(st.sampled_from([b"", b"\r\n"])) + b"".join(parts) + b"--" + boundary + b"--" + draw(st.sampled_from([b"", b"\r\n"]))
    )
    return boundary, body, [(name, value) for _, name, value in values]


@settings(max_examples=700)
@given(forms(), TEXTS)
def test_spans_give_back_the_values(made: tuple[bytes, bytes, list[tuple[str, bytes]]], text: str) -> None:
    boundary, body, values = made
    try:
        found = parse(body, boundary, guarded=GUARDED)
    except BodyError:
        # A boundary of few characters may stand in a value, a name or a header.
        assert body.count(b"--" + boundary) > len(values) + 1
        return
    assert [(each.name, body[each.start : each.end]) for each in found.parts] == values
    prompt = dict(values)["prompt"].decode()
    assert read_by_starlette(body, boundary)["prompt"] == [prompt]
    assert read_by_python(body, boundary)["prompt"] == [prompt]
    if b"--" + boundary in text.encode():
        return
    new = changed(body, found, text)
    again = parse(new, boundary, guarded=GUARDED)
    kept = [(name, text.encode() if name == "prompt" else value) for name, value in values]
    assert [(each.name, new[each.start : each.end]) for each in again.parts] == kept
    place = found.named("prompt")
    assert place is not None
    assert (new[: place.start], new[place.start + len(text.encode()) :]) == (body[: place.start], body[place.end :])


@settings(max_examples=500)
@given(forms(), st.integers(0, 10_000), st.binary(max_size=4))
def test_damaged_forms_are_refused_or_read_as_others_do(
    made: tuple[bytes, bytes, list[tuple[str, bytes]]], place: int, junk: bytes
) -> None:
    boundary, body, _ = made
    at = place % len(body)
    body = body[:at] + junk + body[at + len(junk) :]
    try:
        found = parse(body, boundary, guarded=GUARDED)
    except BodyError:
        return
    ours = [text_of(body, each) for each in found.parts if each.name == "prompt"]
    assert read_by_starlette(body, boundary).get("prompt", []) == ours
    assert read_by_python(body, boundary).get("prompt", []) == ours


def test_a_large_file_costs_no_memory() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"--X-1\r\n" + IMAGE + b"\r\n\r\n")
        for _ in range(50):
            file.write(b"\r\n--X\0\xff-" * 131_072)
        file.write(b"\r\n" + form(part(PROMPT)))
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            tracemalloc.start()
            found = parse(body, B, guarded=GUARDED)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert text_of(body, found.parts[1]) == "a nurse"
            assert re.fullmatch(rb"\r\n--X-1--\r\n", body[found.closing :])
    assert found.parts[0].end - found.parts[0].start > 50_000_000
    assert peak < 2_000_000


@pytest.mark.parametrize("boundary", [b"-" * 70, b"-" * 35 + b"x" + b"-" * 34, b"x"])
def test_lookalikes_are_read_once(boundary: bytes) -> None:
    """Megabytes of almost-boundaries; a quadratic search would not come back."""
    filler = (b"\r\n-" + boundary[:-1] + b"y") * (8_000_000 // (len(boundary) + 3))
    body = b"--%s\r\n%s\r\n\r\n%s\r\n--%s--" % (boundary, PROMPT.replace(b"prompt", b"image"), filler, boundary)
    assert len(parse(body, boundary, guarded=GUARDED).parts) == 1
