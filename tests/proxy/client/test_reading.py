"""Answers, good and odd, whole and a byte at a time: what is taken, what is refused, and after which another may follow."""

import pytest

from evenhand.proxy.client.reading import FIELDS, HEAD_BYTES, LINE_BYTES, Reading

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(raw: bytes, *, step: int = 0, has_body: bool = True) -> tuple[Reading, str]:
    reading = Reading()
    reading.expect(has_body=has_body)
    for start in range(0, len(raw), step or len(raw)):
        if reading.complete:
            return reading, "more"
        if why := reading.feed(raw[start : start + (step or len(raw))]):
            return reading, why
    return reading, ""


WHOLE = [
    (OK + TWO + b"\r\nok", 200, b"ok", True),
    (OK + TWO + b"Connection: close\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\n" + TWO + b"\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + TWO + b"\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 200\r\n" + TWO + b"\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 299 \xff\r\n" + TWO + b"\r\nok", 299, b"ok", True),
    (b"HTTP/1.1 200 OK\n" + b"Content-Length: 2\n\nok", 200, b"ok", True),
    (b"\r\n\r\n" + OK + TWO + b"\r\nok", 200, b"ok", True),
    (OK + b"Content-Length: 0\r\n\r\n", 200, b"", True),
    (OK + b"Content-Length: 0002 \r\n\r\nok", 200, b"ok", True),
    (OK + b"X: a\x01b\r\n" + TWO + b"\r\nok", 200, b"ok", True),
    (OK + b"Upgrade: h2c\r\nConnection: upgrade\r\n" + TWO + b"\r\nok", 200, b"ok", True),
    (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", 200, b"ok", True),
    (CHUNKED + b"1;a=b\r\no\r\n1  \r\nk\r\n0;c\r\nX-Trailer: 1\r\n\r\n", 200, b"ok", True),
    (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 204 No Content\r\n" + TWO + b"\r\n", 204, b"", True),
    (b"HTTP/1.1 304 Not Modified\r\n" + TWO + b"\r\n", 304, b"", True),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + TWO + b"\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: a\r\n\r\n" + OK + TWO + b"\r\nok", 200, b"ok", True),
]


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize(("raw", "status", "body", "stays"), WHOLE)
def test_whole_answers(raw: bytes, status: int, body: bytes, stays: bool, step: int) -> None:
    reading, why = read(raw, step=step)
    assert (why, reading.status, reading.take(), reading.complete, reading.stays) == ("", status, body, True, stays)
    assert not [name for name, _ in reading.fields if name in (b"Link", b"X-Trailer")]


REFUSED = {
    "two lengths": OK + TWO + TWO + b"\r\nok",
    "two lengths that differ": OK + TWO + b"Content-Length: 3\r\n\r\nok!",
    "a list of lengths": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "a sign": OK + b"Content-Length: +2\r\n\r\nok",
    "below zero": OK + b"Content-Length: -2\r\n\r\nok",
    "hexadecimal": OK + b"Content-Length: 0x2\r\n\r\nok",
    "no number": OK + b"Content-Length: \r\n\r\nok",
    "more than 64 bits": OK + b"Content-Length: 18446744073709551618\r\n\r\nok",
    "length and chunks": OK + TWO + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks and length": OK + b"Transfer-Encoding: chunked\r\n" + TWO + b"\r\n2\r\nok\r\n0\r\n\r\n",
    "two lengths by spaces": OK + TWO + b"Content-Length : 3\r\n\r\nok!",
    "lines that end with CR": b"HTTP/1.1 200 OK\rContent-Length: 2\r\rok",
    "CR in a value": OK + b"X: a\rb\r\n" + TWO + b"\r\nok",
    "NUL in a value": OK + b"X: a\0b\r\n" + TWO + b"\r\nok",
    "NUL in a name": OK + b"X\0: a\r\n" + TWO + b"\r\nok",
    "a space in a name": OK + b"X A: a\r\n" + TWO + b"\r\nok",
    "a name of eight bits": OK + b"X\xe9: a\r\n" + TWO + b"\r\nok",
    "no name": OK + b": a\r\n" + TWO + b"\r\nok",
    "no colon": OK + b"nonsense\r\n" + TWO + b"\r\nok",
    "a space before": b" " + OK + TWO + b"\r\nok",
    "another version": b"HTTP/1.2 200 OK\r\n" + TWO + b"\r\nok",
    "no version": b"HTTP/11 200 OK\r\n" + TWO + b"\r\nok",
    "another protocol": b"ICY 200 OK\r\n" + TWO + b"\r\nok",
    "no protocol": b"220 smtp ready\r\n",
    "a page": b"<html><body>no</body></html>",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "two digits": b"HTTP/1.1 20 OK\r\n" + TWO + b"\r\nok",
    "four digits": b"HTTP/1.1 2000 OK\r\n" + TWO + b"\r\nok",
    "status 0": b"HTTP/1.1 000 OK\r\n" + TWO + b"\r\nok",
    "status 99": b"HTTP/1.1 099 OK\r\n" + TWO + b"\r\nok",
    "another protocol from now on": b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "an interim answer with a body": b"HTTP/1.1 150 P\r\n" + TWO + b"\r\nok" + OK + TWO + b"\r\nok",
    "no chunk size": CHUNKED + b"\r\nok\r\n0\r\n\r\n",
    "a chunk size of letters": CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",
    "a chunk size below zero": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "a chunk size with 0x": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "a chunk size of more than 64 bits": CHUNKED + b"10000000000000002\r\nok\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"2\r\nok!\r\n0\r\n\r\n",
    "a chunk without an end": CHUNKED + b"2\r\nok0\r\n\r\n",
    "chunks with LF": CHUNKED + b"2\nok\n0\n\n",
    "LF in an extension": CHUNKED + b"2;a\nb\r\nok\r\n0\r\n\r\n",
    "a length as trailer": CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a trailer without colon": CHUNKED + b"2\r\nok\r\n0\r\nnonsense\r\n\r\n",
    "too many fields": OK + b"X: 1\r\n" * FIELDS + TWO + b"\r\nok",
    "a field too long": OK + b"X: " + b"a" * LINE_BYTES + b"\r\n" + TWO + b"\r\nok",
    "a name too long": OK + b"X" * LINE_BYTES + b": a\r\n" + TWO + b"\r\nok",
    "a reason too long": b"HTTP/1.1 200 " + b"a" * (LINE_BYTES + 1) + b"\r\n" + TWO + b"\r\nok",
    "a head too long": OK + (b"X: " + b"a" * 60_000 + b"\r\n") * 5 + TWO + b"\r\nok",
}


@pytest.mark.parametrize("step", [0, 1, 4_096])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_answers(name: str, step: int) -> None:
    reading, why = read(REFUSED[name], step=step if step != 1 or len(REFUSED[name]) < 9_999 else 4_095)
    assert why.startswith("The image API")
    assert not reading.complete
    assert not reading.stays
    assert reading.status == 0 or step


@pytest.mark.parametrize(
    "flood",
    [
        OK + b"X: " + b"a" * HEAD_BYTES,
        b"HTTP/1.1 102 P\r\n\r\n" * (HEAD_BYTES // 10),
        CHUNKED + b"1;" + b"a" * LINE_BYTES * 2,
        CHUNKED + b"0\r\n" + b"X: 1\r\n" * LINE_BYTES,
        b"\r\n" * HEAD_BYTES,
    ],
    ids=["head", "interim answers", "extension", "trailers", "line ends"],
)
def test_a_flood_ends(flood: bytes) -> None:
    _, why = read(flood, step=4_096)
    assert "not readable" in why


@pytest.mark.parametrize("more", [OK + TWO + b"\r\nno", b"garbage", b"\0", b"H"])
def test_what_follows_a_whole_answer_takes_nothing_from_it_but_is_the_last(more: bytes) -> None:
    reading, why = read(OK + TWO + b"\r\nok" + more)
    assert (why, reading.status, reading.take(), reading.complete, reading.stays) == ("", 200, b"ok", True, False)
    assert reading.fields == [(b"Content-Length", b"2")]


@pytest.mark.parametrize("framing", [TWO, b"Transfer-Encoding: chunked\r\n", b"", b"Content-Length: 0\r\n"])
@pytest.mark.parametrize("more", [b"", b"ok", b"2\r\nok\r\n0\r\n\r\n"])
def test_a_head_has_no_body_whatever_it_says_and_is_the_last(framing: bytes, more: bytes) -> None:
    reading, why = read(OK + framing + b"\r\n" + more, has_body=False)
    assert (why, reading.status, reading.chunks, reading.complete, reading.stays) == ("", 200, [], True, False)


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        (b"", True),
        (b"Transfer-Encoding: identity\r\n", True),
        (b"Transfer-Encoding: chunked, gzip\r\n", True),
        (b"Transfer-Encoding: Chunked\r\n", False),
        (b"Transfer-Encoding: gzip,\tchunked \r\n", False),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", True),
        (b"content-length: 5\r\n", False),
    ],
)
def test_which_bodies_end_by_closing(fields: bytes, ends: bool) -> None:
    reading, why = read(OK + fields + b"\r\n")
    assert (why, reading.complete, reading.ends_by_closing()) == ("", False, ends)


def test_nothing_ends_by_closing_before_its_head_is_whole() -> None:
    assert not read(OK + b"X: 1\r\n")[0].ends_by_closing()


def test_fields_come_as_they_are_but_for_the_space_around_them() -> None:
    reading, _ = read(OK + b"x-A: \t a  b \t\r\nX-a:\r\nContent-Length : 2\r\nSet-Cookie: \xff\xe9\r\n\r\nok")
    assert reading.fields == [(b"x-A", b"a  b"), (b"X-a", b""), (b"Content-Length", b"2"), (b"Set-Cookie", b"\xff\xe9")]


def test_one_parser_reads_one_answer_after_another() -> None:
    reading = Reading()
    for number in range(3):
        reading.expect(has_body=True)
        assert reading.feed(OK + b"X: %d\r\n" % number + TWO + b"\r\nok") == ""
        assert (reading.fields[0], reading.take(), reading.stays) == ((b"X", b"%d" % number), b"ok", True)


def test_many_small_chunks_are_no_flood() -> None:
    reading, why = read(CHUNKED + b"1;extension=abcdefgh\r\nx\r\n" * 20_000 + b"0\r\n\r\n", step=1_000)
    assert (why, len(reading.take()), reading.stays) == ("", 20_000, True)
