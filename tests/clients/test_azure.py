"""The `openai` library's Azure client: paths by deployment and under /openai/v1, keys in their own header."""

from typing import Any

import httpx
import pytest

openai = pytest.importorskip("openai", reason="the client library 'openai' is not installed")

OPEN = "a doctor reading"


@pytest.fixture
def sidecar_there(run_sidecar: Any, openai_like: Any) -> Any:
    with run_sidecar(upstream=openai_like.origin, dialects="azure") as sidecar:
        yield sidecar


@pytest.fixture
def client(sidecar_there: Any) -> Any:
    with openai.AzureOpenAI(
        azure_endpoint=sidecar_there.url, api_key="not-a-key", api_version="2025-04-01-preview", max_retries=0
    ) as made:
        yield made


def test_pictures_by_deployment(client: Any, openai_like: Any, is_picture: Any) -> None:
    answer = client.images.generate(model="art-1", prompt=OPEN, n=2)
    first, second = openai_like.arrived
    assert all(is_picture(image.b64_json) for image in answer.data)
    assert sorted(image.revised_prompt for image in answer.data) == sorted(openai_like.prompts)
    assert OPEN not in openai_like.prompts
    assert first.path == second.path == "/openai/deployments/art-1/images/generations"
    assert (first.query, first.headers["api-key"]) == ("api-version=2025-04-01-preview", "not-a-key")


def test_an_edit_by_deployment_is_looked_at_only(client: Any, openai_like: Any, picture: Any, is_picture: Any) -> None:
    photo = ("photo.png", picture(), "image/png")
    answer = client.images.with_raw_response.edit(model="art-1", prompt=OPEN, image=photo)
    (arrived,) = openai_like.arrived
    assert answer.headers["x-evenhand-decision"] == "shadow"
    assert is_picture(answer.parse().data[0].b64_json)
    assert arrived.path == "/openai/deployments/art-1/images/edits"
    assert arrived.body.count(OPEN.encode()) == 1


def test_a_stream_under_v1(sidecar_there: Any, openai_like: Any, is_picture: Any) -> None:
    with openai.OpenAI(base_url=f"{sidecar_there.url}/openai/v1", api_key="not-a-key", max_retries=0) as client:
        events = list(client.images.generate(model="gpt-image-2", prompt=OPEN, stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert all(is_picture(event.b64_json) for event in events)
    assert [prompt != OPEN for prompt in openai_like.prompts] == [True]


@pytest.mark.parametrize("path", ["/providers/blackforestlabs/v1/flux-2-pro?api-version=preview", "/mai/v1/images/generations"])
def test_flux_and_mai(sidecar_there: Any, openai_like: Any, is_picture: Any, path: str) -> None:
    answer = httpx.post(f"{sidecar_there.url}{path}", json={"model": "m", "prompt": OPEN}, trust_env=False)
    (image,) = answer.json()["data"]
    assert is_picture(image["b64_json"])
    assert openai_like.prompts == [image["revised_prompt"]] != [OPEN]


def test_an_upsampler_is_switched_off(run_sidecar: Any, openai_like: Any) -> None:
    body = {"prompt": OPEN, "prompt_upsampling": True}
    with run_sidecar(policy={"upstream_rewriters": "off"}, upstream=openai_like.origin, dialects="azure") as sidecar:
        httpx.post(f"{sidecar.url}/providers/blackforestlabs/v1/flux-2-pro", json=body, trust_env=False).raise_for_status()
    assert [each.json["prompt_upsampling"] for each in openai_like.arrived] == [False]
