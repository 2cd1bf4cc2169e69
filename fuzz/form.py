"""Forms with parts: what we take, Python's email parser reads the same; what we write says what was meant, and no more.

The first byte picks the operation, the first line is the Content-Type, the rest is the body.
"""

import email
from collections.abc import Iterator
from email.message import Message

from evenhand.dialects.form_body import FormBody
from evenhand.dialects.reading import Reading, read, write
from evenhand.errors import BodyError
from evenhand.text import splice
from fuzz.shared import FORM, around, chosen, edits_of, golden_requests, tails

TYPE = b"multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
BODIES = (
    PART % (b"prompt", b"", b"a nurse") + b"--b--\r\n",
    PART % (b"prompt", b"; filename=x", b"a nurse") + b"--b--",
    PART % (b"prompt", b"", b"a") + PART % (b"Prompt", b"", b"b") + b"--b--",
    PART % (b"image", b'; filename="x.png"\r\nContent-Type: image/png', b"\x89PNG\r\n\x00--")
    + PART % (b"prompt", b"", b"a")
    + b"--b--",
    PART % (b"prompt", b"\r\nContent-Length: 7", b"a nurse") + PART % (b"n", b"", b"2") + b"--b--\r\n",
    PART % (b"prompt", b"\r\nContent-Type: text/plain; charset=utf-8", "a\né".encode())
    + PART % (b"seed", b"", b"7")
    + b"--b--\r\n",
    PART % (b"prompt", b"\r\nContent-Transfer-Encoding: base64", b"YQ==") + b"--b--",
    b"\r\n" + PART % (b"_charset_", b"", b"utf-8") + PART % (b"prompt", b"", b"a") + b"--b--",
)
WORDS = (
    b"--b\r\n", b"--b--", b"\r\n\r\n", b"\r\n", b"Content-Disposition: form-data; name=", b'"prompt"', b"; filename=",
    b"; filename*=utf-8''x", b"name*=", b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: base64",
    b"Content-Length: 7", b'"n"', b'"seed"', b"boundary=", b"_charset_", b"multipart/form-data", b"multipart/mixed", b"\\",
    b"%22", b"\x00", b"\xff", b"[0][text]", b"=?utf-8?q?x?=", b"'", b";",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    for index, told, body in golden_requests(FORM):
        yield bytes([index]) + told + b"\n" + body
    yield from (bytes([index]) + TYPE + b"\n" + body for body in BODIES for index in (0, 5))
    yield bytes([1]) + b'multipart/form-data; boundary="b b"; charset=latin-1\n' + BODIES[0]


def run(data: bytes) -> None:
    operation, rest = chosen(data, FORM)
    told, _, body = rest.partition(b"\n")
    try:
        reading = read(body, operation, content_type=told)
    except BodyError:
        return
    if not isinstance(reading.body, FormBody):
        return  # another Content-Type: the target json_body reads those
    check_read_alike(reading, told)
    assert bytes(write(reading, [[] for _ in reading.prompts])) == body
    check_edited(reading, told)


def check_read_alike(reading: Reading, told: bytes) -> None:
    body = bytes(reading.body.data[:])
    parts = email.message_from_bytes(b"MIME-Version: 1.0\r\nContent-Type: " + told + b"\r\n\r\n" + body).get_payload()
    assert isinstance(parts, list)
    for place in reading.prompts:
        values = [value_of(part) for part in parts if isinstance(part, Message) and name_of(part) == place.pointer[1:]]
        assert values == [reading.body.text(place.token).encode()], (place, values)


def name_of(part: Message) -> str:
    name = part.get_param("name", header="content-disposition")
    return name if isinstance(name, str) else ""


def value_of(part: Message) -> bytes:
    value = part.get_payload(decode=True)
    return value if isinstance(value, bytes) else b""


def check_edited(reading: Reading, told: bytes) -> None:
    edits = [edits_of(place.text) for place in reading.prompts]
    meant = [splice(place.text, own) for place, own in zip(reading.prompts, edits, strict=True)]
    try:
        written = bytes(write(reading, edits))
    except BodyError:
        return  # the new text holds the boundary
    after = read(written, reading.operation, content_type=told)
    assert [place.text for place in after.prompts] == meant
    assert tails(after) == tails(reading)
    assert isinstance(reading.body, FormBody)
    if not any(part.told for part in reading.body.form.parts):
        assert around(after) == around(reading)
    check_read_alike(after, told)
