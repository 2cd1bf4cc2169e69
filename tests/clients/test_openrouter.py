"""The `openrouter` library: its Image API, and chats that answer with pictures."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

openrouter = pytest.importorskip("openrouter", reason="the client library 'openrouter' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"


@pytest.fixture
def router(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()
    encoded = base64.b64encode(picture()).decode()

    @app.post("/api/v1/images")
    async def draw(body: dict[str, Any]) -> dict[str, Any]:
        usage = {"prompt_tokens": 0, "completion_tokens": 4, "total_tokens": 4, "cost": 0.25}
        return {"created": 1, "data": [{"b64_json": encoded, "media_type": "image/png"}] * body.get("n", 1), "usage": usage}

    @app.post("/api/v1/chat/completions")
    async def chat(body: dict[str, Any]) -> Response:
        images = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}]
        said = {"role": "assistant", "content": "", "images": images}
        kind = "delta" if body.get("stream") else "message"
        choice = {"index": 0, "finish_reason": "stop", kind: said}
        answer = {"id": "c", "created": 1, "model": "m", "choices": [choice], "system_fingerprint": None}
        if body.get("stream"):
            return StreamingResponse(_events({**answer, "object": "chat.completion.chunk"}), media_type="text/event-stream")
        return JSONResponse({**answer, "object": "chat.completion"})

    return serve_app(app)


def _events(answer: dict[str, Any]) -> Iterator[bytes]:
    yield b"data: " + JSONResponse(answer).body + b"\n\ndata: [DONE]\n\n"


@pytest.fixture
def client(run_sidecar: Any, router: Any) -> Any:
    with (
        run_sidecar(upstream=router.origin, dialects="openrouter") as sidecar,
        openrouter.OpenRouter(server_url=f"{sidecar.url}/api/v1", api_key="not-a-key") as made,
    ):
        yield made


def test_two_pictures_and_what_they_cost(client: Any, router: Any, is_picture: Any) -> None:
    answer = client.images.generate(model="bytedance-seed/seedream-4.5", prompt=OPEN, n=2, seed=3)
    assert [is_picture(image.b64_json) for image in answer.data] == [True, True]
    assert (answer.usage.cost, answer.usage.total_tokens) == (0.5, 8)
    assert sorted(each.json["seed"] for each in router.arrived) == [3, 4]
    assert len(router.prompts) == 2
    assert OPEN not in router.prompts


def test_nothing_open_and_a_reference_picture(client: Any, router: Any, is_picture: Any) -> None:
    reference = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
    drawn = [
        client.images.generate(model="m", prompt=CLOSED),
        client.images.generate(model="m", prompt=OPEN, input_references=[reference]),
    ]
    assert all(is_picture(answer.data[0].b64_json) for answer in drawn)
    assert router.prompts == [CLOSED, OPEN]


def test_a_chat_that_draws(client: Any, router: Any, is_picture: Any) -> None:
    answer = client.chat.send(model="m", messages=[{"role": "user", "content": OPEN}], modalities=["image", "text"])
    (arrived,) = router.arrived
    assert is_picture(answer.choices[0].message.images[0].image_url.url.partition(",")[2])
    assert arrived.json["messages"][0]["content"] != OPEN


def test_a_chat_that_draws_as_a_stream(client: Any, router: Any, is_picture: Any) -> None:
    said = [{"role": "user", "content": OPEN}]
    with client.chat.send(model="m", messages=said, modalities=["image"], stream=True) as stream:
        chunks = list(stream)
    (arrived,) = router.arrived
    assert len(chunks) == 1
    assert arrived.json["messages"][0]["content"] != OPEN


def test_a_chat_in_words_is_left_alone(client: Any, router: Any) -> None:
    client.chat.send(model="m", messages=[{"role": "user", "content": OPEN}])
    assert [each.json["messages"][0]["content"] for each in router.arrived] == [OPEN]
