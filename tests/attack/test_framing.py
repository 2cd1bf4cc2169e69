"""Requests that two readers may read in two ways: each is refused, or reaches the upstream once, framed anew by us."""

import re
from collections.abc import Iterator
from typing import Any

PATH = b"/v1/images/generations"
JSON = b"Content-Type: application/json\r\n"
SECOND = (
    b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nX-Smuggled: 1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 21\r\n\r\n{"prompt":"smuggled"}'
)
BODY = b'{"prompt":"a tree %d"}'

# Outcomes: refused; taken once; either (the parsers differ, both readings are safe).
Case = tuple[str, str, bytes]


def request(fields: bytes, body: bytes, line: bytes = b"POST " + PATH + b" HTTP/1.1") -> bytes:
    return line + b"\r\nHost: x\r\n" + JSON + fields + b"\r\n" + body


def chunked(body: bytes, *, size: bytes = b"%x", end: bytes = b"\r\n", last: bytes = b"0\r\n\r\n") -> bytes:
    return size % len(body) + b"\r\n" + body + end + last if b"%" in size else size + b"\r\n" + body + end + last


GOOD = BODY % 0
N = len(GOOD)

LENGTHS: list[tuple[str, bytes]] = [
    ("taken", b"Content-Length: %d"),
    ("taken", b"Content-Length:%d"),
    ("taken", b"content-length: %d"),
    ("taken", b"CONTENT-LENGTH:\t %d"),
    ("taken", b"Content-Length: %d  "),
    ("either", b"Content-Length: 000%d"),
    ("refused", b"Content-Length: +%d"),
    ("refused", b"Content-Length: -%d"),
    ("refused", b"Content-Length: 0x%x"),
    ("refused", b"Content-Length: 0b%d"),
    ("refused", b"Content-Length: %d,"),
    ("either", b"Content-Length: %d, %d"),
    ("refused", b"Content-Length: %d;"),
    ("refused", b"Content-Length: %d.0"),
    ("refused", b"Content-Length: %d 0"),
    ("refused", b"Content-Length: %de0"),
    ("refused", b"Content-Length: %d_0"),
    ("refused", b'Content-Length: "%d"'),
    ("refused", b"Content-Length: %d\0"),
    ("refused", b"Content-Length: \0%d"),
    ("refused", b"Content-Length: \x0b%d"),
    ("refused", b"Content-Length: %d\x0c"),
    ("refused", b"Content-Length: \xc2\xb2"),
    ("refused", b"Content-Length: \xef\xbc\x92\xef\xbc\x91"),
    ("refused", b"Content-Length: abc"),
    ("refused", b"Content-Length:"),
    ("refused", b"Content-Length: 18446744073709551616"),
    ("refused", b"Content-Length: 18446744073709551637"),
    ("refused", b"Content-Length: " + b"9" * 200),
    ("either", b"Content-Length: %d\r\nContent-Length: %d"),
    ("refused", b"Content-Length: %d\r\nContent-Length: 0"),
    ("refused", b"Content-Length: 0\r\nContent-Length: %d"),
    ("refused", b"Content-Length: %d\r\ncontent-length: +%d"),
    ("refused", b"Content-Length : %d"),
    ("refused", b"Content-Length\t: %d"),
    ("refused", b"Content-Length\x0b: %d"),
    ("refused", b"Content-Length\0: %d"),
    ("refused", b"Content\0-Length: %d"),
    ("refused", b"Content Length: %d"),
    ("refused", b"X: y\nContent-Length: %d\nX: y"),
    ("refused", b"X: y\rContent-Length: %d"),
    ("refused", b"X: y\r\n Content-Length: %d"),
    ("refused", b"X: y\r\n\tContent-Length: %d"),
    ("refused", b"Content-Length:\r\n %d"),
    ("refused", b"Content-Length: %d\r\n 0"),
]

CODINGS: list[tuple[str, bytes]] = [
    ("taken", b"Transfer-Encoding: chunked"),
    ("taken", b"Transfer-Encoding:chunked"),
    ("taken", b"transfer-encoding: CHUNKED"),
    ("taken", b"Transfer-Encoding: \tchunked "),
    ("refused", b"Transfer-Encoding: chunked, identity"),
    ("refused", b"Transfer-Encoding: identity, chunked"),
    ("refused", b"Transfer-Encoding: gzip, chunked"),
    ("refused", b"Transfer-Encoding: chunked, chunked"),
    ("refused", b"Transfer-Encoding: chunked, gzip"),
    ("refused", b"Transfer-Encoding: identity"),
    ("refused", b"Transfer-Encoding: gzip"),
    ("refused", b"Transfer-Encoding: "),
    ("refused", b"Transfer-Encoding: chunked,"),
    ("refused", b"Transfer-Encoding: ,chunked"),
    ("refused", b"Transfer-Encoding: xchunked"),
    ("refused", b"Transfer-Encoding: x chunked"),
    ("refused", b"Transfer-Encoding: chunkedx"),
    ("refused", b"Transfer-Encoding: chunked x"),
    ("refused", b"Transfer-Encoding: chunk"),
    ("refused", b"Transfer-Encoding: chunked;q=1"),
    ("refused", b'Transfer-Encoding: "chunked"'),
    ("refused", b"Transfer-Encoding: 'chunked'"),
    ("refused", b"Transfer-Encoding: [chunked]"),
    ("refused", b"Transfer-Encoding: chunked\0"),
    ("refused", b"Transfer-Encoding: \0chunked"),
    ("refused", b"Transfer-Encoding: \x0bchunked"),
    ("refused", b"Transfer-Encoding: \x0cchunked"),
    ("refused", b"Transfer-Encoding: chunked\x0b"),
    ("refused", b"Transfer-Encoding: chunked\x1f"),
    ("refused", b"Transfer-Encoding: chunked\x7f"),
    ("refused", b"Transfer-Encoding: \x85chunked"),
    ("refused", b"Transfer-Encoding: \xa0chunked"),
    ("refused", b"Transfer-Encoding: \xffchunked"),
    ("refused", b"Transfer-Encoding: ch\xc5\xabnked"),
    ("refused", b"Transfer-Encoding: ch unked"),
    ("refused", b"Transfer-Encoding : chunked"),
    ("refused", b"Transfer-Encoding\t: chunked"),
    ("refused", b"Transfer-Encoding\0: chunked"),
    ("refused", b"Transfer Encoding: chunked"),
    ("refused", b" Transfer-Encoding: chunked"),
    ("refused", b"X: y\nTransfer-Encoding: chunked\nX: y"),
    ("refused", b"X: y\rTransfer-Encoding: chunked"),
    ("refused", b"Transfer-Encoding:\r\n chunked"),
    ("refused", b"Transfer-Encoding:\n chunked"),
    ("refused", b"Transfer-Encoding: chunked\r\n , identity"),
    ("refused", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    ("refused", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
    ("refused", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    ("refused", b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
    ("refused", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
]

CHUNKS: list[tuple[str, bytes]] = [
    ("taken", chunked(GOOD)),
    ("taken", chunked(GOOD, size=b"%X")),
    ("taken", chunked(GOOD, size=b"000%x")),
    ("taken", chunked(GOOD, size=b"%x;name=value")),
    ("either", chunked(GOOD, size=b'%x;name="quoted value"')),
    ("either", chunked(GOOD, size=b'%x;name="a;\\"b"')),
    ("either", chunked(GOOD, size=b"%x;")),
    ("either", chunked(GOOD, size=b"%x ")),
    ("either", chunked(GOOD, size=b"%x ;a=b")),
    ("either", chunked(GOOD, size=b"%x;a b c")),
    ("taken", chunked(GOOD, last=b"000\r\n\r\n")),
    ("taken", chunked(GOOD, last=b"0\r\nX: y\r\n\r\n")),
    ("taken", b"1\r\n{\r\n" + chunked(GOOD[1:])),
    ("refused", chunked(GOOD, size=b"+%x")),
    ("refused", chunked(GOOD, size=b"-%x")),
    ("refused", chunked(GOOD, size=b"0x%x")),
    ("refused", chunked(GOOD, size=b"%x_0")),
    ("refused", chunked(GOOD, size=b" %x")),
    ("refused", chunked(GOOD, size=b"\t%x")),
    ("refused", chunked(GOOD, size=b"%x 0")),
    ("refused", chunked(GOOD, size=b"%x\0")),
    ("refused", chunked(GOOD, size=b"%x,")),
    ("refused", chunked(GOOD, size=b"%xg")),
    ("refused", chunked(GOOD, size=b"g")),
    ("refused", chunked(GOOD, size=b"")),
    ("refused", chunked(GOOD, size=b";a=b")),
    ("refused", chunked(GOOD, size=b'"%x"')),
    ("refused", chunked(GOOD, size=b"1000000000000000%x")),
    ("refused", chunked(GOOD, size=b"f" * 40)),
    ("refused", chunked(GOOD, size=b"-1")),
    ("refused", chunked(GOOD, size=b"\xef\xbc\x95")),
    ("either", chunked(GOOD, size=b"%x;a\0b")),
    ("refused", chunked(GOOD, size=b"%x;a\nb")),
    ("refused", chunked(GOOD, size=b"%x\rX")),
    ("refused", chunked(GOOD, end=b"")),
    ("refused", chunked(GOOD, end=b"\n")),
    ("refused", chunked(GOOD, end=b"\r")),
    ("refused", chunked(GOOD, end=b"\rX")),
    ("refused", chunked(GOOD, end=b"XX")),
    ("refused", chunked(GOOD, end=b"more\r\n")),
    ("refused", chunked(GOOD).replace(b"\r\n", b"\n")),
    ("refused", b"%x\n" % N + GOOD + b"\r\n0\r\n\r\n"),
    ("refused", chunked(GOOD, last=b"0\n\n")),
    ("refused", chunked(GOOD, last=b"0\r\nX y\r\n\r\n")),
    ("refused", chunked(GOOD, last=b"0\r\nX : y\r\n\r\n")),
    ("refused", chunked(GOOD, last=b"0\r\nX: a\0b\r\n\r\n")),
    ("refused", chunked(GOOD, last=b"x\r\n\r\n")),
]

HEADS: list[tuple[str, bytes]] = [
    ("refused", b"POST %p HTTP/1.1\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\r\nHost: evil.example\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nhost: x\r\nHOST: evil.example\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost : x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\n Host: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost:\r\n x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\r\n\tevil.example\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\0\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\rHost: y\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\nHost: x\n%f\n"),
    ("refused", b"POST %p HTTP/1.1\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\rHost: x\r%f\r"),
    ("refused", b"POST %p HTTP/1.1\r\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1\r\nHost: x\r\r\n%f\r\n"),
    ("either", b"POST  %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("either", b"POST %p  HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST\t%p\tHTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b" POST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1 \r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"%p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/0.9\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.2\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/2\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/2.0\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/3.0\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/11.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1.1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1,1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTP/-1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p http/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p HTTPS/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p ICE/1.0\r\nHost: x\r\n%f\r\n"),
    ("either", b"POST %p RTSP/1.0\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST http://evil.example%p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST http://x%p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST HTTP://x%p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST //x%p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST x:80 HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST * HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST v1/images/generations HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST ?x HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p\0 HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p\x7f HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p\xc3\xa9 HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p?\xc3\xa9 HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p?\0 HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p#x HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p\rX HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST %p x HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"post %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"Post %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POSTX %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"PO\0ST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"PO(ST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"POST: %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"\xffPOST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"X" * 300 + b" %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("refused", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n%f"),
    ("refused", b"GET %p\r\n\r\n%f"),
    ("refused", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03%f"),
    ("refused", b"SSH-2.0-OpenSSH_9.6\r\n%f"),
    ("refused", b"\0" * 400 + b"%f"),
    ("refused", bytes(range(256)) + b"%f"),
    ("either", b"\r\nPOST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("either", b"\r\n\r\n\r\nPOST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("either", b"\nPOST %p HTTP/1.1\r\nHost: x\r\n%f\r\n"),
    ("taken", b"POST %p HTTP/1.0\r\nHost: x\r\n%f\r\n"),
    ("taken", b"POST %p?a=b&c=%25 HTTP/1.1\r\nHost: x\r\n%f\r\n"),
]

FIELDS: list[tuple[str, bytes]] = [
    ("taken", b"X: y"),
    ("taken", b"X:"),
    ("taken", b"X:\ty\t"),
    ("taken", b"!#$%&'*+.^_`|~: y"),
    ("taken", b"X: a\tb"),
    ("taken", b"X: caf\xc3\xa9"),
    ("either", b"X: caf\xe9"),
    ("refused", b"X"),
    ("refused", b": y"),
    ("refused", b" : y"),
    ("refused", b"X y"),
    ("refused", b"X : y"),
    ("refused", b"X\t: y"),
    ("refused", b" X: y"),
    ("refused", b"X: y\r\n z"),
    ("refused", b"X: y\r\n\tz"),
    ("refused", b"X: y\r\n "),
    ("refused", b"X: a\0b"),
    ("refused", b"X: a\x01b"),
    ("refused", b"X: a\x08b"),
    ("refused", b"X: a\x0bb"),
    ("refused", b"X: a\x1bb"),
    ("refused", b"X: a\x7fb"),
    ("refused", b"X: a\rb"),
    ("refused", b"X: a\nb: c"),
    ("refused", b"X\0: y"),
    ("refused", b"X\x80: y"),
    ("refused", b"X(: y"),
    ("refused", b"X@Y: y"),
    ("refused", b"X,Y: y"),
    ("refused", b"X/Y: y"),
    ("refused", b"X[0]: y"),
    ("refused", b'"X": y'),
    ("refused", b"\xc3\xa9: y"),
    ("refused", b"{: y"),
    ("refused", b"\r: y"),
    ("refused", b"X: " + b"y" * 33_000),
    ("refused", b"X" * 33_000 + b": y"),
    ("refused", b"X: " + b"y" * 300_000),
    ("refused", b"\r\n".join(b"X-%d: y" % number for number in range(101))),
    ("refused", b"\r\n".join(b"X-%d: y" % number for number in range(5_000))),
    ("refused", b"Content-Type: text/plain"),
    ("refused", b"Content-Type: application/json"),
]


def framed(fields: bytes) -> bytes:
    return fields.replace(b"%d", b"%d" % N).replace(b"%x", b"%x" % N)


def cases() -> Iterator[Case]:
    for outcome, fields in LENGTHS:
        yield outcome, f"length {fields!r}", request(framed(fields) + b"\r\n", GOOD)
    for outcome, fields in CODINGS:
        yield outcome, f"coding {fields!r}", request(fields + b"\r\n", chunked(GOOD))
        body = b"0\r\n\r\n" + SECOND
        for both in (b"Content-Length: %d\r\n" % len(body) + fields, fields + b"\r\nContent-Length: %d" % len(body)):
            yield "refused", f"both {both!r}", request(both + b"\r\n", body)
    for outcome, body in CHUNKS:
        yield outcome, f"chunk {body!r}", request(b"Transfer-Encoding: chunked\r\n", body)
    own = JSON + b"Content-Length: %d\r\n" % N
    for outcome, head in HEADS:
        yield outcome, f"head {head[:80]!r}", head.replace(b"%p", PATH).replace(b"%f", own) + GOOD
    for outcome, fields in FIELDS:
        yield outcome, f"field {fields[:60]!r}", request(b"Content-Length: %d\r\n" % N + fields + b"\r\n", GOOD)


CASES = list(cases())


def marked(case: bytes, number: int) -> bytes:
    """Every request line carries the number of its case, so that many can be under way at once."""
    return (
        case.replace(PATH, b"%s?case=%d" % (PATH, number), 1)
        if PATH + b"?" not in case
        else case.replace(b"?a=b", b"?case=%d&a=b" % number, 1)
    )


def status_of(said: bytes) -> int:
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", said)
    return int(found[1]) if found else 0


async def test_every_case_is_refused_or_taken_once(attacked: Any) -> None:
    attacked.upstream.take()
    said = await attacked.send_all([marked(case, number) for number, (_, _, case) in enumerate(CASES)])
    assert attacked.is_well()
    arrived = attacked.upstream.take()
    wrong = []
    for number, ((outcome, name, _), answer) in enumerate(zip(CASES, said, strict=True)):
        mine = [one for one in arrived if re.match(rb"POST \S+\?case=%d[& ]" % number, one)]
        status = status_of(answer)
        fine = {
            "refused": not mine and (400 <= status < 500 or status in (0, 501, 505)),
            "taken": len(mine) == 1 and status == 200 and mine[0].endswith(b"\r\n\r\n" + GOOD),
        }
        if not (any(fine.values()) if outcome == "either" else fine[outcome]):
            wrong.append((outcome, name, status, len(mine), answer[:60]))
    assert not wrong, "\n".join(map(str, wrong))
    assert not [one for one in arrived if b"mugg" in one]
    assert len(arrived) <= len(CASES)


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(CASES) >= 200
