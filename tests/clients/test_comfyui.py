"""ComfyUI as its clients talk to it: queue a workflow, poll the history, fetch the picture."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
WORKFLOW: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": OPEN, "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "a nurse", "clip": ["4", 1]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "out"}},
}


@pytest.fixture
def comfyui(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()

    @app.post("/upload/image")
    async def keep() -> Response:
        return JSONResponse({"name": "in.png", "subfolder": "", "type": "input"})

    @app.get("/history/{name}")
    async def history(name: str) -> Response:
        image = {"filename": "out_1.png", "subfolder": "", "type": "output"}
        return JSONResponse({name: {"outputs": {"9": {"images": [image]}}, "status": {"completed": True}}})

    @app.get("/view")
    async def view() -> Response:
        return Response(picture(), media_type="image/png")

    @app.post("/{path:path}")
    async def queue(path: str, request: Request) -> Response:
        if "prompt" not in await request.json():
            return JSONResponse(
                {"error": {"type": "no_prompt", "message": "No prompt provided"}, "node_errors": {}}, status_code=400
            )
        return JSONResponse({"prompt_id": "q-1", "number": 1, "node_errors": {}})

    return serve_app(app)


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], comfyui: Any) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def make(**more: Any) -> httpx.Client:
            sidecar = stack.enter_context(run_sidecar(upstream=comfyui.origin, dialects="comfyui", **more))
            return stack.enter_context(httpx.Client(base_url=sidecar.url, trust_env=False, timeout=30))

        yield make


def changed(**texts: Any) -> dict[str, Any]:
    workflow = deepcopy(WORKFLOW)
    for node, inputs in texts.items():
        workflow[node.removeprefix("n")]["inputs"] |= inputs
    return workflow


@pytest.mark.parametrize("path", ["/prompt", "/api/prompt"])
def test_a_workflow_from_queue_to_picture(client_of: Any, comfyui: Any, is_picture: Any, path: str) -> None:
    client = client_of()
    queued = client.post(path, json={"prompt": WORKFLOW, "client_id": "c-1"}).json()["prompt_id"]
    (image,) = client.get(f"/history/{queued}").json()[queued]["outputs"]["9"]["images"]
    assert is_picture(client.get("/view", params=image).content)
    sent = comfyui.arrived[0].json["prompt"]
    text = sent["6"]["inputs"]["text"]
    assert text != OPEN
    assert sent == changed(n6={"text": text})


@pytest.mark.parametrize(
    ("workflow", "decision"),
    [
        (changed(n6={"text": CLOSED}), "unchanged"),
        (changed(n3={"negative": ["6", 0]}), None),
        ({**WORKFLOW, "10": {"class_type": "LoadImage", "inputs": {"image": "in.png"}}}, "shadow"),
        ({}, None),
    ],
    ids=["nothing open", "one prompt on both sides", "a picture to change", "no nodes"],
)
def test_what_arrives_byte_for_byte(client_of: Any, comfyui: Any, workflow: dict[str, Any], decision: str | None) -> None:
    raw = json.dumps({"client_id": "c-1", "prompt": workflow}, indent=2).encode()
    answer = client_of().post("/prompt", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert answer.headers.get("x-evenhand-decision") == decision
    assert comfyui.arrived[0].body == raw


@pytest.mark.parametrize("kind", [{}, {"content-type": "application/x-www-form-urlencoded"}], ids=["none", "urllib's"])
def test_scripts_need_not_say_that_a_workflow_is_json(client_of: Any, comfyui: Any, kind: dict[str, str]) -> None:
    answer = client_of().post("/prompt", content=json.dumps({"prompt": WORKFLOW}).encode(), headers=kind)
    assert answer.json()["prompt_id"] == "q-1"
    assert comfyui.arrived[0].json["prompt"]["6"]["inputs"]["text"] != OPEN


def test_the_two_texts_of_sdxl(client_of: Any, comfyui: Any) -> None:
    encode = {"class_type": "CLIPTextEncodeSDXL", "inputs": {"text_g": OPEN, "text_l": "white coat, desk", "clip": ["4", 1]}}
    client_of().post("/prompt", json={"prompt": {**WORKFLOW, "6": encode}})
    inputs = comfyui.arrived[0].json["prompt"]["6"]["inputs"]
    assert inputs["text_g"] != OPEN
    assert inputs["text_l"] == "white coat, desk"


def test_an_upload_passes_and_an_unlisted_path_does_not(client_of: Any, comfyui: Any, picture: Any) -> None:
    client = client_of()
    assert client.post("/upload/image", files={"image": ("in.png", picture(), "image/png")}).json()["name"] == "in.png"
    assert client.post("/userdata/workflow.json", json=WORKFLOW).status_code == 404
    assert picture() in comfyui.arrived[0].body
    assert len(comfyui.arrived) == 1


def test_errors_of_the_upstream_arrive_unchanged(client_of: Any) -> None:
    answer = client_of().post("/prompt", json={"client_id": "c-1"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "no_prompt")
