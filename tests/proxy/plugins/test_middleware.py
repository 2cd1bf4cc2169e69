"""The middleware around real apps on real sockets, asked by the real OpenAI SDK."""

import base64
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.middleware.gzip import GZipMiddleware

from evenhand import EvenhandMiddleware
from evenhand.proxy.demo.upstream import demo_app
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset

PNG = b"\x89PNG\r\n\x1a\n"
PATH = "/v1/images/generations"
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(app) -> its URL; the app runs until the test ends."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(app: Any) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(10)
        listener.close()


def echo() -> FastAPI:
    """Tells what it got, in several ways."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def tell(path: str, request: Request) -> Response:
        body = await request.body()
        told = {"body": body.decode("latin-1"), "headers": dict(request.headers), "path": path, "data": [{}]}
        if "slow" in request.query_params:
            return StreamingResponse((json.dumps(told)[at : at + 7] for at in range(0, 99_999, 7)), media_type="application/json")
        return JSONResponse(told, headers={"x-request-id": "req_1", "etag": "w", "x-evenhand-decision": "forged"})

    return app


def post(url: str, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url, content=content, headers=named, timeout=30, trust_env=False)


@pytest.fixture
def guarded(small_rules: Ruleset, serve: Serve) -> Callable[..., str]:
    """guarded(app, **options) -> the URL of the app behind the middleware."""
    return lambda app, **options: serve(EvenhandMiddleware(app, rules=small_rules, **options))


def test_the_openai_sdk_gets_images_of_the_rewritten_prompt(guarded: Callable[..., str]) -> None:
    url = guarded(demo_app())
    with openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0) as client:
        answer = client.images.with_raw_response.generate(model="gpt-image-1", prompt="a doctor", n=2)
    (arrived,) = httpx.get(f"{url}/demo/log", trust_env=False).json()["requests"]
    data = answer.parse().data
    assert data is not None
    assert arrived["n"] == 2
    assert [image.revised_prompt for image in data] == [arrived["prompt"]] * 2
    assert arrived["prompt"] != "a doctor"
    assert all(base64.b64decode(image.b64_json or "").startswith(PNG) for image in data)
    assert answer.headers["x-evenhand-decision"] == "rewritten"


def test_a_stream_arrives_as_it_comes(guarded: Callable[..., str]) -> None:
    url = guarded(demo_app())
    with openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0) as client:
        events = list(client.images.generate(model="gpt-image-1", prompt="a doctor", stream=True, partial_images=2))
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


def test_the_app_sees_a_whole_request_of_the_new_length(guarded: Callable[..., str]) -> None:
    answer = post(guarded(echo()) + PATH, b'{"prompt": "a doctor",  "x":1.50}', x_evenhand_seed="7", digest="d")
    seen = answer.json()
    assert seen["headers"]["content-length"] == str(len(seen["body"]))
    assert seen["body"].endswith(' doctor",  "x":1.50}')
    assert not [name for name in seen["headers"] if name.startswith("x-evenhand") or name in ("digest", "x-request-id")]
    assert seen["data"] == [{"revised_prompt": json.loads(seen["body"])["prompt"]}]
    assert (answer.headers["x-request-id"], answer.headers["x-evenhand-decision"]) == ("req_1", "rewritten")
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/other", "/", "/v1/images/generations/more", "/v1/models"])
def test_other_paths_pass_untouched(guarded: Callable[..., str], path: str) -> None:
    answer = post(guarded(echo()) + path, b'{"prompt":"a doctor"', x_evenhand_seed="7")
    assert answer.json()["body"] == '{"prompt":"a doctor"'
    assert answer.json()["headers"]["x-evenhand-seed"] == "7"
    assert answer.headers["x-evenhand-decision"] == "forged"


@pytest.mark.parametrize("path", ["/v1/images/gener%61tions", "/v1/images/generations/", "/v1%2Fimages/generations"])
def test_another_spelling_of_a_path_that_the_app_takes_is_guarded(guarded: Callable[..., str], path: str) -> None:
    assert post(guarded(echo()) + path, {"prompt": "a doctor"}).json()["body"] != '{"prompt": "a doctor"}'


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'{"prompt":"a","prompt":"b"}', {}, 400, "invalid_body"),
        (b'{"prompt":7}', {}, 400, "invalid_body"),
        (b"{", {}, 400, "invalid_body"),
        (b'{"prompt":"a"}', {"content_type": "text/plain"}, 415, "unsupported_content"),
        (b'{"prompt":"%s"}' % (b"a" * 2_000_000), {}, 413, "body_too_large"),
        (b'{"prompt":"a"}', {"x_evenhand_seed": "x"}, 400, "invalid_header"),
    ],
)
def test_errors_are_those_of_the_proxy(
    guarded: Callable[..., str], sidecar: Any, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = post(guarded(echo()) + PATH, body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json() == post(sidecar.url + PATH, body, **headers).json()


@pytest.mark.parametrize(
    ("policy", "headers", "outcome"),
    [
        ({"mode": "shadow"}, {}, "shadow"),
        ({"mode": "off"}, {}, "opted_out"),
        ({}, {"x_evenhand": "off"}, "opted_out"),
        ({"images": "split"}, {}, "rewritten"),
    ],
)
def test_modes_and_wishes(
    small_rules: Ruleset, serve: Serve, policy: dict[str, Any], headers: dict[str, str], outcome: str
) -> None:
    told: list[Entry] = []
    rules = replace(small_rules, policy=small_rules.policy.model_copy(update=policy))
    url = serve(EvenhandMiddleware(echo(), rules=rules, sinks=[told.append]))
    answer = post(url + PATH, {"prompt": "a doctor", "n": 3}, **headers)
    assert answer.headers["x-evenhand-decision"] == outcome
    assert (json.loads(answer.json()["body"])["prompt"] != "a doctor") == (outcome == "rewritten")
    assert [(entry.decision.outcome, entry.status, entry.route) for entry in told] == [
        (outcome, 200, "openai.images.generations")
    ]


def test_a_compressed_request_is_read(guarded: Callable[..., str]) -> None:
    answer = post(guarded(echo()) + PATH, gzip.compress(b'{"prompt":"a doctor"}'), content_encoding="gzip")
    assert json.loads(answer.json()["body"])["prompt"].endswith(" doctor")
    assert "content-encoding" not in answer.json()["headers"]


def test_an_app_that_compresses_or_sends_in_pieces_gets_its_revised_prompt_too(guarded: Callable[..., str]) -> None:
    app = echo()
    app.add_middleware(GZipMiddleware, minimum_size=1)
    url = guarded(app)
    answers = [
        post(url + PATH, {"prompt": "a doctor"}, accept_encoding="gzip"),
        post(f"{url}{PATH}?slow", {"prompt": "a doctor"}),
    ]
    assert all(answer.json()["data"][0]["revised_prompt"].endswith(" doctor") for answer in answers)


def test_a_large_answer_goes_on_as_it_came(guarded: Callable[..., str]) -> None:
    url = guarded(echo(), answer_bytes=65_536)
    answer = post(f"{url}{PATH}?slow", {"prompt": "a doctor", "pad": "p" * 70_000})
    assert (answer.status_code, answer.json()["data"]) == (200, [{}])


def test_behind_a_prefix_a_mount_and_added_to_an_app(small_rules: Ruleset, serve: Serve) -> None:
    whole = FastAPI()
    whole.mount("/ai", EvenhandMiddleware(echo(), rules=small_rules))
    added = echo()
    added.add_middleware(EvenhandMiddleware, rules=small_rules, prefix="/llm")
    for url in (f"{serve(whole)}/ai", f"{serve(added)}/llm"):
        assert post(url + PATH, {"prompt": "a doctor"}).headers["x-evenhand-decision"] == "rewritten"


def test_a_client_that_leaves_while_it_sends_costs_nothing(guarded: Callable[..., str]) -> None:
    url = guarded(echo())
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n".encode()
        )
    assert post(url + PATH, {"prompt": "a doctor"}).status_code == 200
