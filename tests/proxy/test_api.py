from collections.abc import Callable
from typing import Any

import httpx
import pytest


def ask(sidecar: Any, path: str, body: Any) -> httpx.Response:
    return httpx.post(sidecar.url + path, json=body, timeout=30, trust_env=False)


def test_rewrite_answers_the_wire_decision(sidecar: Any) -> None:
    sidecar.arrived()
    answer = ask(sidecar, "/rewrite", {"prompt": "a doctor", "images": 2, "seed": 7, "ref": "mine", "tenant": "t", "route": "r"})
    decision = answer.json()
    assert answer.status_code == 200
    assert (decision["outcome"], decision["seed"], decision["ref"], decision["prompt"]) == ("rewritten", 7, "mine", "a doctor")
    assert len(decision["rewrites"]) == len(decision["edits"]) == 2
    assert decision["subjects"][0]["text"] == "a doctor"
    assert decision["id"].startswith("d-")
    assert decision["overhead_ms"] > 0
    assert sidecar.arrived() == []


def test_the_same_seed_draws_what_the_proxy_draws(sidecar: Any) -> None:
    sidecar.arrived()
    decision = ask(sidecar, "/rewrite", {"prompt": "a doctor", "seed": 7}).json()
    sidecar.post(headers={"x-evenhand-seed": "7"})
    assert decision["rewrites"] == [sidecar.arrived()[0]["prompt"]]


def test_batch_answers_in_order(sidecar: Any) -> None:
    items = [{"ref": str(index), "prompt": "a doctor" if index % 2 else "a tree", "seed": index} for index in range(1_000)]
    decisions = ask(sidecar, "/rewrite/batch", {"items": items}).json()["decisions"]
    assert [decision["ref"] for decision in decisions] == [item["ref"] for item in items]
    assert [decision["outcome"] for decision in decisions[:2]] == ["unchanged", "rewritten"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "'/prompt': field required"),
        ({"prompt": ""}, "'/prompt'"),
        ({"prompt": 7}, "'/prompt': input should be a valid string"),
        ({"prompt": None}, "'/prompt'"),
        ({"prompt": "a", "images": 0}, "'/images'"),
        ({"prompt": "a", "images": 11}, "'/images'"),
        ({"prompt": "a", "images": "2"}, "'/images'"),
        ({"prompt": "a", "seed": -1}, "'/seed'"),
        ({"prompt": "a", "promt": "b"}, "'/promt': extra inputs are not permitted"),
        ([], "'/'"),
    ],
)
def test_bad_requests_name_the_field(sidecar: Any, body: Any, says: str) -> None:
    answer = ask(sidecar, "/rewrite", body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in answer.json()["detail"]
    assert answer.json()["errors"]


@pytest.mark.parametrize("items", [[], [{"prompt": "a"}] * 1_001, [{"prompt": "a"}, {"prompt": ""}]])
def test_bad_batches(sidecar: Any, items: list[Any]) -> None:
    assert ask(sidecar, "/rewrite/batch", {"items": items}).status_code == 422


@pytest.mark.parametrize(
    ("content", "status"), [(b"{", 400), (b"", 422), (b'{"prompt":"\xff"}', 400), (b'{"prompt":"' + b"a" * 33_000 + b'"}', 400)]
)
def test_unreadable_bodies(sidecar: Any, content: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(sidecar.url + "/rewrite", content=content, headers=headers, trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].endswith(".")


def test_limits_and_methods(run_sidecar: Callable[..., Any]) -> None:
    with run_sidecar(demo=True, batch_bytes=2_000) as running:
        large = ask(running, "/rewrite/batch", {"items": [{"prompt": "a" * 3_000}]})
        wrong = httpx.get(running.url + "/rewrite", trust_env=False)
        missing = httpx.get(running.url + "/rewrite/other", trust_env=False)
    assert [answer.status_code for answer in (large, wrong, missing)] == [413, 405, 404]
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in (large, wrong, missing))


@pytest.mark.parametrize(("mode", "outcome"), [("shadow", "shadow"), ("off", "opted_out")])
def test_modes(run_sidecar: Callable[..., Any], mode: str, outcome: str) -> None:
    with run_sidecar(policy={"mode": mode}, demo=True) as running:
        assert ask(running, "/rewrite", {"prompt": "a doctor"}).json()["outcome"] == outcome


def test_the_examples_in_the_openapi_document_are_what_is_answered(sidecar: Any) -> None:
    document = httpx.get(sidecar.url + "/openapi.json", trust_env=False).json()
    operation = document["paths"]["/rewrite"]["post"]
    requests = operation["requestBody"]["content"]["application/json"]["examples"]
    shown = operation["responses"]["200"]["content"]["application/json"]["examples"]
    assert list(requests) == list(shown)
    for name, example in requests.items():
        answer = ask(sidecar, "/rewrite", example["value"]).json()
        assert {**answer, "id": "", "overhead_ms": 0} == {**shown[name]["value"], "id": "", "overhead_ms": 0}
