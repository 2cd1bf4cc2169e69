"""The `huggingface_hub` library: text to image on its own servers, through another provider, and what is no picture."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

hub = pytest.importorskip("huggingface_hub", reason="the client library 'huggingface_hub' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
FLUX = "black-forest-labs/FLUX.1-schnell"


@pytest.fixture
def upstream(serve_app: Any, picture: Any) -> Any:
    app = FastAPI()

    @app.post("/{path:path}")
    async def draw(path: str, body: dict[str, Any]) -> Response:
        if "feature-extraction" in path:
            return JSONResponse([[0.5, 0.5]])
        if path.endswith("/images/generations"):
            encoded = base64.b64encode(picture(body["prompt"])).decode()
            return JSONResponse({"data": [{"index": 0, "b64_json": encoded}]})
        return Response(picture(), media_type="image/png")

    return serve_app(app)


@pytest.fixture
def line_of(run_sidecar: Callable[..., Any], upstream: Any, tap: Any) -> Iterator[Callable[..., Any]]:
    """line_of() -> a tap before a sidecar."""
    with ExitStack() as stack:
        yield lambda: tap(stack.enter_context(run_sidecar(upstream=upstream.origin, dialects="huggingface")).url)


@pytest.mark.parametrize("path", ["hf-inference/models", "models"], ids=["router", "older path"])
def test_a_picture_as_raw_bytes(line_of: Any, upstream: Any, path: str) -> None:
    line = line_of()
    with hub.InferenceClient(model=f"{line.origin}/{path}/{FLUX}", api_key="hf_1") as client:
        image = client.text_to_image(OPEN, negative_prompt="a nurse", seed=3)
    (arrived,) = upstream.arrived
    assert image.size == (96, 96)
    assert arrived.json["inputs"] != OPEN
    assert arrived.json["parameters"]["negative_prompt"] == "a nurse"
    assert arrived.headers["authorization"] == "Bearer hf_1"


def test_the_same_seed_gives_the_same_words(line_of: Any, upstream: Any) -> None:
    line = line_of()
    with hub.InferenceClient(model=f"{line.origin}/models/{FLUX}", api_key="hf_1") as client:
        for _ in range(3):
            client.text_to_image(OPEN, seed=3)
    assert len({each.body for each in upstream.arrived}) == 1


def test_a_prompt_with_nothing_open_arrives_byte_for_byte(line_of: Any, upstream: Any) -> None:
    line = line_of()
    with hub.InferenceClient(model=f"{line.origin}/hf-inference/models/{FLUX}", api_key="hf_1") as client:
        client.text_to_image(CLOSED)
    assert line.carried(upstream.arrived[0].body)


@pytest.mark.parametrize("parameters", [{}, {"prompt": OPEN}], ids=["raw", "with a prompt"])
def test_a_picture_that_is_changed_arrives_byte_for_byte(
    line_of: Any, upstream: Any, picture: Any, parameters: dict[str, Any]
) -> None:
    line = line_of()
    with hub.InferenceClient(model=f"{line.origin}/hf-inference/models/timbrooks/instruct-pix2pix", api_key="hf_1") as client:
        client.image_to_image(picture(), prompt=parameters.get("prompt", OPEN))
    assert line.carried(upstream.arrived[0].body)


def test_an_embedding_is_left_alone(line_of: Any, upstream: Any) -> None:
    line = line_of()
    url = f"{line.origin}/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
    with hub.InferenceClient(model=url, api_key="hf_1") as client:
        client.feature_extraction(OPEN)
    assert line.carried(upstream.arrived[0].body)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:huggingface_hub")
def test_through_another_provider(line_of: Any, upstream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The router's address is a constant of the library; a gateway is put there by its name, here by that constant."""
    from huggingface_hub import constants
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference import _providers

    line = line_of()
    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", f"{line.origin}/{{provider}}")
    known = InferenceProviderMapping(
        provider="together", providerId="bfl/flux", hf_model_id=FLUX, task="text-to-image", status="live"
    )
    task = _providers.get_provider_helper("together", task="text-to-image", model=FLUX)
    monkeypatch.setattr(task, "_prepare_mapping_info", lambda model: known)
    with hub.InferenceClient(provider="together", api_key="hf_1") as client:
        image = client.text_to_image(OPEN, model=FLUX)
    (arrived,) = upstream.arrived
    assert image.size == (96, 96)
    assert arrived.path == "/together/v1/images/generations"
    assert arrived.json["prompt"] != OPEN
