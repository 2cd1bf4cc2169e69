"""A Midjourney proxy as its clients talk to it: a task, and polls of it. The words come before the flags."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from evenhand.engine import Engine
from evenhand.flow import Prompt

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
BEFORE_FLAGS = [
    ("a doctor --ar 3:2", " --ar 3:2"),
    ("a doctor reading --ar 16:9 --v 6.1 --style raw --stylize 250", " --ar 16:9 --v 6.1 --style raw --stylize 250"),
    ("portrait of a nurse --no glasses, hat --seed 5", " --no glasses, hat --seed 5"),
    ("a doctor --no nurse, teacher", " --no nurse, teacher"),
    ("a nurse and a doctor::2 hospital::1 --ar 1:1", "::2 hospital::1 --ar 1:1"),
    ("a teacher --cref https://pictures.example/nurse.png --cw 20", " --cref https://pictures.example/nurse.png --cw 20"),
    ("a teacher --sref random --chaos 20 --tile", " --sref random --chaos 20 --tile"),
    ("a doctor \u2014ar 3:2", " \u2014ar 3:2"),
]


@pytest.fixture
def midjourney(serve_app: Any, picture: Any) -> Any:
    """A banned word is told with code 24."""
    app = FastAPI()

    @app.get("/mj/task/{name}/fetch")
    async def fetch(name: str, request: Request) -> Response:
        return JSONResponse({"id": name, "status": "SUCCESS", "imageUrl": f"{request.base_url}out.png"})

    @app.get("/out.png")
    async def draw() -> Response:
        return Response(picture(), media_type="image/png")

    @app.post("/{path:path}")
    async def submit(path: str, body: dict[str, Any]) -> Response:
        if "forbidden" in body.get("prompt", "") and not body["prompt"].startswith("a doctor"):
            return JSONResponse({"code": 24, "description": "banned", "properties": {"bannedWord": "x"}})
        return JSONResponse({"code": 1, "description": "submitted", "result": "t-1", "properties": {}})

    return serve_app(app)


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], midjourney: Any) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def make(**more: Any) -> httpx.Client:
            sidecar = stack.enter_context(run_sidecar(upstream=midjourney.origin, dialects="midjourney", **more))
            return stack.enter_context(httpx.Client(base_url=sidecar.url, trust_env=False, timeout=30))

        yield make


@pytest.mark.parametrize("path", ["/mj/submit/imagine", "/mj-fast/mj/submit/imagine"])
def test_a_task_from_prompt_to_picture(client_of: Any, midjourney: Any, is_picture: Any, path: str) -> None:
    client = client_of()
    task = client.post(path, json={"prompt": f"{OPEN} --ar 3:2", "base64Array": []}, headers={"mj-api-secret": "s"}).json()
    url = client.get(f"/mj/task/{task['result']}/fetch").json()["imageUrl"]
    assert is_picture(httpx.get(url, trust_env=False).content)
    prompt = midjourney.arrived[0].json["prompt"]
    assert prompt != f"{OPEN} --ar 3:2"
    assert prompt.endswith(" --ar 3:2")
    assert midjourney.arrived[0].headers["mj-api-secret"] == "s"


@pytest.mark.parametrize(("prompt", "end"), BEFORE_FLAGS)
def test_no_word_lands_among_the_flags(engine: Engine, prompt: str, end: str) -> None:
    for seed in range(20):
        decision = engine.decide(Prompt(text=prompt, seed=seed))
        assert decision.outcome == "rewritten"
        assert decision.texts[0].endswith(end)


@pytest.mark.parametrize(
    ("path", "body", "decision"),
    [
        ("/mj/submit/imagine", b'{"prompt":"a lighthouse at dusk --no doctor --ar 3:2"}', "unchanged"),
        ("/mj/submit/imagine", b'{"prompt":"a doctor","base64Array":["data:image/png;base64,aGk="]}', "shadow"),
        ("/mj/submit/imagine", b'{"prompt":"https://pictures.example/1.png a doctor --iw 2"}', "shadow"),
        ("/mj/submit/modal", b'{"taskId":"t-1","prompt":"a doctor","maskBase64":"aGk="}', "shadow"),
        ("/mj/submit/action", b'{"customId":"MJ::JOB::upsample::1::x","taskId":"t-1"}', None),
    ],
)
def test_what_arrives_byte_for_byte(client_of: Any, midjourney: Any, path: str, body: bytes, decision: str | None) -> None:
    answer = client_of().post(path, content=body, headers={"content-type": "application/json"})
    assert answer.headers.get("x-evenhand-decision") == decision
    assert midjourney.arrived[0].body == body


def test_the_original_after_a_banned_word(client_of: Any, midjourney: Any) -> None:
    answer = client_of(policy={"on_refusal": "original"}).post(
        "/mj/submit/imagine", json={"prompt": "a doctor, forbidden --ar 1:1"}
    )
    first, second = (each.json["prompt"] for each in midjourney.arrived)
    assert first != second == "a doctor, forbidden --ar 1:1"
    assert answer.json()["code"] == 1
    assert "original_after_refusal" in answer.headers["x-evenhand-remarks"]
