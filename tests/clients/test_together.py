"""The `together` library: seeds that go up from picture to picture, negative prompts and reference pictures left alone."""

from typing import Any

import pytest

together = pytest.importorskip("together", reason="the client library 'together' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
MODEL = "black-forest-labs/FLUX.1-schnell"
# Since version 3 the client adds the /v1 itself.
BASE = "" if int(together.__version__.partition(".")[0]) >= 3 else "/v1"


@pytest.fixture
def images(run_sidecar: Any, openai_like: Any) -> Any:
    with (
        run_sidecar(upstream=openai_like.origin, dialects="together") as sidecar,
        together.Together(base_url=sidecar.url + BASE, api_key="not-a-key", max_retries=0) as client,
    ):
        yield client.images


def test_three_pictures(images: Any, openai_like: Any, is_picture: Any) -> None:
    answer = images.generate(model=MODEL, prompt=OPEN, n=3, seed=7, negative_prompt=OPEN, response_format="base64")
    assert [image.index for image in answer.data] == [0, 1, 2]
    assert all(is_picture(image.b64_json) for image in answer.data)
    assert sorted(each.json["seed"] for each in openai_like.arrived) == [7, 8, 9]
    assert {each.json["negative_prompt"] for each in openai_like.arrived} == {OPEN}
    assert len(openai_like.prompts) == 3
    assert OPEN not in openai_like.prompts


def test_nothing_open(images: Any, openai_like: Any, is_picture: Any) -> None:
    answer = images.with_raw_response.generate(model=MODEL, prompt=CLOSED, n=2, response_format="base64")
    (arrived,) = openai_like.arrived
    assert all(is_picture(image.b64_json) for image in answer.parse().data)
    assert answer.headers["x-evenhand-decision"] == "unchanged"
    assert arrived.body == answer.http_request.content


def test_a_reference_picture_means_looking_only(images: Any, openai_like: Any, is_picture: Any) -> None:
    answer = images.with_raw_response.generate(model=MODEL, prompt=OPEN, image_url="https://pictures.example/1.png")
    assert is_picture(answer.parse().data[0].b64_json)
    assert answer.headers["x-evenhand-decision"] == "shadow"
    assert openai_like.prompts == [OPEN]
