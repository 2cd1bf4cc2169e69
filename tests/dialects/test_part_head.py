import pytest

from evenhand.dialects.part_head import head_of, shown
from evenhand.errors import BodyError

DISPOSITION = b'Content-Disposition: form-data; name="image"'


@pytest.mark.parametrize(
    ("block", "name", "filename"),
    [
        (DISPOSITION, "image", None),
        (DISPOSITION + b'; filename="a b.png"', "image", "a b.png"),
        (DISPOSITION + b"; filename=a.png", "image", "a.png"),
        (DISPOSITION + b'; filename=""', "image", ""),
        (DISPOSITION + b"; filename*=UTF-8''%C3%A4.png", "image", "UTF-8''%C3%A4.png"),
        ('Content-Disposition: form-data; name="Größe"; filename="女.png"'.encode(), "Größe", "女.png"),
        (b"X-Own: 1\r\nx-own: 2\r\n" + DISPOSITION, "image", None),
    ],
)
def test_names(block: bytes, name: str, filename: str | None) -> None:
    head = head_of(block, at=10, label="Part 1")
    assert (head.name, head.filename, head.end) == (name, filename, 10 + len(block) + 4)
    assert head.label == f"Part 1, '{name}',"


def test_the_place_of_a_content_length() -> None:
    block = DISPOSITION + b"\r\nX: content-length: 5\r\ncontent-LENGTH:  12"
    told = head_of(block, at=100, label="Part 1").told
    assert told is not None
    assert block[told[0] - 100 : told[1] - 100] == b"12"


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\xff: 1",
        DISPOSITION + b"\r\nContent-Length: \xd9\xa3",
        DISPOSITION + b"; filename*=utf-8''a\"b",
        DISPOSITION + b"\r\n",
    ],
)
def test_what_is_refused(block: bytes) -> None:
    with pytest.raises(BodyError, match=r"^Part 1.*\.$"):
        head_of(block, at=0, label="Part 1")


def test_shown_is_short_and_printable() -> None:
    assert shown(b"a\x1b\xff" + b"b" * 500) == "a?\N{REPLACEMENT CHARACTER}" + "b" * 197
