import json
from typing import Any

import pytest

from evenhand.proxy.demo.request import DemoError, image_request_of


def request_of(**fields: Any) -> bytes:
    return json.dumps({"prompt": "a", **fields}).encode()


def test_defaults() -> None:
    asked = image_request_of(request_of())
    assert (asked.n, asked.width, asked.height, asked.answers_url, asked.output_format, asked.stream) == (
        1,
        1024,
        1024,
        False,
        "png",
        False,
    )


@pytest.mark.parametrize(("model", "by_url"), [("dall-e-2", True), ("dall-e-3", True), ("gpt-image-1", False)])
def test_older_models_answer_by_url(model: str, by_url: bool) -> None:
    assert image_request_of(request_of(model=model)).answers_url is by_url
    assert image_request_of(request_of(model=model, response_format="url")).answers_url


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b"{}", "prompt"),
        (b'{"prompt":7}', "prompt"),
        (request_of(n=0), "n"),
        (request_of(n=11), "n"),
        (request_of(n="2"), "n"),
        (request_of(n=True), "n"),
        (request_of(size="7x7"), "size"),
        (request_of(output_format="gif"), "output_format"),
        (request_of(partial_images=4), "partial_images"),
    ],
)
def test_errors_are_shaped_like_openai(body: bytes, param: str | None) -> None:
    with pytest.raises(DemoError) as caught:
        image_request_of(body)
    assert (caught.value.status, caught.value.body["error"]["param"]) == (400, param)
    assert caught.value.body["error"]["type"] == "invalid_request_error"
