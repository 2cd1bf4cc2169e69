"""The `openai` library at OpenAI's own paths: images, edits of files, streams, Responses and chats with pictures."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

openai = pytest.importorskip("openai", reason="the client library 'openai' is not installed")
httpx2 = pytest.importorskip("httpx2", reason="the client library 'openai' brings 'httpx2'")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
TOOLS = [{"type": "image_generation"}]


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """client_of(upstream, sent=[...]) -> a client of a sidecar before it; `sent` gets each body as it leaves."""
    with ExitStack() as stack:

        def make(upstream: Any, *, sent: list[bytes] | None = None) -> Any:
            sidecar = stack.enter_context(run_sidecar(upstream=upstream.origin, dialects="openai"))
            hooks = {"request": [lambda request: sent.append(request.read())]} if sent is not None else {}
            http = stack.enter_context(httpx2.Client(event_hooks=hooks, trust_env=False))
            return openai.OpenAI(base_url=f"{sidecar.url}/v1", api_key="sk-test", max_retries=0, http_client=http)

        yield make


def test_three_pictures_are_three_requests_and_one_answer(client_of: Any, openai_like: Any, is_picture: Any) -> None:
    answer = client_of(openai_like).images.generate(model="gpt-image-2", prompt=OPEN, n=3)
    assert all(is_picture(image.b64_json) for image in answer.data)
    assert sorted(image.revised_prompt for image in answer.data) == sorted(openai_like.prompts)
    assert len(openai_like.prompts) == 3
    assert OPEN not in openai_like.prompts
    assert [each.json["n"] for each in openai_like.arrived] == [1, 1, 1]


def test_a_prompt_with_nothing_open_arrives_byte_for_byte(client_of: Any, openai_like: Any, is_picture: Any) -> None:
    sent: list[bytes] = []
    answer = client_of(openai_like, sent=sent).images.generate(model="gpt-image-2", prompt=CLOSED, n=2)
    assert [is_picture(image.b64_json) for image in answer.data] == [True, True]
    assert [each.body for each in openai_like.arrived] == sent


def test_a_stream(client_of: Any, openai_like: Any, is_picture: Any) -> None:
    stream = client_of(openai_like).images.generate(model="gpt-image-2", prompt=OPEN, stream=True, partial_images=1)
    events = list(stream)
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert all(is_picture(event.b64_json) for event in events)
    assert [prompt != OPEN for prompt in openai_like.prompts] == [True]


@pytest.mark.parametrize("files", ["one", "two and a mask"])
def test_an_edit_of_files_is_looked_at_only(client_of: Any, openai_like: Any, picture: Any, is_picture: Any, files: str) -> None:
    photo = ("photo.png", picture(), "image/png")
    more = {"image": photo} if files == "one" else {"image": [photo, photo], "mask": photo}
    sent: list[bytes] = []
    images = client_of(openai_like, sent=sent).images.with_raw_response
    answer = images.edit(model="gpt-image-2", prompt=OPEN, **more)
    assert answer.headers["x-evenhand-decision"] == "shadow"
    assert is_picture(answer.parse().data[0].b64_json)
    assert [each.body for each in openai_like.arrived] == sent


def test_an_edit_is_rewritten_where_the_policy_says_so(run_sidecar: Any, openai_like: Any, picture: Any, is_picture: Any) -> None:
    photo = ("photo.png", picture(), "image/png")
    with (
        run_sidecar(policy={"input_images": "enforce"}, upstream=openai_like.origin, dialects="openai") as sidecar,
        openai.OpenAI(base_url=f"{sidecar.url}/v1", api_key="sk-test", max_retries=0) as client,
    ):
        answer = client.images.edit(model="gpt-image-2", prompt=OPEN, image=photo, n=2)
    assert all(is_picture(image.b64_json) for image in answer.data)
    told = [image.revised_prompt.encode() for image in answer.data]
    assert [sum(each.body.count(prompt) for each in openai_like.arrived) for prompt in told] == [told.count(told[0])] * 2
    assert all(picture() in each.body and OPEN.encode() not in each.body for each in openai_like.arrived)


def test_an_edit_streams(client_of: Any, openai_like: Any, picture: Any, is_picture: Any) -> None:
    photo = ("photo.png", picture(), "image/png")
    events = list(client_of(openai_like).images.edit(model="gpt-image-2", prompt=OPEN, image=photo, stream=True))
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert all(is_picture(event.b64_json) for event in events)


@pytest.fixture
def assistant(serve_app: Any, picture: Any) -> Any:
    """Responses and chat completions that always answer with one picture."""
    app = FastAPI()
    encoded = base64.b64encode(picture()).decode()

    @app.post("/v1/responses")
    async def respond(body: dict[str, Any]) -> Response:
        call = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": encoded}
        answer = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5", "output": [call], "tools": TOOLS}
        answer |= {"parallel_tool_calls": True, "tool_choice": "auto", "status": "completed"}
        if body.get("stream"):
            return StreamingResponse(_sse("response.completed", answer), media_type="text/event-stream")
        return JSONResponse(answer)

    @app.post("/v1/chat/completions")
    async def chat(body: dict[str, Any]) -> Response:
        images = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}]
        message = {"role": "assistant", "content": "", "images": images}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return JSONResponse({"id": "c_1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})

    return serve_app(app)


def _sse(kind: str, answer: dict[str, Any]) -> Iterator[str]:
    event = openai.types.responses.ResponseCompletedEvent.model_validate(
        {"type": kind, "sequence_number": 0, "response": answer}, strict=False
    )
    yield f"event: {kind}\ndata: {event.model_dump_json()}\n\n"


def test_responses_that_draw(client_of: Any, assistant: Any, is_picture: Any) -> None:
    answer = client_of(assistant).responses.create(model="gpt-5", input=OPEN, tools=TOOLS, instructions="a doctor is old")
    (arrived,) = assistant.arrived
    assert is_picture(answer.output[0].result)
    assert answer.output[0].revised_prompt == arrived.json["input"] != OPEN
    assert arrived.json["instructions"] == "a doctor is old"


def test_responses_as_a_stream_change_the_last_message_only(client_of: Any, assistant: Any, is_picture: Any) -> None:
    said = [{"role": "user", "content": OPEN}, {"role": "assistant", "content": "How?"}, {"role": "user", "content": "a nurse"}]
    (event,) = client_of(assistant).responses.create(model="gpt-5", input=said, tools=TOOLS, stream=True)
    (arrived,) = assistant.arrived
    assert is_picture(event.response.output[0].result)
    assert [message["content"] for message in arrived.json["input"][:2]] == [OPEN, "How?"]
    assert arrived.json["input"][2]["content"] != "a nurse"


def test_responses_with_a_photo_or_without_the_tool_arrive_as_sent(client_of: Any, assistant: Any) -> None:
    sent: list[bytes] = []
    client = client_of(assistant, sent=sent)
    photo = {"type": "input_image", "image_url": "https://pictures.example/1.png", "detail": "auto"}
    parts = [{"type": "input_text", "text": OPEN}, photo]
    client.responses.create(model="gpt-5", input=[{"role": "user", "content": parts}], tools=TOOLS)
    client.responses.create(model="gpt-5", input=OPEN)
    assert [each.body for each in assistant.arrived] == sent


def test_a_chat_that_draws(client_of: Any, assistant: Any, is_picture: Any) -> None:
    said = [{"role": "system", "content": "a doctor is old"}, {"role": "user", "content": OPEN}]
    chat = client_of(assistant).chat.completions
    answer = chat.create(model="m", messages=said, extra_body={"modalities": ["image", "text"]})
    (arrived,) = assistant.arrived
    url = answer.choices[0].message.images[0]["image_url"]["url"]
    assert is_picture(url.partition(",")[2])
    assert [message["content"] == before["content"] for message, before in zip(arrived.json["messages"], said, strict=True)] == [
        True,
        False,
    ]


def test_a_chat_in_words_arrives_as_sent(client_of: Any, assistant: Any) -> None:
    sent: list[bytes] = []
    client_of(assistant, sent=sent).chat.completions.create(model="m", messages=[{"role": "user", "content": OPEN}])
    assert [each.body for each in assistant.arrived] == sent
