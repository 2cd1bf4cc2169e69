"""Stability AI as its own examples talk to it: JSON for v1, forms for v2beta, answers as JSON or raw pictures."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
V1 = "/v1/generation/stable-diffusion-xl-1024-v1-0"
V2 = "/v2beta/stable-image"


@pytest.fixture
def stability(serve_app: Any, picture: Any) -> Any:
    """Refuses the word "forbidden" as the API does."""
    app = FastAPI()

    @app.post("/v1/{path:path}")
    async def artifacts(path: str, request: Request) -> Response:
        asked = await request.json() if "json" in request.headers["content-type"] else {}
        one = {"base64": base64.b64encode(picture()).decode(), "seed": 5, "finishReason": "SUCCESS"}
        return JSONResponse({"artifacts": [one] * asked.get("samples", 1)})

    @app.post("/v2beta/{path:path}")
    async def draw(path: str, request: Request) -> Response:
        async with request.form() as form:
            prompt = str(form.get("prompt", ""))
        if "forbidden" in prompt and prompt != "a doctor, forbidden":
            return JSONResponse({"id": "i", "name": "content_moderation", "errors": ["Flagged."]}, status_code=403)
        if request.headers["accept"].startswith("image/"):
            return Response(picture(prompt), media_type="image/png")
        return JSONResponse({"image": base64.b64encode(picture(prompt)).decode(), "finish_reason": "SUCCESS", "seed": 5})

    return serve_app(app)


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], stability: Any) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def make(**more: Any) -> httpx.Client:
            sidecar = stack.enter_context(run_sidecar(upstream=stability.origin, dialects="stability", **more))
            headers = {"authorization": "Bearer sk-1", "accept": "application/json"}
            return stack.enter_context(httpx.Client(base_url=sidecar.url, headers=headers, trust_env=False, timeout=30))

        yield make


def test_v1_samples_are_drawn_one_by_one(client_of: Any, stability: Any, is_picture: Any) -> None:
    prompts = [{"text": OPEN, "weight": 1}, {"text": "a nurse", "weight": -1}]
    answer = client_of().post(f"{V1}/text-to-image", json={"text_prompts": prompts, "samples": 3, "seed": 0}).json()
    assert [is_picture(artifact["base64"]) for artifact in answer["artifacts"]] == [True] * 3
    assert len(stability.arrived) == 3
    for each in stability.arrived:
        positive, negative = each.json["text_prompts"]
        assert positive["text"] != OPEN
        assert negative == prompts[1]
        assert each.json["samples"] == 1


@pytest.mark.parametrize("accept", ["application/json", "image/*"])
@pytest.mark.parametrize("model", ["core", "ultra", "sd3"])
def test_v2_pictures(client_of: Any, stability: Any, is_picture: Any, accept: str, model: str) -> None:
    form = {"prompt": OPEN, "negative_prompt": "a nurse", "output_format": "png"}
    answer = client_of().post(f"{V2}/generate/{model}", data=form, files={"none": ""}, headers={"accept": accept})
    (arrived,) = stability.arrived
    assert is_picture(answer.json()["image"] if accept == "application/json" else answer.content)
    assert OPEN.encode() not in arrived.body
    assert b"\r\n\r\na nurse\r\n" in arrived.body


@pytest.mark.parametrize(
    ("path", "fields", "decision"),
    [
        ("generate/core", {"prompt": CLOSED}, "unchanged"),
        ("generate/sd3", {"prompt": OPEN, "mode": "image-to-image", "strength": "0.7"}, "shadow"),
        ("edit/search-and-replace", {"prompt": OPEN, "search_prompt": "a nurse"}, "shadow"),
        ("edit/remove-background", {"output_format": "png"}, None),
        ("control/sketch", {"prompt": OPEN}, "shadow"),
    ],
)
def test_what_arrives_byte_for_byte(
    client_of: Any, stability: Any, picture: Any, path: str, fields: dict[str, str], decision: str | None
) -> None:
    photo = {"image": ("in.png", picture(), "image/png")} if decision != "unchanged" else {"none": ""}
    client = client_of()
    request = client.build_request("POST", f"{V2}/{path}", data=fields, files=photo)
    answer = client.send(request)
    assert answer.headers.get("x-evenhand-decision") == decision
    assert stability.arrived[0].body == request.read()


def test_an_edit_is_rewritten_where_the_policy_says_so(client_of: Any, stability: Any, picture: Any) -> None:
    client = client_of(policy={"input_images": "enforce"})
    photo = {"image": ("in.png", picture(), "image/png")}
    fields = {"prompt": OPEN, "search_prompt": "a nurse"}
    client.post(f"{V2}/edit/search-and-replace", data=fields, files=photo)
    (arrived,) = stability.arrived
    assert OPEN.encode() not in arrived.body
    assert b"\r\n\r\na nurse\r\n" in arrived.body
    assert picture() in arrived.body


def test_the_original_after_a_refusal(client_of: Any, stability: Any, is_picture: Any) -> None:
    client = client_of(policy={"on_refusal": "original"})
    answer = client.post(f"{V2}/generate/core", data={"prompt": "a doctor, forbidden"}, files={"none": ""})
    assert is_picture(answer.json()["image"])
    assert "original_after_refusal" in answer.headers["x-evenhand-remarks"]
    assert len(stability.arrived) == 2
    assert b"\r\n\r\na doctor, forbidden\r\n" in stability.arrived[1].body
