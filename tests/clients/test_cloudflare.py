"""The `cloudflare` library: one path for models of every kind, answers as JSON with a picture in base64."""

import base64
from typing import Any

import pytest
from fastapi import FastAPI

cloudflare = pytest.importorskip("cloudflare", reason="the client library 'cloudflare' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
FLUX, LLAMA = "@cf/black-forest-labs/flux-1-schnell", "@cf/meta/llama-3.1-8b-instruct"


@pytest.fixture
def workers(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()

    @app.post("/client/v4/accounts/{account}/ai/run/{model:path}")
    async def run(account: str, model: str, body: dict[str, Any]) -> dict[str, Any]:
        drawn = {"image": base64.b64encode(picture(body["prompt"])).decode()}
        result = drawn if model == FLUX else {"response": "Once upon a time"}
        return {"result": result, "success": True, "errors": [], "messages": []}

    return serve_app(app)


@pytest.fixture
def ai(run_sidecar: Any, workers: Any) -> Any:
    with (
        run_sidecar(upstream=workers.origin, dialects="cloudflare") as sidecar,
        cloudflare.Cloudflare(base_url=f"{sidecar.url}/client/v4", api_token="not-a-token", max_retries=0) as client,
    ):
        yield client.ai


def test_a_picture(ai: Any, workers: Any, is_picture: Any) -> None:
    answer = ai.run(FLUX, account_id="0a1b", prompt=OPEN, negative_prompt=OPEN, seed=5)
    (arrived,) = workers.arrived
    assert is_picture(answer["image"])
    assert arrived.json["prompt"] != OPEN
    assert (arrived.json["negative_prompt"], arrived.json["seed"]) == (OPEN, 5)


def test_nothing_open_and_a_picture_to_start_from(ai: Any, workers: Any, is_picture: Any) -> None:
    answers = [
        ai.with_raw_response.run(FLUX, account_id="0a1b", prompt=CLOSED),
        ai.with_raw_response.run(FLUX, account_id="0a1b", prompt=OPEN, image_b64="QUJD"),
    ]
    assert [answer.headers["x-evenhand-decision"] for answer in answers] == ["unchanged", "shadow"]
    assert [each.body for each in workers.arrived] == [answer.http_request.content for answer in answers]
    assert all(is_picture(answer.parse()["image"]) for answer in answers)


def test_a_model_of_words_is_left_alone(ai: Any, workers: Any) -> None:
    assert ai.run(LLAMA, account_id="0a1b", prompt=OPEN) == {"response": "Once upon a time"}
    assert workers.prompts == [OPEN]
