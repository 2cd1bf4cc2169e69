"""xAI over HTTP as its documentation shows: the `openai` library for new pictures, plain JSON for edits."""

from typing import Any

import httpx
import pytest

openai = pytest.importorskip("openai", reason="the client library 'openai' is not installed")

OPEN = "a doctor reading"


@pytest.fixture
def sidecar_there(run_sidecar: Any, openai_like: Any) -> Any:
    with run_sidecar(upstream=openai_like.origin, dialects="xai") as sidecar:
        yield sidecar


def test_two_pictures(sidecar_there: Any, openai_like: Any, is_picture: Any) -> None:
    with openai.OpenAI(base_url=f"{sidecar_there.url}/v1", api_key="not-a-key", max_retries=0) as client:
        more = {"aspect_ratio": "16:9"}
        answer = client.images.generate(model="grok-imagine-image", prompt=OPEN, n=2, extra_body=more)
    assert all(is_picture(image.b64_json) for image in answer.data)
    assert sorted(image.revised_prompt for image in answer.data) == sorted(openai_like.prompts)
    assert OPEN not in openai_like.prompts
    assert [each.json["aspect_ratio"] for each in openai_like.arrived] == ["16:9", "16:9"]


def test_an_edit_is_looked_at_only(sidecar_there: Any, openai_like: Any, is_picture: Any) -> None:
    body = {"model": "grok-imagine-image", "prompt": OPEN, "image": {"url": "https://pictures.example/1.png"}}
    answer = httpx.post(f"{sidecar_there.url}/v1/images/edits", json=body, trust_env=False)
    assert is_picture(answer.json()["data"][0]["b64_json"])
    assert answer.headers["x-evenhand-decision"] == "shadow"
    assert [each.body for each in openai_like.arrived] == [answer.request.content]
