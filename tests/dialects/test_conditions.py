from typing import Any

import pytest

from evenhand.dialects.conditions import holds, same, values_at
from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.spec import Condition

BODY = b"""{"model": "Nova-Image", "n": 2, "on": true, "none": null, "modes": ["TEXT", "Image"],
 "items": [{"text": "a", "weight": 1.5}, {"text": "b", "weight": -1}, {"text": "c"}, {"text": "d", "weight": null}]}"""
POINTERS = ["/model", "/n", "/on", "/none", "/modes", "/modes/*", "/items/*/text", "/items/*/weight"]


@pytest.fixture(scope="module")
def body() -> JsonBody:
    return JsonBody.of_answer(BODY, POINTERS)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"at": "/model", "equals": ["nova-image"]}, True),
        ({"at": "/model", "equals": ["nova"]}, False),
        ({"at": "/model", "like": ["*IMAGE*"]}, True),
        ({"at": "/model", "like": ["image*", "nova-*"]}, True),
        ({"at": "/model", "like": ["image"]}, False),
        ({"at": "/model", "above": 0}, False),
        ({"at": "/n", "equals": [2]}, True),
        ({"at": "/n", "equals": ["2"]}, False),
        ({"at": "/n", "like": ["*"]}, False),
        ({"at": "/n", "above": 1}, True),
        ({"at": "/n", "above": 2}, False),
        ({"at": "/on", "equals": [True]}, True),
        ({"at": "/on", "equals": [1]}, False),
        ({"at": "/none", "equals": [None]}, True),
        ({"at": "/none", "missing": True}, False),
        ({"at": "/gone", "missing": True}, True),
        ({"at": "/gone", "equals": ["x"]}, False),
        ({"at": "/modes/*", "equals": ["IMAGE"]}, True),
        ({"at": "/modes/*", "equals": ["AUDIO"]}, False),
        ({"at": "/modes", "equals": ["IMAGE"]}, False),
        ({"path": "model", "like": ["imagen-*"]}, True),
        ({"path": "model", "equals": ["Imagen-4"]}, True),
        ({"path": "other", "like": ["imagen-*"]}, False),
    ],
)
def test_values_and_parts_of_the_path(body: JsonBody, condition: dict[str, Any], expected: bool) -> None:
    assert holds(Condition(**condition), body, "", {"model": "imagen-4"}) is expected


def test_a_star_is_the_prompts_own_item(body: JsonBody) -> None:
    positive = Condition(at="/items/*/weight", above=0, equals=[None], missing=True)
    places = [token.pointer for token in values_at(body, "/items/*/text")]
    assert [holds(positive, body, place, {}) for place in places] == [True, False, True, True]


def test_without_an_item_of_its_own_any_will_do(body: JsonBody) -> None:
    assert holds(Condition(at="/items/*/weight", above=1), body, "", {})
    assert not holds(Condition(at="/items/*/weight", above=2), body, "/model", {})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("ON", "on", True),
        (1, True, False),
        (0, False, False),
        (1, 1.0, True),
        ("1", 1, False),
        (None, None, True),
        (None, False, False),
    ],
)
def test_same(one: Any, other: Any, expected: bool) -> None:
    assert same(one, other) is expected
