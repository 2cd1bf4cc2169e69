"""Forms answer the same questions as JSON bodies; only the edited stretch of a field changes."""

import pytest

from evenhand.dialects.load import dialect_of
from evenhand.dialects.reading import read, write
from evenhand.flow import Edit, Span

OPERATION = dialect_of(
    b"""
dialect: forms
title: Forms
operations:
  - id: forms.draw
    path: /draw
    content: [multipart/form-data]
    prompts: [/prompt]
    never: [/negative_prompt]
    count: {at: [/n], most: 4}
    seed: /seed
    stream: /stream
    input_image: [/image, "/image[]"]
    rewriters: [{at: /magic, on: ["on", auto], off: "OFF", default: "on"}]
    answer: {items: /data}
""",
    "forms.yaml",
).operations[0]
KIND = b"multipart/form-data; boundary=B"
PICTURE = bytes(range(256)) * 4


def form(*fields: tuple[str, bytes], picture: str = "", more: bytes = b"") -> bytes:
    parts = [
        b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), more, value)
        for name, value in fields
    ]
    if picture:
        head = (
            b'--B\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
            % picture.encode()
        )
        parts.insert(0, head + PICTURE + b"\r\n")
    return b"".join(parts) + b"--B--\r\n"


def test_everything_is_read() -> None:
    fields = [("negative_prompt", b"ugly"), ("n", b"3"), ("prompt", "a café nurse".encode()), ("seed", b"7"), ("stream", b"true")]
    reading = read(form(*fields), OPERATION, content_type=KIND)
    assert [place.text for place in reading.prompts] == ["a café nurse"]
    assert (reading.images, reading.seed, reading.streams, reading.has_input_image) == (3, 7, True, False)
    assert [each.at for each in reading.rewriters] == ["/magic"]


@pytest.mark.parametrize("name", ["image", "image[]"])
def test_a_picture_is_noticed_and_never_copied(name: str) -> None:
    body = form(("prompt", b"a nurse"), picture=name)
    reading = read(body, OPERATION, content_type=KIND)
    assert reading.has_input_image
    written = bytes(write(reading, [[Edit(Span(2, 2), "Black ")]]))
    assert written == body.replace(b"a nurse", b"a Black nurse")
    assert PICTURE in written


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ([("prompt", b"a"), ("n", b"4"), ("seed", b"9")], [("prompt", b"a"), ("n", b"1"), ("seed", b"10"), ("magic", b"OFF")]),
        (
            [("magic", b"AUTO"), ("prompt", b"a"), ("n", b"2")],
            [("magic", b"OFF"), ("prompt", b"a"), ("n", b"1"), ("seed", b"10")],
        ),
    ],
)
def test_values_are_set_or_added(fields: list[tuple[str, bytes]], written: list[tuple[str, bytes]]) -> None:
    reading = read(form(*fields), OPERATION, content_type=KIND)
    assert bytes(write(reading, [[]], images=1, seed=10, silenced=reading.rewriters)) == form(*written)


def test_a_field_that_tells_its_length_tells_the_new_one() -> None:
    body = form(("prompt", b"a nurse"), more=b"\r\nContent-Length: 7")
    written = bytes(write(read(body, OPERATION, content_type=KIND), [[Edit(Span(2, 2), "Black ")]]))
    assert written == form(("prompt", b"a Black nurse"), more=b"\r\nContent-Length: 13")
