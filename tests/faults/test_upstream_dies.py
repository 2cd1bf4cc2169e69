"""Image APIs that die in the middle of an answer: no client ever takes what is left for a whole one."""

import gzip
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PICTURES = b'{"created":1,"data":[{"b64_json":"' + b"QUJD" * 3_000 + b'"}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PLAIN = HEAD + b"Content-Length: %d\r\n\r\n" % len(PICTURES) + PICTURES
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n" % (len(PICTURES), PICTURES) * 3 + b"0\r\n\r\n"
EVENTS = (
    HEAD.replace(b"application/json", b"text/event-stream")
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b'12\r\ndata: {"a": 1111}\n\r\n' * 200
    + b"0\r\n\r\n"
)
MESSAGES = {"length": PLAIN, "chunks": CHUNKED, "events": EVENTS}
# What is done with the answer: passed on as it comes; read for the revised prompt; merged from two.
ASKS: dict[str, dict[str, Any]] = {
    "passed": {"prompt": "a tree"},
    "read": {"prompt": "a doctor"},
    "merged": {"prompt": "a doctor", "n": 2},
}


def ends(upstream: Any, wire: Any, message: bytes, at: int, how: str) -> None:
    upstream.receipts.append(wire.request())
    wire.send(message[:at])
    threading.Event().wait(0.002)
    if how == "RST":
        wire.reset()


@pytest.mark.parametrize("how", ["FIN", "RST"])
@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("framed", MESSAGES)
def test_an_answer_cut_anywhere_is_never_whole(
    stand: Any,
    request_of: Callable[..., bytes],
    hear: Callable[..., Any],
    eventually: Callable[..., Any],
    times: Callable[[int, int], int],
    framed: str,
    ask: str,
    how: str,
) -> None:
    message, chance = MESSAGES[framed], random.Random(f"{framed}{ask}{how}")
    places = [0, 9, len(message.partition(b"\r\n\r\n")[0]) + 4, len(message) - 1]
    places += [chance.randrange(len(message)) for _ in range(times(8, 40))]
    waiting = iter([place for place in places for _ in range(2)])
    lock = threading.Lock()

    def steps(upstream: Any, wire: Any) -> None:
        with lock:
            at = next(waiting) if ask == "merged" else current[0]
        ends(upstream, wire, message, at, how)

    upstream, current = stand.play(steps), [0]
    for place in places:
        current[0] = place
        got = hear(stand.rig.port, request_of(**ASKS[ask]))
        assert got.status in (200, 502), (place, got.raw[:300])
        if got.status == 200:
            assert not got.is_whole, (place, got.raw[-50:])
        else:
            assert got.is_whole
            assert b"\r\nx-should-retry: false" in got.head
            assert b"it may still have drawn the picture" in got.body
    assert eventually(lambda: stand.rig.transport.in_use == 0)
    assert len(upstream.receipts) <= len(places) * (2 if ask == "merged" else 1)


BROKEN: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "a length that is too long": (HEAD + b"Content-Length: 99999\r\n\r\n" + PICTURES, (200, 502)),
    "a length that is negative": (HEAD + b"Content-Length: -5\r\n\r\n" + PICTURES, (502,)),
    "a length that is no number": (HEAD + b"Content-Length: many\r\n\r\n" + PICTURES, (502,)),
    "two lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 900\r\n\r\n" + PICTURES, (200, 502)),
    "a chunk size that is no number": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", (200, 502)),
    "a chunk longer than it says": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", (200, 502)),
    "a chunk without its end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf", (200, 502)),
    "no last chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", (200, 502)),
    "half a trailer": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX-T", (200, 502)),
    "no status line": (b"\r\n\r\n\r\n", (502,)),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", (502,)),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", (502,)),
    "a header without a colon": (b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n", (502,)),
    "a header that has no end": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, (502,)),
    "only 100s, then gone": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, (502,)),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("fault", BROKEN)
def test_broken_messages_are_told_or_broken_off(
    stand: Any,
    request_of: Callable[..., bytes],
    hear: Callable[..., Any],
    fault: str,
    ask: str,
) -> None:
    message, statuses = BROKEN[fault]
    upstream = stand.play(lambda upstream, wire: ends(upstream, wire, message, len(message), "FIN"))
    got = hear(stand.rig.port, request_of(**ASKS[ask]))
    assert got.status in statuses
    assert got.is_whole is (got.status != 200), got.raw[:300]
    assert b"Traceback" not in got.raw
    assert 1 <= len(upstream.receipts) <= ASKS[ask].get("n", 1)


def test_bytes_behind_an_answer_answer_nobody(stand: Any, answer: Callable[..., bytes]) -> None:
    forged = answer(b'{"data":[{"url":"forged"}]}')

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            wire.send(answer() + forged)

    upstream = stand.play(steps)
    answers = [stand.rig.post("a tree") for _ in range(12)]
    assert all(b"forged" not in each.content for each in answers)
    assert {each.status_code for each in answers} <= {200, 502}
    assert len(upstream.receipts) == len(answers)


@pytest.mark.parametrize("ask", ["passed", "read"])
@pytest.mark.parametrize(
    "packed", [b"\x1f\x8b not gzip at all", gzip.compress(PICTURES)[:-20], gzip.compress(PICTURES) + b"more"]
)
def test_gzip_that_is_broken_arrives_as_broken_as_it_was(
    stand: Any, request_of: Any, hear: Any, answer: Any, packed: bytes, ask: str
) -> None:
    def steps(upstream: Any, wire: Any) -> None:
        upstream.receipts.append(wire.request())
        wire.send(answer(packed, fields=b"Content-Encoding: gzip\r\n"))

    stand.play(steps)
    got = hear(stand.rig.port, request_of(**ASKS[ask]))
    if packed.endswith(b"more") and ask == "read":
        assert b"content-encoding" not in got.head.lower() or got.body == packed
    else:
        assert (got.status, got.body) == (200, packed)
        assert b"content-encoding: gzip" in got.head.lower()


def test_a_storm_of_interim_answers_ends_and_no_client_sees_it(
    stand: Any, answer: Callable[..., bytes], times: Callable[[int, int], int]
) -> None:
    storm = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * times(300, 5_000)

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            wire.send(storm + answer())

    upstream = stand.play(steps)
    got = stand.rig.post("a tree")
    assert (got.status_code, got.content, len(upstream.receipts)) == (200, b'{"data":[{"url":"u"}]}', 1)


def test_a_storm_without_end_is_a_timeout(run_rig: Callable[..., Any], upstream_of: Any, request_of: Any, hear: Any) -> None:
    def steps(upstream: Any, wire: Any) -> None:
        upstream.receipts.append(wire.request())
        while True:
            wire.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            threading.Event().wait(0.001)

    upstream = upstream_of(steps)
    with run_rig(upstream=upstream.origin, timeout_s=0.5) as rig:
        got = hear(rig.port, request_of("a tree"))
    assert (got.status, got.is_whole, len(upstream.receipts)) == (504, True, 1)


@pytest.mark.parametrize(("ask", "status"), [("passed", 200), ("read", 504), ("merged", 504)])
def test_a_slow_drip_ends_at_the_deadline_and_is_not_whole(
    run_rig: Callable[..., Any], upstream_of: Callable[..., Any], request_of: Any, hear: Any, ask: str, status: int
) -> None:
    def steps(upstream: Any, wire: Any) -> None:
        upstream.receipts.append(wire.request())
        for at in range(len(PLAIN)):
            wire.send(PLAIN[at : at + 200] if at == 0 else b"Q")
            threading.Event().wait(0.01)

    upstream = upstream_of(steps)
    with run_rig(upstream=upstream.origin, timeout_s=0.6) as rig:
        got = hear(rig.port, request_of(**ASKS[ask]))
    assert (got.status, got.is_whole) == (status, status != 200)


SERVER = """
import socket, sys
message = sys.stdin.buffer.read()
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
while b"\\r\\n\\r\\n" not in connection.recv(65536, socket.MSG_PEEK):
    pass
connection.sendall(message)
print("sent", flush=True)
connection.recv(1)
listener.accept()
"""


@contextmanager
def process_that_sends(message: bytes) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(message)
        process.stdin.close()
        try:
            yield process, f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@pytest.mark.parametrize("ask", ["passed", "read"])
@pytest.mark.parametrize("share", [0.002, 0.3, 0.99])
def test_kill_9_of_the_image_api(run_rig: Callable[..., Any], request_of: Any, hear: Any, share: float, ask: str) -> None:
    with process_that_sends(CHUNKED[: int(len(CHUNKED) * share)]) as (process, origin), run_rig(upstream=origin) as rig:
        assert process.stdout
        out = process.stdout

        def kill() -> None:
            assert out.readline() == b"sent\n"
            os.kill(process.pid, signal.SIGKILL)

        killing = threading.Thread(target=kill, name="test-kill")
        killing.start()
        got = hear(rig.port, request_of(**ASKS[ask]))
        killing.join()
    assert got.status in (200, 502)
    assert got.is_whole is (got.status == 502)
