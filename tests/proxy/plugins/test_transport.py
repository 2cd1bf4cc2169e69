"""The transport inside of real clients on real sockets: httpx of both kinds, its successor, and the OpenAI SDK."""

import asyncio
import base64
import gzip
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import httpx2
import openai
import pytest

from evenhand import EvenhandTransport
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset

PNG = b"\x89PNG\r\n\x1a\n"
PATH = "/v1/images/generations"
Wrap = Callable[..., EvenhandTransport]


@pytest.fixture
def wrap(small_rules: Ruleset) -> Wrap:
    """wrap(inner, policy={...}, **options) -> the transport around it."""

    def make(inner: Any, *, policy: dict[str, Any] | None = None, **options: Any) -> EvenhandTransport:
        rules = replace(small_rules, policy=small_rules.policy.model_copy(update=policy or {}))
        return EvenhandTransport(inner, rules=rules, **options)

    return make


def as_answer(body: bytes, *more: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"content-type: application/json", b"content-length: %d" % len(body), *more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_the_openai_sdk(sidecar: Any, wrap: Wrap, library: Any) -> None:
    sidecar.arrived()
    http = library.Client(transport=wrap(library.HTTPTransport()))
    with openai.OpenAI(base_url=f"{sidecar.demo}/v1", api_key="sk-test", max_retries=0, http_client=http) as client:
        answer = client.images.with_raw_response.generate(model="gpt-image-1", prompt="a doctor", n=2)
    (arrived,) = sidecar.arrived()
    data = answer.parse().data
    assert data is not None
    assert [image.revised_prompt for image in data] == [arrived["prompt"]] * 2
    assert arrived["prompt"] != "a doctor"
    assert all(base64.b64decode(image.b64_json or "").startswith(PNG) for image in data)
    assert answer.headers["x-evenhand-decision"] == "rewritten"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
async def test_the_async_openai_sdk(sidecar: Any, wrap: Wrap, library: Any) -> None:
    sidecar.arrived()
    http = library.AsyncClient(transport=wrap(library.AsyncHTTPTransport()))
    async with openai.AsyncOpenAI(base_url=f"{sidecar.demo}/v1", api_key="sk-test", max_retries=0, http_client=http) as client:
        one = await client.images.generate(model="gpt-image-1", prompt="a doctor")
        stream = await client.images.generate(model="gpt-image-1", prompt="a doctor", stream=True, partial_images=1)
        events = [event.type async for event in stream]
    arrived = sidecar.arrived()
    assert one.data is not None
    assert one.data[0].revised_prompt == arrived[0]["prompt"] != "a doctor"
    assert arrived[1]["prompt"] != "a doctor"
    assert events == ["image_generation.partial_image", "image_generation.completed"]


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_an_error_of_ours_is_one_of_the_api_to_the_sdk(sidecar: Any, wrap: Wrap, library: Any) -> None:
    sidecar.arrived()
    http = library.Client(transport=wrap(library.HTTPTransport()))
    made = openai.OpenAI(base_url=f"{sidecar.demo}/v1", api_key="sk-test", max_retries=0, http_client=http)
    with made as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="a" * 40_000)
    assert caught.value.code == "invalid_body"
    assert sidecar.arrived() == []


def test_a_request_that_needs_no_change_goes_out_as_it_is(script: Callable[..., Any], wrap: Wrap) -> None:
    upstream = script(as_answer(b'{"data":[{}]}'))
    content = b'{ "prompt":"a tree" ,"x":1.50}'
    headers = {"content-type": "application/json", "X-Mine": "1"}
    with httpx.Client(transport=httpx.HTTPTransport()) as plain, httpx.Client(transport=wrap(httpx.HTTPTransport())) as client:
        plain.post(upstream.origin + PATH, content=content, headers=headers)
        answer = client.post(upstream.origin + PATH, content=content, headers=headers)
    assert upstream.requests[0] == upstream.requests[1]
    assert (answer.headers["x-evenhand-decision"], answer.content) == ("unchanged", b'{"data":[{}]}')


def test_a_rewritten_request_has_the_new_length_and_none_of_our_fields(script: Callable[..., Any], wrap: Wrap) -> None:
    upstream = script(as_answer(b'{"data":[{}]}', b"etag: w", b"x-evenhand-decision: forged"))
    headers = {"content-type": "application/json", "X-Evenhand-Seed": "7", "Digest": "d"}
    with httpx.Client(transport=wrap(httpx.HTTPTransport())) as client:
        answer = client.post(upstream.origin + PATH, content=b'{ "prompt":"a doctor"}', headers=headers)
    (request,) = upstream.requests
    head = request.partition(b"\r\n\r\n")[0].lower()
    assert b"content-length: %d" % len(body_of(request)) in head
    assert b"evenhand" not in head
    assert b"digest" not in head
    assert answer.json() == {"data": [{"revised_prompt": json.loads(body_of(request))["prompt"]}]}
    assert answer.headers.get_list("x-evenhand-decision") == ["rewritten"]
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("policy", "headers", "outcome"),
    [
        ({"mode": "shadow"}, {}, "shadow"),
        ({"mode": "off"}, {}, "opted_out"),
        ({}, {"x-evenhand": "off"}, "opted_out"),
        ({"images": "split"}, {}, "rewritten"),
        ({"revised_prompt": False}, {}, "rewritten"),
    ],
)
def test_modes_wishes_and_the_ledger(
    script: Callable[..., Any], wrap: Wrap, policy: dict[str, Any], headers: dict[str, str], outcome: str
) -> None:
    told: list[Entry] = []
    upstream = script(as_answer(b'{"data":[{}]}'))
    with httpx.Client(transport=wrap(httpx.HTTPTransport(), policy=policy, sinks=[told.append])) as client:
        answer = client.post(upstream.origin + PATH, json={"prompt": "a doctor", "n": 3}, headers=headers)
    (request,) = upstream.requests
    assert (json.loads(body_of(request))["prompt"] != "a doctor") == (outcome == "rewritten")
    assert answer.headers["x-evenhand-decision"] == outcome
    assert ("revised_prompt" in answer.text) == (outcome == "rewritten" and "revised_prompt" not in policy)
    assert [(entry.decision.outcome, entry.status) for entry in told] == [(outcome, 200)]


@pytest.mark.parametrize(("path", "prefix"), [("/v1/embeddings", ""), (PATH, "/llm"), ("/", "")])
def test_other_requests_pass_untouched(script: Callable[..., Any], wrap: Wrap, path: str, prefix: str) -> None:
    upstream = script(as_answer(b"{}"))
    with httpx.Client(transport=wrap(httpx.HTTPTransport(), prefix=prefix)) as client:
        answer = client.post(upstream.origin + path, json={"prompt": "a doctor"}, headers={"x-evenhand-seed": "7"})
    assert json.loads(body_of(upstream.requests[0])) == {"prompt": "a doctor"}
    assert b"x-evenhand-seed" in upstream.requests[0].lower()
    assert "x-evenhand-decision" not in answer.headers


def test_an_answer_that_is_compressed_all_the_same_is_read(script: Callable[..., Any], wrap: Wrap) -> None:
    packed = gzip.compress(b'{"data":[{}]}')
    upstream = script(as_answer(packed, b"content-encoding: gzip"))
    with httpx.Client(transport=wrap(httpx.HTTPTransport())) as client:
        answer = client.post(upstream.origin + PATH, json={"prompt": "a doctor"})
    assert answer.json()["data"][0]["revised_prompt"].endswith(" doctor")


@pytest.mark.parametrize("body", [b"[]", b'{"data":[]}', b"{oops"])
def test_an_answer_of_another_shape_arrives_as_it_was(script: Callable[..., Any], wrap: Wrap, body: bytes) -> None:
    upstream = script(as_answer(body, b"x-request-id: req_1"))
    made = httpx.Client(transport=wrap(httpx.HTTPTransport()))
    with made as client, client.stream("POST", upstream.origin + PATH, json={"prompt": "a doctor"}) as answer:
        assert b"".join(answer.iter_raw()) == body
    assert answer.headers["x-request-id"] == "req_1"


def test_a_refusal_of_the_api_is_its_own_and_told_to_the_ledger(script: Callable[..., Any], wrap: Wrap) -> None:
    told: list[Entry] = []
    body = b'{"error":{"code":"moderation_blocked"}}'
    upstream = script(as_answer(body, status=b"400 Bad Request"))
    with httpx.Client(transport=wrap(httpx.HTTPTransport(), sinks=[told.append])) as client:
        answer = client.post(upstream.origin + PATH, json={"prompt": "a doctor"})
    assert (answer.status_code, answer.content) == (400, body)
    assert [entry.refused for entry in told] == [True]


def test_a_fault_of_the_connection_is_the_inner_transports_own(wrap: Wrap, free_port: int) -> None:
    told: list[Entry] = []
    made = httpx.Client(transport=wrap(httpx.HTTPTransport(), sinks=[told.append]))
    with made as client, pytest.raises(httpx.ConnectError):
        client.post(f"http://127.0.0.1:{free_port}{PATH}", json={"prompt": "a doctor"})
    assert [entry.status for entry in told] == [0]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_large_upload_and_a_long_prompt(script: Callable[..., Any], wrap: Wrap) -> None:
    upstream = script(as_answer(b'{"data":[{}]}'))
    transport = wrap(httpx.HTTPTransport(), policy={"input_images": "enforce"}, memory_bytes=65_536)
    with httpx.Client(transport=transport) as client:
        files = {"image": ("a.png", PNG + b"\0" * 300_000, "image/png")}
        client.post(f"{upstream.origin}/v1/images/edits", data={"prompt": "a doctor"}, files=files)
        client.post(upstream.origin + PATH, json={"prompt": "a doctor. " + "A tree stands. " * 300})
    form, long = upstream.requests
    assert PNG + b"\0" * 300_000 in form
    assert b"\r\n\r\na doctor\r\n" not in form
    assert not json.loads(body_of(long))["prompt"].startswith("a doctor.")


async def test_the_synchronous_client_works_where_a_loop_runs(sidecar: Any, wrap: Wrap) -> None:
    sidecar.arrived()
    assert asyncio.get_running_loop()
    with httpx.Client(transport=wrap(httpx.HTTPTransport())) as client:
        answer = client.post(sidecar.demo + PATH, json={"prompt": "a doctor", "size": "256x256"})  # noqa: ASYNC212 - its point
    assert answer.status_code == 200
    assert sidecar.arrived()[0]["prompt"] != "a doctor"


def test_many_threads_share_one_client(sidecar: Any, wrap: Wrap) -> None:
    sidecar.arrived()
    statuses: list[int] = []
    with httpx.Client(transport=wrap(httpx.HTTPTransport()), timeout=30) as client:

        def send() -> None:
            statuses.append(client.post(sidecar.demo + PATH, json={"prompt": "a doctor", "size": "256x256"}).status_code)

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 8
    assert all(entry["prompt"] != "a doctor" for entry in sidecar.arrived())
