"""Fireworks AI as its documentation shows: plain HTTP, with the picture's bytes or a job's number as the answer."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import Response

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
MODELS = "/inference/v1/workflows/accounts/fireworks/models"


@pytest.fixture
def fireworks(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()

    @app.post(MODELS + "/{model}/text_to_image")
    async def draw(model: str, body: dict[str, Any]) -> Response:
        return Response(picture(body["prompt"]), media_type="image/png")

    @app.post(MODELS + "/{model}")
    async def begin(model: str, body: dict[str, Any]) -> dict[str, str]:
        return {"request_id": "r-1"}

    @app.post(MODELS + "/{model}/get_result")
    async def result(model: str, body: dict[str, str]) -> dict[str, Any]:
        return {"id": body["id"], "status": "Ready", "result": {"sample": "https://pictures.example/1.png"}}

    return serve_app(app)


@pytest.fixture
def client(run_sidecar: Any, fireworks: Any) -> Any:
    with (
        run_sidecar(upstream=fireworks.origin, dialects="fireworks") as sidecar,
        httpx.Client(base_url=sidecar.url + MODELS, trust_env=False, timeout=30) as made,
    ):
        yield made


def test_a_picture_as_bytes(client: Any, fireworks: Any, is_picture: Any) -> None:
    answer = client.post("/flux-1-schnell-fp8/text_to_image", json={"prompt": OPEN, "seed": 1}, headers={"accept": "image/png"})
    assert answer.headers["content-type"] == "image/png"
    assert is_picture(answer.content)
    assert [prompt != OPEN for prompt in fireworks.prompts] == [True]


def test_nothing_open(client: Any, fireworks: Any, is_picture: Any) -> None:
    answer = client.post("/flux-1-schnell-fp8/text_to_image", json={"prompt": CLOSED})
    assert is_picture(answer.content)
    assert [each.body for each in fireworks.arrived] == [answer.request.content]


def test_a_job_and_its_result(client: Any, fireworks: Any) -> None:
    job = client.post("/flux-kontext-pro", json={"prompt": OPEN}).json()["request_id"]
    result = client.post("/flux-kontext-pro/get_result", json={"id": job})
    assert result.json()["status"] == "Ready"
    assert [each.path.rpartition("/")[2] for each in fireworks.arrived] == ["flux-kontext-pro", "get_result"]
    assert fireworks.arrived[0].json["prompt"] != OPEN


def test_an_edit_is_looked_at_only(client: Any, fireworks: Any) -> None:
    answer = client.post("/flux-kontext-pro", json={"prompt": OPEN, "input_image": "QUJD"})
    assert answer.headers["x-evenhand-decision"] == "shadow"
    assert fireworks.prompts == [OPEN]
