"""Google's `google-genai` library: images by generateContent, its streams, Interactions, and Imagen by predict."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

genai = pytest.importorskip("google.genai", reason="the client library 'google-genai' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
IMAGE_MODEL = "gemini-2.5-flash-image"
Asking = dict[str, Any]


@pytest.fixture
def google(serve_app: Any, picture: Any) -> Any:
    """Draws the words of the last text, or refuses the word "forbidden" as Google does."""
    app = FastAPI()

    @app.post("/{path:path}")
    async def answer(path: str, body: Asking) -> Response:
        if path.endswith(":predict"):
            return JSONResponse({"predictions": [_prediction(picture, body)] * body["parameters"].get("sampleCount", 4)})
        if path.endswith("/interactions"):
            return JSONResponse(_interaction(picture))
        text = [part["text"] for part in body["contents"][-1]["parts"] if "text" in part][-1]
        if "forbidden" in text:
            return JSONResponse({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
        image = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(picture(text)).decode()}}
        chunk = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Here."}, image]}, "finishReason": "STOP"}]}
        if "stream" in path:
            return StreamingResponse(iter([f"data: {json.dumps(chunk)}\r\n\r\n"] * 2), media_type="text/event-stream")
        return JSONResponse(chunk)

    return serve_app(app)


def _prediction(picture: Any, body: Asking) -> Asking:
    return {"mimeType": "image/png", "bytesBase64Encoded": base64.b64encode(picture(body["instances"][0]["prompt"])).decode()}


def _interaction(picture: Any) -> Asking:
    image = {"type": "image", "mime_type": "image/png", "data": base64.b64encode(picture()).decode()}
    times = {"created": "2026-05-01T10:00:00Z", "updated": "2026-05-01T10:00:00Z"}
    return {
        "id": "int-1",
        "status": "completed",
        "model": IMAGE_MODEL,
        **times,
        "steps": [{"type": "model_output", "content": [image]}],
    }


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], google: Any, tap: Any) -> Iterator[Callable[..., Any]]:
    """client_of(**options) -> a client and a tap on what it sends."""
    with ExitStack() as stack:

        def make(*, policy: dict[str, Any] | None = None, **options: Any) -> Any:
            dialect = "vertex" if options.get("vertexai") else "gemini"
            sidecar = stack.enter_context(run_sidecar(policy=policy, upstream=google.origin, dialects=dialect))
            line = tap(sidecar.url)
            http = genai.types.HttpOptions(base_url=line.origin)
            client = genai.Client(api_key="key-1", http_options=http, **options)
            stack.callback(client.close)
            return client, line

        yield make


def pictures_in(answer: Any) -> list[bytes]:
    parts = answer.candidates[0].content.parts
    return [part.inline_data.data for part in parts if part.inline_data]


@pytest.mark.parametrize("options", [{}, {"vertexai": True}], ids=["gemini", "vertex"])
def test_a_picture(client_of: Any, google: Any, is_picture: Any, options: dict[str, Any]) -> None:
    client, _ = client_of(**options)
    answer = client.models.generate_content(model=IMAGE_MODEL, contents=OPEN)
    (arrived,) = google.arrived
    assert [is_picture(data) for data in pictures_in(answer)] == [True]
    text = arrived.json["contents"][0]["parts"][0]["text"]
    assert text != OPEN
    assert [word for word in OPEN.split() if word not in text] == []


@pytest.mark.parametrize("options", [{}, {"vertexai": True}], ids=["gemini", "vertex"])
def test_a_stream(client_of: Any, google: Any, is_picture: Any, options: dict[str, Any]) -> None:
    client, _ = client_of(**options)
    chunks = list(client.models.generate_content_stream(model=IMAGE_MODEL, contents=OPEN))
    (arrived,) = google.arrived
    assert [is_picture(data) for chunk in chunks for data in pictures_in(chunk)] == [True, True]
    assert arrived.query == "alt=sse"
    assert arrived.json["contents"][0]["parts"][0]["text"] != OPEN


def test_a_prompt_with_nothing_open_arrives_byte_for_byte(client_of: Any, google: Any) -> None:
    client, line = client_of()
    config = genai.types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"], system_instruction="a doctor is old")
    client.models.generate_content(model="gemini-next", contents=CLOSED, config=config)
    (arrived,) = google.arrived
    assert line.carried(arrived.body)
    assert arrived.headers["x-goog-api-key"] == "key-1"


def test_only_the_last_turn_of_a_chat_is_changed(client_of: Any, google: Any) -> None:
    client, _ = client_of()
    config = genai.types.GenerateContentConfig(response_modalities=["IMAGE"], system_instruction="a doctor is old")
    types = genai.types
    turns = [types.UserContent("a nurse"), types.ModelContent("Where?"), types.UserContent(OPEN)]
    client.models.generate_content(model="gemini-next", contents=turns, config=config)
    (arrived,) = google.arrived
    said = [content["parts"][0]["text"] for content in arrived.json["contents"]]
    assert said[:2] == ["a nurse", "Where?"]
    assert said[2] != OPEN
    assert arrived.json["systemInstruction"]["parts"][0]["text"] == "a doctor is old"


def test_an_edit_is_looked_at_only(client_of: Any, google: Any, picture: Any, is_picture: Any) -> None:
    client, line = client_of()
    photo = genai.types.Part.from_bytes(data=picture(), mime_type="image/png")
    answer = client.models.generate_content(model=IMAGE_MODEL, contents=[photo, OPEN])
    (arrived,) = google.arrived
    assert line.carried(arrived.body)
    assert answer.sdk_http_response.headers["x-evenhand-decision"] == "shadow"
    assert answer.sdk_http_response.headers["x-evenhand-remarks"] == "input_image"
    assert [is_picture(data) for data in pictures_in(answer)] == [True]


def test_another_model_is_left_alone(client_of: Any, google: Any) -> None:
    client, line = client_of()
    client.models.generate_content(model="gemini-2.5-pro", contents=OPEN)
    assert line.carried(google.arrived[0].body)


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
def test_imagen_pictures_are_drawn_one_by_one_and_tell_their_prompts(client_of: Any, google: Any, is_picture: Any) -> None:
    client, _ = client_of(policy={"upstream_rewriters": "off"}, vertexai=True)
    config = genai.types.GenerateImagesConfig(number_of_images=2, negative_prompt="a nurse", enhance_prompt=True)
    answer = client.models.generate_images(model="imagen-3.0-generate-002", prompt=OPEN, config=config)
    drawn = sorted(each.json["instances"][0]["prompt"] for each in google.arrived)
    assert len(drawn) == 2
    assert OPEN not in drawn
    assert sorted(image.enhanced_prompt for image in answer.generated_images) == drawn
    assert all(is_picture(image.image.image_bytes) for image in answer.generated_images)
    asked = [each.json["parameters"] for each in google.arrived]
    assert [(each["negativePrompt"], each["sampleCount"], each["enhancePrompt"]) for each in asked] == [("a nurse", 1, False)] * 2


def test_the_original_after_a_refusal(client_of: Any, google: Any) -> None:
    client, line = client_of(policy={"on_refusal": "original"})
    answer = client.models.generate_content(model=IMAGE_MODEL, contents="a doctor, forbidden")
    first, second = (each.body for each in google.arrived)
    assert first != second
    assert line.carried(second)
    assert answer.prompt_feedback.block_reason == "PROHIBITED_CONTENT"


def test_an_interaction(client_of: Any, google: Any, is_picture: Any) -> None:
    client, _ = client_of()
    answer = client.interactions.create(model=IMAGE_MODEL, input=OPEN)
    assert is_picture(answer.steps[0].content[0].data)
    assert google.arrived[0].json["input"] != OPEN


def test_our_errors_have_a_message_there(client_of: Any, google: Any) -> None:
    client, _ = client_of()
    with pytest.raises(genai.errors.ClientError) as caught:
        client.models.generate_content(model=IMAGE_MODEL, contents="a doctor " * 5_000)
    assert caught.value.code == 400
    assert caught.value.status == "INVALID_ARGUMENT"
    assert "at most 32,000 are allowed" in caught.value.message
    assert google.arrived == []
