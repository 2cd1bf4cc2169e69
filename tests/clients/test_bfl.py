"""Black Forest Labs as its own examples talk to it: a request, then polls of the URL in the answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"


@pytest.fixture
def bfl(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()

    @app.get("/v1/get_result")
    async def poll(request: Request) -> Response:
        result = {"sample": f"{request.base_url}sample.png", "prompt": "as drawn", "seed": 1}
        return JSONResponse({"id": request.query_params["id"], "status": "Ready", "result": result})

    @app.get("/sample.png")
    async def fetch() -> Response:
        return Response(picture(), media_type="image/png")

    @app.post("/v1/{model}")
    async def accept(model: str, request: Request) -> Response:
        return JSONResponse({"id": "t-1", "polling_url": f"{request.base_url}v1/get_result?id=t-1", "cost": 3.0})

    return serve_app(app)


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], bfl: Any) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def make(**more: Any) -> httpx.Client:
            sidecar = stack.enter_context(run_sidecar(upstream=bfl.origin, dialects="bfl", **more))
            return stack.enter_context(
                httpx.Client(base_url=sidecar.url, headers={"x-key": "key-1"}, trust_env=False, timeout=30)
            )

        yield make


@pytest.mark.parametrize("model", ["flux-2-pro", "flux-pro-1.1", "flux-dev"])
def test_a_picture_by_polling(client_of: Any, bfl: Any, is_picture: Any, model: str) -> None:
    client = client_of()
    task = client.post(f"/v1/{model}", json={"prompt": OPEN, "seed": 3, "webhook_url": "https://hooks.example/b"}).json()
    assert task["polling_url"] == f"{bfl.origin}/v1/get_result?id=t-1"
    result = client.get("/v1/get_result", params={"id": task["id"]}).json()["result"]
    assert is_picture(httpx.get(result["sample"], trust_env=False).content)
    sent = bfl.arrived[0].json
    assert sent["prompt"] != OPEN
    assert {**sent, "prompt": OPEN} == {"prompt": OPEN, "seed": 3, "webhook_url": "https://hooks.example/b"}
    assert bfl.arrived[0].headers["x-key"] == "key-1"


@pytest.mark.parametrize(
    ("model", "body", "upsampling"),
    [
        ("flux-2-pro", {}, False),
        ("flux-2-max", {"prompt_upsampling": True}, False),
        ("flux-pro-1.1", {"prompt_upsampling": True}, False),
        ("flux-pro-1.1", {}, None),
    ],
)
def test_upsampling_is_switched_off_where_it_is_on(
    client_of: Any, bfl: Any, model: str, body: dict[str, Any], upsampling: bool | None
) -> None:
    client_of(policy={"upstream_rewriters": "off"}).post(f"/v1/{model}", json={"prompt": CLOSED, **body})
    assert bfl.arrived[0].json.get("prompt_upsampling") is upsampling


@pytest.mark.parametrize(
    ("model", "body", "decision"),
    [
        ("flux-pro-1.1", b'{ "prompt":"a lighthouse at dusk" }', "unchanged"),
        ("flux-kontext-pro", b'{"prompt":"a doctor reading","input_image":"aGk="}', "shadow"),
        ("flux-2-flex", b'{"input_image_2":"aGk=","prompt":"a doctor reading"}', "shadow"),
        ("finetune", b'{"file_data":"aGk=","finetune_comment":"a doctor","mode":"character"}', None),
    ],
)
def test_what_arrives_byte_for_byte(client_of: Any, bfl: Any, model: str, body: bytes, decision: str | None) -> None:
    answer = client_of().post(f"/v1/{model}", content=body, headers={"content-type": "application/json"})
    assert answer.headers.get("x-evenhand-decision") == decision
    assert bfl.arrived[0].body == body
