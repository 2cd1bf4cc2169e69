"""Header fields of one hop in both directions, on the wire (RFC 9110 §7.6.1): what stays and what goes on."""

import re
from collections.abc import Callable
from typing import Any

import pytest

PATH = b"/v1/images/generations"
BODY = b'{"prompt":"a tree"}'

# Fields of a request -> what the upstream must not see of them, what it must.
REQUESTS: list[tuple[bytes, list[bytes], list[bytes]]] = [
    *[
        (b"%s: canary" % name, [b"canary"], [])
        for name in (b"Keep-Alive", b"Proxy-Connection", b"Proxy-Authorization", b"Proxy-Authenticate", b"TE", b"Trailer")
    ],
    *[(b"%s: canary" % name, [b"canary"], []) for name in (b"Upgrade", b"HTTP2-Settings", b"Expect", b"X-Evenhand-Anything")],
    *[
        (b"Connection: %s\r\nX-One: canary\r\nX-Two: kept" % value, [b"canary"], [b"x-two: kept"])
        for value in (
            b"X-One",
            b"x-one",
            b"close, X-One",
            b"keep-alive ,x-ONE,",
            b" , X-One",
            b"\tX-One\t",
            b"TE, X-One",
            b"a,b,c,X-One",
        )
    ],
    (b"Connection: X-One\r\nConnection: X-Two\r\nX-One: canary\r\nX-Two: canary", [b"canary"], []),
    (b"Connection: X-One\r\nX-One: canary\r\nx-one: canary2", [b"canary"], []),
    (b"X-One: canary\r\nConnection: X-One", [b"canary"], []),
    (b"Connection: connection, X-One\r\nX-One: canary", [b"canary"], []),
    (b"Connection: close", [b"connection:"], []),
    (b"Connection: keep-alive", [b"keep-alive"], []),
    (b"TE: trailers\r\nTrailer: X\r\nX: y", [b"te:", b"trailer"], [b"x: y"]),
    (b"Connection: te\r\nTE: trailers, gzip", [b"gzip"], []),
    (b"Upgrade: h2c\r\nConnection: Upgrade", [b"h2c"], []),
    (b"Expect: 100-continue", [b"expect"], []),
    (b"X-Same: 1\r\nX-Other: 2\r\nX-Same: 3", [], [b"x-same: 1\r\nx-other: 2\r\nx-same: 3"]),
    (b"Cookie: a=1\r\nCookie: b=2", [], [b"cookie: a=1\r\ncookie: b=2"]),
    (b"Authorization: Bearer k", [], [b"authorization: Bearer k"]),
    (b"Via: 1.1 front", [], [b"via: 1.1 front"]),
    (b"Max-Forwards: 3", [], [b"max-forwards: 3"]),
    (b"Forwarded: for=192.0.2.1", [], [b"forwarded: for=192.0.2.1"]),
    (b"User-Agent: mine/1", [], [b"user-agent: mine/1"]),
    (b"Accept: */*;q=0.1", [], [b"accept: */*;q=0.1"]),
    (b"Accept-Language: de", [], [b"accept-language: de"]),
    (b"X-Empty:", [], [b"x-empty: "]),
    (b"X-Tab: a\tb", [], [b"x-tab: a\tb"]),
    (b"X-Word: caf\xc3\xa9", [], [b"x-word: caf\xc3\xa9"]),
    (b"X_Under: 1\r\nX-Under: 2", [], [b"x_under: 1\r\nx-under: 2"]),
    (b"Content-Language: en", [], [b"content-language: en"]),
    (b"Idempotency-Key: k-1", [], [b"idempotency-key: k-1"]),
    (b"X-Evenhand: off", [b"x-evenhand"], []),
    (b"X-Evenhand-Seed: 7", [b"x-evenhand"], []),
    (b"Host-: canary", [], [b"host-: canary"]),
]

# Nobody may take away the fields that frame a message or say who asks, by naming them in Connection.
FRAMING = [b"content-length", b"host", b"content-type", b"transfer-encoding"]

# Fields of an answer -> what the client must not see of them, what it must.
ANSWERS: list[tuple[bytes, list[bytes], list[bytes]]] = [
    *[
        (b"%s: canary" % name, [b"canary"], [])
        for name in (
            b"Keep-Alive",
            b"Proxy-Connection",
            b"Proxy-Authenticate",
            b"TE",
            b"Trailer",
            b"Upgrade",
            b"Proxy-Authorization",
        )
    ],
    *[
        (b"Connection: %s\r\nX-One: canary\r\nX-Two: kept" % value, [b"canary"], [b"x-two: kept"])
        for value in (b"X-One", b"x-one, keep-alive", b" ,X-ONE", b"a, X-One")
    ],
    (b"Connection: X-One\r\nConnection: X-Two\r\nX-One: canary\r\nX-Two: canary", [b"canary"], []),
    (b"Set-Cookie: a=1\r\nX: y\r\nSet-Cookie: b=2", [], [b"set-cookie: a=1\r\nx: y\r\nset-cookie: b=2"]),
    (b"X-Evenhand-Decision: forged", [b"forged"], []),
    (b"X-Evenhand-Remarks: forged", [b"forged"], []),
    (b"X-Evenhand-Anything: forged", [b"forged"], []),
    (b"Server: theirs", [], [b"server: theirs"]),
    (b"Date: then", [], [b"date: then"]),
    (b"X-Request-Id: req_1", [], [b"x-upstream-request-id: req_1"]),
    (b"Location: http://169.254.169.254/", [], [b"location: http://169.254.169.254/"]),
    (b"Content-Security-Policy: default-src 'none'", [], [b"content-security-policy: default-src 'none'"]),
    (b'Alt-Svc: h3=":443"', [], [b'alt-svc: h3=":443"']),
    (b"X-Word: caf\xc3\xa9", [], [b"x-word: caf\xc3\xa9"]),
    (b"X-Word: caf\xe9", [], [b"x-word: caf\xe9"]),
    (b"X-Empty:", [], [b"x-empty:"]),
    (b"Via: 1.1 back", [], [b"via: 1.1 back"]),
    (b"Retry-After: 7", [], [b"retry-after: 7"]),
]


async def test_what_goes_upstream(attacked: Any) -> None:
    attacked.upstream.take()
    head = b"POST %s?case=%d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n\r\n%s"
    cases = [head % (PATH, number, len(BODY), fields, BODY) for number, (fields, _, _) in enumerate(REQUESTS)]
    await attacked.send_all(cases)
    arrived = {re.search(rb"case=(\d+)", one)[1]: one for one in attacked.upstream.take()}  # type: ignore[index]
    wrong = []
    for number, (fields, never, always) in enumerate(REQUESTS):
        # The header's own line ends are kept, so that neighbours can be told.
        seen = arrived.get(b"%d" % number, b"").partition(b"\r\n\r\n")[0] + b"\r\n"
        lower = seen.lower()
        if not seen.strip() or any(each in lower for each in never) or not all(each + b"\r\n" in seen for each in always):
            wrong.append((fields, seen))
        if lower.count(b"\r\ncontent-length: %d\r\n" % len(BODY)) != 1 or b"transfer-encoding" in lower:
            wrong.append((fields, seen))
    assert not wrong
    assert not attacked.upstream.faults


async def test_connection_cannot_take_away_what_frames_a_message(attacked: Any) -> None:
    attacked.upstream.take()
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s"
    said = await attacked.send_all([head % (PATH, len(BODY), name, BODY) for name in FRAMING])
    assert [each.split(b" ")[1] for each in said] == [b"200"] * len(FRAMING)
    for seen in attacked.upstream.take():
        assert seen.endswith(b"\r\n\r\n" + BODY)
        assert seen.count(b"\r\nhost: ") == seen.count(b"\r\ncontent-length: 19\r\n") == 1
    assert not attacked.upstream.faults


async def test_what_goes_back(serve: Callable[..., Any], parser: str) -> None:
    attacked = serve(parser)
    request = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        PATH,
        len(BODY),
        BODY,
    )
    wrong = []
    for fields, never, always in ANSWERS:
        attacked.upstream.answer = b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 2\r\n\r\n{}" % fields
        said = await attacked.send(request + request.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        seen, _, rest = said.partition(b"\r\n\r\n")
        lower = seen.lower() + b"\r\n"
        fine = not any(each in lower for each in never) and all(b"\r\n" + each in lower for each in always)
        if not (seen.startswith(b"HTTP/1.1 200") and fine and rest.startswith(b"{}HTTP/1.1 200")):
            wrong.append((fields, seen))
    assert not wrong


ODD_ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: forged=1\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX[0]: z\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 99999 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw bytes",
    b"HTTP/2 200\r\n\r\n",
    b"{}",
    b"\0" * 200,
]


async def test_odd_answers_never_reach_the_client_as_fine_ones(serve: Callable[..., Any], parser: str, logged: list[str]) -> None:
    """A 502, the connection broken off, or one plainly framed message."""
    attacked = serve(parser, timeout_s=3)
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    wrong = []
    for answer in ODD_ANSWERS:
        attacked.upstream.answer = answer
        said = await attacked.send(head % (PATH, len(BODY), BODY), quiet_s=1)
        seen = said.partition(b"\r\n\r\n")[0]
        lower = seen.lower()
        odd = lower.count(b"content-length") + lower.count(b"transfer-encoding") != 1 or re.search(
            rb"[\0-\x08\x0b\x0c\x0e-\x1f]|forged", seen
        )
        if said and (odd or not re.match(rb"HTTP/1\.1 (200|502) ", seen) or said.count(b"HTTP/1.1") != 1):
            wrong.append((answer, said))
    assert not wrong
    assert "Traceback" not in "".join(logged)


@pytest.fixture(scope="module")
def redirecting(serve: Callable[..., Any], parser: str) -> Any:
    return serve(parser)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_passed_and_never_followed(redirecting: Any, script: Callable[..., Any], status: int) -> None:
    trap = script(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrap")
    answer = b"HTTP/1.1 %d Elsewhere\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n" % (status, trap.origin.encode())
    redirecting.upstream.answer = answer
    said = redirecting.running.post("a tree", headers={"authorization": "Bearer canary"})
    assert (said.status_code, said.headers["location"]) == (status, trap.origin + "/x")
    assert trap.requests == []
    assert len(redirecting.upstream.take()) == 1


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(REQUESTS) + len(ANSWERS) + len(FRAMING) >= 60
