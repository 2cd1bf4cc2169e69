"""AUTOMATIC1111's web UI as its clients talk to it: plain HTTP with basic authentication."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"


@pytest.fixture
def webui(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()

    @app.get("/sdapi/v1/{name}")
    async def tell(name: str) -> Response:
        return JSONResponse([{"title": name}])

    @app.post("/sdapi/v1/{name}")
    async def draw(name: str, body: dict[str, Any]) -> Response:
        count = body.get("batch_size", 1) * body.get("n_iter", 1)
        encoded = base64.b64encode(picture(body.get("prompt", ""))).decode()
        info = json.dumps({"prompt": body.get("prompt"), "all_seeds": [1] * count})
        return JSONResponse({"images": [encoded] * count, "parameters": body, "info": info})

    return serve_app(app)


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], webui: Any) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def make(**more: Any) -> httpx.Client:
            sidecar = stack.enter_context(run_sidecar(upstream=webui.origin, dialects="automatic1111", **more))
            return stack.enter_context(httpx.Client(base_url=sidecar.url, auth=("u", "p"), trust_env=False, timeout=30))

        yield make


def test_a_batch_is_one_request_with_one_prompt(client_of: Any, webui: Any, is_picture: Any) -> None:
    asked = {
        "prompt": f"({OPEN}:1.2), <lora:old man:0.6>",
        "negative_prompt": "a nurse",
        "batch_size": 2,
        "n_iter": 2,
        "seed": -1,
    }
    answer = client_of().post("/sdapi/v1/txt2img", json=asked).json()
    (arrived,) = webui.arrived
    assert [is_picture(image) for image in answer["images"]] == [True] * 4
    assert arrived.json["prompt"] != asked["prompt"]
    assert arrived.json["prompt"].endswith("<lora:old man:0.6>")
    assert {**arrived.json, "prompt": asked["prompt"]} == asked
    assert arrived.headers["authorization"].startswith("Basic ")


def test_a_prompt_for_the_second_pass_is_read_too(client_of: Any, webui: Any) -> None:
    client_of().post("/sdapi/v1/txt2img", json={"prompt": CLOSED, "enable_hr": True, "hr_prompt": OPEN, "seed": 5})
    assert webui.arrived[0].json["prompt"] == CLOSED
    assert webui.arrived[0].json["hr_prompt"] != OPEN


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("txt2img", {"prompt": CLOSED, "negative_prompt": OPEN, "styles": [OPEN]}),
        ("txt2img", {"prompt": OPEN, "alwayson_scripts": {"controlnet": {"args": [{"image": "aGk="}]}}}),
        ("img2img", {"prompt": OPEN, "init_images": ["aGk="]}),
        ("interrogate", {"image": "aGk=", "model": "clip"}),
        ("txt2img", {}),
    ],
    ids=["nothing open", "a ControlNet picture", "a picture to change", "another path", "nothing at all"],
)
def test_what_arrives_byte_for_byte(client_of: Any, webui: Any, path: str, body: dict[str, Any]) -> None:
    raw = json.dumps(body, indent=1).encode()
    answer = client_of().post(f"/sdapi/v1/{path}", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert webui.arrived[0].body == raw


def test_lists_and_options_pass(client_of: Any, webui: Any) -> None:
    client = client_of()
    assert [client.get(f"/sdapi/v1/{name}").status_code for name in ("samplers", "sd-models", "progress", "secrets")] == [
        200,
        200,
        200,
        404,
    ]
    assert [each.path for each in webui.arrived] == ["/sdapi/v1/samplers", "/sdapi/v1/sd-models", "/sdapi/v1/progress"]
