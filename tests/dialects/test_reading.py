"""Which strings of a body are prompts: places, conditions, the last message, what asks for no image at all."""

import json
from typing import Any

import pytest

from evenhand.dialects.load import dialect_of
from evenhand.dialects.reading import MAX_PROMPTS, read
from evenhand.errors import BodyError

CHAT = dialect_of(
    b"""
dialect: chat
title: Chat
operations:
  - id: chat.draw
    path: /models/{model}/chat
    when: [{at: /modalities/*, equals: [image]}, {path: model, like: ["*-image*"]}]
    prompts:
      - {at: /messages/*/content, where: {at: /messages/*/role, equals: [user]}, last: true}
      - {at: /messages/*/content/*/text, where: {at: /messages/*/role, equals: [user]}, last: true}
      - {at: /weighted/*/text, where: {at: /weighted/*/weight, above: 0, missing: true}}
    prompt_required: false
    input_image: [/messages/*/content/*/image]
""",
    "chat.yaml",
).operations[0]
IMAGE = {"modalities": ["text", "image"]}


def message(content: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


def texts(body: dict[str, Any], model: str = "m") -> list[str]:
    return [place.text for place in read(json.dumps(body).encode(), CHAT, path={"model": model}).prompts]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"messages": [message("a nurse")]}, ["a nurse"]),
        ({"messages": [message("first"), message("done", "assistant"), message("then")]}, ["then"]),
        ({"messages": [message("first"), message("you are a painter", "system")]}, ["first"]),
        ({"messages": [message("done", "assistant")]}, []),
        ({"messages": [message([{"text": "a nurse"}, {"image": "x"}, {"text": "at night"}])]}, ["a nurse", "at night"]),
        ({"messages": [message("first"), message([{"text": "then"}])]}, ["then"]),
        ({"weighted": [{"text": "yes", "weight": 0.5}, {"text": "no", "weight": -1}, {"text": "bare"}]}, ["yes", "bare"]),
        ({"weighted": [{"text": "null", "weight": 0}]}, []),
        ({}, []),
        ({"messages": "odd"}, []),
        ({"messages": [message({"text": "no list"})]}, []),
    ],
)
def test_prompts(body: dict[str, Any], wanted: list[str]) -> None:
    assert texts({**IMAGE, **body}) == wanted


@pytest.mark.parametrize(
    ("body", "model", "asks"),
    [
        (IMAGE, "m", True),
        ({"modalities": ["IMAGE"]}, "m", True),
        ({"modalities": ["text"]}, "m", False),
        ({}, "x-IMAGE-2", True),
        ({}, "m", False),
    ],
)
def test_what_asks_for_an_image(body: dict[str, Any], model: str, asks: bool) -> None:
    raw = json.dumps({**body, "messages": [message("a nurse")]}).encode()
    reading = read(raw, CHAT, path={"model": model})
    assert (reading.asks_images, len(reading.prompts)) == (asks, int(asks))


def test_a_picture_in_a_message_is_noticed() -> None:
    raw = json.dumps({**IMAGE, "messages": [message([{"text": "her, older"}, {"image": "data"}])]}).encode()
    assert read(raw, CHAT).has_input_image


def test_too_many_prompts_are_refused() -> None:
    many = {**IMAGE, "weighted": [{"text": "a"}] * (MAX_PROMPTS + 1)}
    with pytest.raises(BodyError, match="at most 200"):
        texts(many)


SHOWN = dialect_of(
    b"""
dialect: shown
title: Shown
operations:
  - id: shown.draw
    path: /draw
    prompts: [/prompt]
    input_image: [/image, /images, {at: /parts/*/type, equals: [photo]}]
""",
    "shown.yaml",
).operations[0]


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ({"image": "https://pictures.example/1.png"}, True),
        ({"images": [1]}, True),
        ({"parts": [{"type": "text"}, {"type": "photo"}]}, True),
        ({"image": "", "images": []}, False),
        ({"image": None, "images": {}}, False),
        ({"image": False, "parts": [{"type": "text"}]}, False),
        ({}, False),
    ],
)
def test_whether_a_picture_was_sent(sent: dict[str, Any], wanted: bool) -> None:
    assert read(json.dumps({"prompt": "a nurse", **sent}).encode(), SHOWN).has_input_image is wanted


ELSE = dialect_of(
    b"""
dialect: else
title: Something else after all
operations:
  - id: else.draw
    path: /{model}/draw
    when: [{path: model, like: ["m*"]}]
    unless: [{path: model, like: ["*-words"]}, {at: /max_tokens, above: 0}, {at: /system, like: ["*"]}]
    prompts: [/prompt, /prompt]
    seed: /seed
    any_seed: [0]
""",
    "else.yaml",
).operations[0]


@pytest.mark.parametrize(
    ("model", "sent", "asks"),
    [
        ("m-1", {}, True),
        ("other", {}, False),
        ("m-words", {}, False),
        ("m-1", {"max_tokens": 5}, False),
        ("m-1", {"max_tokens": 0, "system": None}, True),
        ("m-1", {"system": ""}, False),
    ],
)
def test_what_asks_for_something_else_after_all(model: str, sent: dict[str, Any], asks: bool) -> None:
    raw = json.dumps({"prompt": "a nurse", **sent}).encode()
    reading = read(raw, ELSE, path={"model": model})
    assert reading.asks_images is asks
    assert len(reading.prompts) == asks


def test_a_place_named_twice_is_one_prompt() -> None:
    assert [place.text for place in read(b'{"prompt": "a nurse"}', ELSE, path={"model": "m"}).prompts] == ["a nurse"]


@pytest.mark.parametrize(("seed", "fixed"), [("0", None), ("1", 1), ("-1", None), ("true", None), ("1.0", None), ('"1"', None)])
def test_a_seed_that_means_any_is_none(seed: str, fixed: int | None) -> None:
    assert read(b'{"prompt": "a", "seed": %s}' % seed.encode(), ELSE, path={"model": "m"}).seed == fixed
