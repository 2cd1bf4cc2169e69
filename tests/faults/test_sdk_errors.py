"""The real OpenAI SDK, which asks three times where it is let: after an error of ours it asks once."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest


def received(upstream: Any, wire: Any) -> None:
    if request := wire.request():
        upstream.receipts.append(request)


def message_of(status: int) -> bytes:
    head = (
        b"HTTP/1.1 %d X\r\nRetry-After: 0\r\nX-Should-Retry: true\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"
    )
    return head % status + b'{"data":[{"url":"u"}]}\r\n'


def breaks_off(upstream: Any, wire: Any) -> None:
    received(upstream, wire)
    wire.send(message_of(200)[:-1])


@pytest.fixture
def calls() -> Iterator[tuple[list[Any], Callable[..., Any]]]:
    """Each request the SDK makes, and a maker of clients that may ask three times."""
    made: list[Any] = []
    asked: list[Any] = []

    def client(url: str, **more: Any) -> Any:
        http = httpx2.Client(event_hooks={"request": [asked.append]}, trust_env=False)
        made.append(http)
        return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=2, http_client=http, **more)

    yield asked, client
    for each in made:
        each.close()


def never(upstream: Any, wire: Any) -> None:
    received(upstream, wire)
    threading.Event().wait(1)


def unmergeable(upstream: Any, wire: Any) -> None:
    received(upstream, wire)
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


# Kind of error -> flags, what the upstream plays, what is asked for, requests that reach the upstream.
OWN_ERRORS: dict[str, tuple[dict[str, Any], Any, dict[str, Any], int]] = {
    "no answer in time": ({"timeout_s": 0.3}, never, {}, 1),
    "no answer in time to three parts": ({"timeout_s": 0.3}, never, {"n": 3}, 3),
    "broken off before the answer": ({}, lambda upstream, wire: received(upstream, wire), {}, 1),
    "broken off in the answer": ({}, breaks_off, {}, 1),
    "reset": ({}, lambda upstream, wire: wire.reset(), {}, 0),
    "nonsense for an answer": ({}, lambda upstream, wire: (received(upstream, wire), wire.send(b"220 smtp\r\n")), {}, 1),
    "nobody listens": ({"upstream": "http://127.0.0.1:9"}, never, {}, 0),
    "no such host": ({"upstream": "http://no-such-host.invalid"}, never, {}, 0),
    "answers that can't be merged": ({}, unmergeable, {"n": 2}, 2),
    "a prompt that is too long": ({}, never, {"prompt": "a doctor " * 4_000}, 0),
    "a body that is too large": ({"body_bytes": 2_000}, never, {"prompt": "a doctor " * 300}, 0),
    "an unusable seed": ({}, never, {"extra_headers": {"x-evenhand-seed": "no"}}, 0),
    "a wrong content type": ({}, never, {"extra_headers": {"content-type": "text/plain"}}, 0),
    "a wrong coding": ({}, never, {"extra_headers": {"content-encoding": "compress"}}, 0),
    "headers that are too large": ({"header_bytes": 2_000}, never, {"extra_headers": {"x": "y" * 3_000}}, 0),
    "a prompt that is no string": ({}, never, {"extra_body": {"prompt": 7}}, 0),
}


@pytest.mark.parametrize("kind", OWN_ERRORS)
def test_the_openai_sdk_never_repeats_after_an_error_of_ours(
    run_rig: Callable[..., Any], upstream_of: Callable[..., Any], calls: Any, kind: str
) -> None:
    flags, steps, more, receipts = OWN_ERRORS[kind]
    upstream = upstream_of(steps)
    asked, client = calls
    with run_rig(**{"upstream": upstream.origin, **flags}) as rig, pytest.raises(openai.APIStatusError) as caught:
        client(rig.url).images.generate(**{"prompt": "a doctor", **more})
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert (len(asked), len(upstream.receipts)) == (1, receipts)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_the_image_apis_own_errors_keep_its_own_advice(
    run_rig: Callable[..., Any], upstream_of: Callable[..., Any], calls: Any, status: int
) -> None:
    """Its status is its word on whether to ask again; we add nothing to it and take nothing away."""

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            upstream.receipts.append(request)
            wire.send(message_of(status))

    upstream = upstream_of(steps)
    asked, client = calls
    with run_rig(upstream=upstream.origin) as rig, pytest.raises(openai.APIStatusError) as caught:
        client(rig.url).images.generate(prompt="a doctor")
    assert caught.value.status_code == status
    assert caught.value.response.headers["x-should-retry"] == "true"
    assert len(asked) == len(upstream.receipts) == 3
