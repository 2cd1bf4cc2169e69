"""No picture is paid for twice: whatever fails, and wherever, the image API gets a request once an image at most."""

import itertools
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

STATUSES = (200, 400, 429, 500, 503)
OK = b'{"data":[{"url":"u"}]}'
REFUSED = b'{"error":{"code":"moderation_blocked","message":"no"}}'


def message_of(status: int) -> bytes:
    body = OK if status == 200 else b'{"error":{"message":"asked to fail","code":"rate_limit_exceeded"}}'
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nRetry-After: 0\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def received(upstream: Any, wire: Any) -> None:
    if request := wire.request():
        upstream.receipts.append(request)


def cut(share: float, *, resets: bool = False) -> Callable[[Any, Any, bytes], None]:
    """Takes the request and sends so much of the answer."""

    def steps(upstream: Any, wire: Any, message: bytes) -> None:
        received(upstream, wire)
        wire.send(message[: int(len(message) * share)])
        if resets:
            wire.reset()

    return steps


def resets_at_once(upstream: Any, wire: Any, message: bytes) -> None:
    wire.reset()


def closes_at_once(upstream: Any, wire: Any, message: bytes) -> None:
    """Before a byte is read."""


def takes_half_the_head(upstream: Any, wire: Any, message: bytes) -> None:
    wire.read(40)
    wire.reset()


def takes_the_head(upstream: Any, wire: Any, message: bytes) -> None:
    wire.read(until=b"\r\n\r\n")


def answers_before_the_body(upstream: Any, wire: Any, message: bytes) -> None:
    wire.read(30)
    wire.send(message)
    received(upstream, wire)


def answers_twice(upstream: Any, wire: Any, message: bytes) -> None:
    received(upstream, wire)
    wire.send(message * 2)


def goes_after_one(upstream: Any, wire: Any, message: bytes) -> None:
    """A kept connection that is gone when the next request comes."""
    received(upstream, wire)
    wire.send(message)
    received(upstream, wire)
    wire.reset()


POINTS: dict[str, Callable[[Any, Any, bytes], None]] = {
    "reset at once": resets_at_once,
    "closed at once": closes_at_once,
    "reset in the head": takes_half_the_head,
    "closed after the head": takes_the_head,
    "closed after the body": cut(0),
    "reset after the body": cut(0, resets=True),
    "half a status line": cut(0.05),
    "half a header": cut(0.3),
    "no last byte": cut(0.999),
    "reset in the answer": cut(0.9, resets=True),
    "answered before the body": answers_before_the_body,
    "answered twice": answers_twice,
    "gone between two requests": goes_after_one,
    "all well": cut(1.0),
}


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("point", POINTS)
def test_one_receipt_an_image_at_most(stand: Any, eventually: Callable[..., Any], point: str, status: int, images: int) -> None:
    upstream = stand.play(lambda upstream, wire: POINTS[point](upstream, wire, message_of(status)))
    users = [f"{point}, {status}, {images}, {number}" for number in range(2)]
    for user in users:
        try:
            got = stand.rig.post("a doctor", n=images, user=user)
        except httpx.TransportError:
            continue
        assert got.status_code in (status, 502)
        if got.status_code == 502:
            assert got.headers["x-should-retry"] == "false"
    assert eventually(lambda: stand.rig.transport.in_use == 0)
    received = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in list(upstream.receipts)]
    # One of the test before, whose client has long been answered, may still be waiting to be accepted.
    bodies = [body for body in received if body["user"] in users]
    per_request = Counter(body["user"] for body in bodies)
    assert all(count <= images for count in per_request.values())
    assert len({(body["user"], body["prompt"]) for body in bodies}) == len(bodies), "the same body went out twice"


@pytest.fixture
def refusing(upstream_of: Callable[..., Any], answer: Callable[..., bytes]) -> Callable[..., Any]:
    """An upstream that answers requests in turn with the given bodies and statuses."""

    def start(*answers: tuple[bytes, bytes]) -> Any:
        turns = itertools.chain(answers, itertools.repeat(answers[-1]))
        lock = threading.Lock()

        def steps(upstream: Any, wire: Any) -> None:
            while request := wire.request():
                with lock:
                    upstream.receipts.append(request)
                    body, status = next(turns)
                wire.send(answer(body, status=status))

        return upstream_of(steps)

    return start


@pytest.mark.parametrize(
    ("first", "receipts"),
    [
        ((REFUSED, b"400 Bad Request"), 2),
        ((REFUSED.replace(b"moderation_blocked", b"content_policy_violation"), b"400 Bad Request"), 2),
        ((REFUSED, b"500 Oops"), 1),
        ((REFUSED, b"200 OK"), 1),
        ((REFUSED.replace(b"moderation_blocked", b"rate_limit_exceeded"), b"400 Bad Request"), 1),
        ((b'{"error":{"code":"billing_hard_limit_reached"}}', b"400 Bad Request"), 1),
        ((b"moderation_blocked", b"400 Bad Request"), 1),
        ((b"", b"400 Bad Request"), 1),
        ((OK, b"200 OK"), 1),
    ],
)
def test_the_original_follows_only_where_the_image_api_says_it_drew_nothing(
    run_rig: Callable[..., Any], refusing: Callable[..., Any], first: tuple[bytes, bytes], receipts: int
) -> None:
    upstream = refusing(first, (OK, b"200 OK"))
    with run_rig(policy={"on_refusal": "original"}, upstream=upstream.origin) as rig:
        rig.post("a doctor", headers={"idempotency-key": "k"})
    prompts = [json.loads(request.partition(b"\r\n\r\n")[2])["prompt"] for request in upstream.receipts]
    assert len(prompts) == receipts
    assert prompts[1:] == ["a doctor"][: receipts - 1]
    keys = [line for request in upstream.receipts for line in request.split(b"\r\n") if line.startswith(b"idempotency-key")]
    assert keys == [b"idempotency-key: k", b"idempotency-key: k-original"][:receipts]


def test_an_original_that_finds_no_way_out_leaves_the_refusal_standing(
    run_rig: Callable[..., Any], answer: Callable[..., bytes], eventually: Callable[..., Any]
) -> None:
    """The image API refuses the rewrite and stops listening; no error of ours may hide what it said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                listener.shutdown(socket.SHUT_RDWR)
                connection.sendall(answer(REFUSED, status=b"400 Bad Request", fields=b"Connection: close\r\n"))

        serving = threading.Thread(target=refuse_once, name="test-once")
        serving.start()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with run_rig(policy={"on_refusal": "original"}, upstream=origin) as rig:
            got = rig.post("a doctor")
            assert eventually(lambda: rig.entries)
            (entry,) = rig.entries
        serving.join()
    assert (got.status_code, got.content) == (400, REFUSED)
    assert (entry.refused, entry.decision.outcome, entry.decision.remarks) == (True, "rewritten", ())
