"""Recraft as its documentation shows: the `openai` library with extras in the body, and forms for edits."""

from typing import Any

import httpx
import pytest

openai = pytest.importorskip("openai", reason="the client library 'openai' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"


@pytest.fixture
def sidecar_there(run_sidecar: Any, openai_like: Any) -> Any:
    with run_sidecar(upstream=openai_like.origin, dialects="recraft") as sidecar:
        yield sidecar


def test_words_to_be_drawn_are_no_prompt(sidecar_there: Any, openai_like: Any, is_picture: Any) -> None:
    more = {
        "text_layout": [{"text": "DOCTOR", "bbox": [[0, 0], [1, 0], [1, 1], [0, 1]]}],
        "negative_prompt": OPEN,
        "random_seed": 4,
    }
    with openai.OpenAI(base_url=f"{sidecar_there.url}/v1", api_key="not-a-key", max_retries=0) as client:
        answer = client.images.generate(model="recraftv3", prompt=OPEN, n=2, extra_body=more)
    assert [is_picture(image.b64_json) for image in answer.data] == [True, True]
    assert [each.json["text_layout"] == more["text_layout"] for each in openai_like.arrived] == [True, True]
    assert [each.json["negative_prompt"] for each in openai_like.arrived] == [OPEN, OPEN]
    assert sorted(each.json["random_seed"] for each in openai_like.arrived) == [4, 5]
    assert OPEN not in openai_like.prompts


def test_a_form_of_an_edit_is_looked_at_only(sidecar_there: Any, openai_like: Any, picture: Any, is_picture: Any) -> None:
    files = {"image": ("photo.png", picture(), "image/png")}
    fields = {"prompt": OPEN, "strength": "0.2"}
    answer = httpx.post(f"{sidecar_there.url}/v1/images/imageToImage", data=fields, files=files, trust_env=False)
    assert is_picture(answer.json()["data"][0]["b64_json"])
    assert answer.headers["x-evenhand-decision"] == "shadow"
    assert [each.body for each in openai_like.arrived] == [answer.request.read()]


def test_a_picture_without_words_passes(sidecar_there: Any, openai_like: Any, picture: Any) -> None:
    files = {"file": ("photo.png", picture(), "image/png")}
    httpx.post(f"{sidecar_there.url}/v1/images/vectorize", data={"prompt": "-"}, files=files, trust_env=False).raise_for_status()
    assert [each.path for each in openai_like.arrived] == ["/v1/images/vectorize"]
