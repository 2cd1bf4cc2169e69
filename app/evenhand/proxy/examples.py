"""Examples of the OpenAPI pages. The answers shown are made by the rules in service when the page is asked for."""

from copy import deepcopy
from typing import Any

from evenhand.engine.record import DecisionRecord, record
from evenhand.flow import Prompt
from evenhand.proxy.live import Serving

REWRITE_EXAMPLES: dict[str, dict[str, Any]] = {
    "A profession": {"prompt": "a doctor", "seed": 7},
    "Partly stated": {"prompt": "a nurse and a Black teacher in a classroom", "seed": 7},
    "Four images": {"prompt": "two engineers at a whiteboard", "images": 4, "seed": 7},
    "Nothing open": {"prompt": "Elon Musk on a stage", "seed": 7},
}
BATCH_EXAMPLES: dict[str, dict[str, Any]] = {
    "Two prompts": {
        "items": [{"ref": "a", "prompt": "a doctor", "seed": 1}, {"ref": "b", "prompt": "an empty classroom", "seed": 2}]
    }
}


def documented(examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The request examples in the form OpenAPI wants."""
    shown = {name: {"value": request} for name, request in examples.items()}
    return {"requestBody": {"content": {"application/json": {"examples": shown}}}}


def with_answers(document: dict[str, Any], serving: Serving) -> dict[str, Any]:
    """The OpenAPI document with what the rules in service answer to the examples."""
    document = deepcopy(document)
    single = {name: {"value": _answer(request, serving)} for name, request in REWRITE_EXAMPLES.items()}
    batch = {
        name: {"value": {"decisions": [_answer(item, serving) for item in request["items"]]}}
        for name, request in BATCH_EXAMPLES.items()
    }
    for path, examples in (("/rewrite", single), ("/rewrite/batch", batch)):
        document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["examples"] = examples
    return document


def _answer(request: dict[str, Any], serving: Serving) -> DecisionRecord:
    prompt = Prompt(text=request["prompt"], images=request.get("images", 1), seed=request["seed"], id="d-01EXAMPLE")
    return record(serving.engine.decide(prompt), serving.rules, ref=request.get("ref"))
