"""Ideogram as its own examples talk to it: forms, JSON for the first API, and its magic prompt told and silenced."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
V3 = "/v1/ideogram-v3/generate"


@pytest.fixture
def ideogram(serve_app: Any, picture: Any) -> Any:
    """Draws at a URL of its own; with magic prompt on, it tells a prompt of its own."""
    app = FastAPI()

    @app.get("/ephemeral.png")
    async def fetch() -> Response:
        return Response(picture(), media_type="image/png")

    @app.post("/{path:path}")
    async def draw(path: str, request: Request) -> Response:
        asked = await fields_of(request)
        if request.query_params.get("dry_run") == "true":
            return JSONResponse({"price": {"amount": "0.06", "currency": "USD"}})
        said = str(asked.get("prompt") or asked.get("text_prompt"))
        magic = asked.get("magic_prompt", asked.get("magic_prompt_option", "AUTO"))
        one = {"url": f"{request.base_url}ephemeral.png", "is_image_safe": True, "resolution": "1024x1024", "seed": 5}
        told = {"prompt": f"A lively photo of {said}"} if magic != "OFF" else {}
        return JSONResponse({"created": "2026-01-01T00:00:00Z", "data": [{**told, **one}] * int(asked.get("num_images", 1))})

    return serve_app(app)


async def fields_of(request: Request) -> dict[str, Any]:
    if "json" in request.headers["content-type"]:
        body = await request.json()
        return dict(body.get("image_request", body))
    async with request.form() as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], ideogram: Any) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def make(**more: Any) -> httpx.Client:
            sidecar = stack.enter_context(run_sidecar(upstream=ideogram.origin, dialects="ideogram", **more))
            return stack.enter_context(
                httpx.Client(base_url=sidecar.url, headers={"api-key": "key-1"}, trust_env=False, timeout=30)
            )

        yield make


def form_of(**fields: str) -> dict[str, Any]:
    return {"files": {name: (None, value) for name, value in fields.items()}}


def test_pictures_are_drawn_one_by_one_and_the_magic_prompt_is_told(client_of: Any, ideogram: Any, is_picture: Any) -> None:
    answer = client_of().post(V3, **form_of(prompt=OPEN, negative_prompt="a nurse", num_images="2", seed="7"))
    data = answer.json()["data"]
    assert [is_picture(httpx.get(image["url"], trust_env=False).content) for image in data] == [True, True]
    drawn = [each for each in ideogram.arrived if each.method == "POST"]
    assert len(drawn) == 2
    assert all(b"\r\n\r\na nurse\r\n" in each.body and OPEN.encode() not in each.body for each in drawn)
    assert all(image["prompt"].startswith("A lively photo of ") for image in data)
    assert answer.headers["x-evenhand-remarks"] == "upstream_rewriter_on"
    assert ideogram.arrived[0].headers["api-key"] == "key-1"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (V3, form_of(prompt=OPEN)),
        (V3, form_of(prompt=OPEN, magic_prompt="AUTO")),
        (V3, {"json": {"prompt": OPEN, "magic_prompt": "ON"}}),
        ("/generate", {"json": {"image_request": {"prompt": OPEN, "model": "V_2"}}}),
        ("/v2/image/generate/ideogram-4-6", form_of(prompt=OPEN)),
    ],
    ids=["not said", "AUTO", "JSON", "the first API", "v2"],
)
def test_magic_prompt_is_switched_off_where_the_policy_says_so(client_of: Any, ideogram: Any, path: str, sent: Any) -> None:
    answer = client_of(policy={"upstream_rewriters": "off"}).post(path, **sent)
    (arrived,) = ideogram.arrived
    (image,) = answer.json()["data"]
    assert answer.headers["x-evenhand-remarks"] == "upstream_rewriter_off"
    assert b"OFF" in arrived.body
    assert image["prompt"] != OPEN
    assert image["prompt"].encode() in arrived.body


@pytest.mark.parametrize(
    ("path", "fields", "decision"),
    [
        (V3, {"prompt": CLOSED, "magic_prompt": "OFF"}, "unchanged"),
        ("/v1/ideogram-v3/remix", {"prompt": OPEN, "magic_prompt": "OFF"}, "shadow"),
        ("/v1/ideogram-v3/reframe", {"resolution": "512x1536"}, None),
        ("/v1/ideogram-v4/generate", {"json_prompt": '{"high_level_description": "a doctor"}'}, None),
    ],
)
def test_what_arrives_byte_for_byte(
    client_of: Any, ideogram: Any, picture: Any, path: str, fields: dict[str, str], decision: str | None
) -> None:
    client = client_of()
    files = {"image": ("in.png", picture(), "image/png")} if path.endswith(("remix", "reframe")) else {"none": ""}
    request = client.build_request("POST", path, data=fields, files=files)
    answer = client.send(request)
    assert answer.headers.get("x-evenhand-decision") == decision
    assert ideogram.arrived[0].body == request.read()


def test_a_dry_run_is_priced_as_it_would_be_drawn(client_of: Any, ideogram: Any) -> None:
    answer = client_of().post(f"{V3}?dry_run=true", **form_of(prompt=OPEN))
    assert answer.json() == {"price": {"amount": "0.06", "currency": "USD"}}
    assert ideogram.arrived[0].query == "dry_run=true"
