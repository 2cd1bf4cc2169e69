"""Both plug-in contracts on a running sidecar: where they are, what they log, what they refuse."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evenhand.proxy.plugins.routes import LITELLM_PATH, PORTKEY_PATH


def ask(sidecar: Any, path: str, body: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(sidecar.url + path, json=body, headers=named, timeout=30, trust_env=False)


def test_litellm_answers_with_our_headers(sidecar: Any) -> None:
    answer = ask(sidecar, LITELLM_PATH, {"input_type": "request", "texts": ["a doctor"], "request_data": {}}, x_evenhand_seed="7")
    told = answer.json()
    same = ask(sidecar, "/rewrite", {"prompt": "a doctor", "seed": 7}).json()
    assert (answer.status_code, told) == (200, {"action": "GUARDRAIL_INTERVENED", "texts": same["rewrites"]})
    assert answer.headers["x-evenhand-decision"] == "rewritten"
    assert answer.headers["x-evenhand-revision"] == same["revision"]


def test_portkey_answers_with_our_headers(sidecar: Any) -> None:
    context = {"requestType": "imageGenerate", "request": {"json": {"prompt": "a doctor"}}}
    answer = ask(sidecar, PORTKEY_PATH, context, x_evenhand_seed="7")
    same = ask(sidecar, "/rewrite", {"prompt": "a doctor", "seed": 7}).json()
    assert answer.json()["transformedData"] == {"request": {"json": {"prompt": same["rewrites"][0]}}}
    assert answer.headers["x-evenhand-decision"] == "rewritten"


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (LITELLM_PATH, {"texts": "a doctor"}, 422, "'/texts'"),
        (LITELLM_PATH, {"texts": ["a"] * 1_001}, 422, "'/texts'"),
        (LITELLM_PATH, {"texts": ["a" * 32_001]}, 400, "32,001 characters"),
        (LITELLM_PATH, [], 422, "'/'"),
    ],
)
def test_what_cannot_be_used_is_a_problem(sidecar: Any, path: str, body: Any, status: int, says: str) -> None:
    answer = ask(sidecar, path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


def test_a_webhook_without_json_is_a_problem(sidecar: Any) -> None:
    answer = httpx.post(sidecar.url + PORTKEY_PATH, content=b"{", trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_sizes_are_limited(run_sidecar: Callable[..., Any]) -> None:
    with run_sidecar(demo=True, batch_bytes=2_000) as running:
        statuses = [ask(running, path, {"texts": ["a" * 3_000]}).status_code for path in (LITELLM_PATH, PORTKEY_PATH)]
    assert statuses == [413, 413]


def test_both_stand_in_the_openapi_document(sidecar: Any) -> None:
    paths = httpx.get(f"{sidecar.url}/openapi.json", trust_env=False).json()["paths"]
    assert {LITELLM_PATH, PORTKEY_PATH} <= set(paths)
