"""The real OpenAI SDK, pointed at the sidecar by nothing but `base_url`."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import httpx2
import openai
import pytest

ClientOf = Callable[..., openai.OpenAI]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def client_of() -> Iterator[Callable[..., openai.OpenAI]]:
    """client_of(sidecar, **options) -> a client that is closed after the test."""
    with ExitStack() as open_clients:

        def make(sidecar: Any, **more: Any) -> openai.OpenAI:
            made = openai.OpenAI(base_url=f"{sidecar.url}/v1", api_key="sk-test", **{"max_retries": 0, **more})
            return open_clients.enter_context(made)

        yield make


def test_one_image(sidecar: Any, client_of: ClientOf) -> None:
    sidecar.arrived()
    answer = client_of(sidecar).images.generate(model="gpt-image-1", prompt="a doctor", size="1024x1024")
    (arrived,) = sidecar.arrived()
    assert answer.data is not None
    assert base64.b64decode(answer.data[0].b64_json or "").startswith(PNG)
    assert answer.data[0].revised_prompt == arrived["prompt"] != "a doctor"


def test_an_image_by_url(sidecar: Any, client_of: ClientOf) -> None:
    answer = client_of(sidecar).images.generate(model="dall-e-3", prompt="a doctor", size="1024x1024")
    assert answer.data is not None
    assert httpx.get(str(answer.data[0].url), trust_env=False).content.startswith(PNG)


def test_four_images(sidecar: Any, client_of: ClientOf) -> None:
    sidecar.arrived()
    answer = client_of(sidecar).images.generate(model="gpt-image-1", prompt="a doctor", n=4)
    arrived = sidecar.arrived()
    assert answer.data is not None
    assert answer.usage is not None
    assert len(answer.data) == len(arrived) == 4
    assert {image.revised_prompt for image in answer.data} == {entry["prompt"] for entry in arrived}
    assert answer.usage.output_tokens == 4 * 272


def test_a_streamed_image(sidecar: Any, client_of: ClientOf) -> None:
    sidecar.arrived()
    stream = client_of(sidecar).images.generate(model="gpt-image-1", prompt="a doctor", stream=True, partial_images=2)
    events = list(stream)
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert all(base64.b64decode(event.b64_json).startswith(PNG) for event in events)
    assert len(sidecar.arrived()) == 1


async def test_the_async_client(sidecar: Any) -> None:
    async with openai.AsyncOpenAI(base_url=f"{sidecar.url}/v1", api_key="sk-test", max_retries=0) as client:
        answer = await client.images.generate(model="gpt-image-1", prompt="a doctor")
    assert answer.data is not None
    assert answer.data[0].b64_json


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, openai.BadRequestError, "asked to fail"),
        (401, openai.AuthenticationError, "Incorrect API key provided"),
        (429, openai.RateLimitError, "Rate limit reached"),
        (500, openai.InternalServerError, "The server had an error"),
    ],
)
def test_errors_of_the_upstream_arrive_unchanged_after_one_request(
    sidecar: Any, client_of: ClientOf, status: int, kind: type[openai.APIStatusError], message: str
) -> None:
    sidecar.arrived()
    with pytest.raises(kind) as caught:
        client_of(sidecar).images.generate(prompt="a doctor", extra_headers={"x-demo-status": str(status)})
    assert message in caught.value.message
    assert caught.value.status_code == status
    assert len(sidecar.arrived()) == 1


def test_a_timeout_of_the_client_after_one_request(sidecar: Any, client_of: ClientOf) -> None:
    sidecar.arrived()
    with pytest.raises(openai.APITimeoutError):
        client_of(sidecar, timeout=0.3).images.generate(prompt="a doctor", extra_headers={"x-demo-delay-s": "5"})
    assert len(sidecar.arrived()) == 1


@pytest.mark.parametrize(
    ("flags", "headers", "prompt", "most"),
    [
        ({"timeout_s": 0.3}, {"x-demo-delay-s": "5"}, "a doctor", 1),
        ({}, {"x-demo-die": "mid-body"}, "a doctor", 1),
        ({"upstream": "http://127.0.0.1:9", "demo": False}, {}, "a doctor", 0),
        ({}, {}, "a doctor " * 4_000, 0),
        ({}, {"x-evenhand-seed": "no"}, "a doctor", 0),
        ({}, {"content-type": "text/plain"}, "a doctor", 0),
    ],
)
def test_our_own_errors_are_never_retried(
    run_sidecar: Callable[..., Any], client_of: ClientOf, flags: dict[str, Any], headers: dict[str, str], prompt: str, most: int
) -> None:
    asked: list[Any] = []
    http = httpx2.Client(event_hooks={"request": [asked.append]}, trust_env=False)
    with run_sidecar(**{"demo": True, **flags}) as running:
        images = client_of(running, max_retries=2, http_client=http).images
        with pytest.raises(openai.APIStatusError) as caught:
            images.generate(prompt=prompt, extra_headers=headers)
        arrived = running.arrived() if running.demo else []
    http.close()
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert (len(asked), len(arrived)) == (1, most)


def test_an_unknown_route_says_what_to_do(sidecar: Any, client_of: ClientOf) -> None:
    with pytest.raises(openai.NotFoundError, match="unknown_routes: pass"):
        client_of(sidecar).batches.list()
