"""The `openai` library at servers that speak its image API at other prefixes and with extras of their own."""

from typing import Any

import pytest

openai = pytest.importorskip("openai", reason="the client library 'openai' is not installed")

OPEN = "a doctor reading"


def test_a_gateway_with_a_prefix_of_its_own(run_sidecar: Any, openai_like: Any, is_picture: Any) -> None:
    more = {"seed": 4, "negative_prompt": OPEN, "prompt_extend": True}
    with (
        run_sidecar(policy={"upstream_rewriters": "off"}, upstream=openai_like.origin, dialects="openai-compatible") as sidecar,
        openai.OpenAI(base_url=f"{sidecar.url}/api/v3", api_key="not-a-key", max_retries=0) as client,
    ):
        answer = client.images.generate(model="seedream", prompt=OPEN, n=2, extra_body=more)
    assert [is_picture(image.b64_json) for image in answer.data] == [True, True]
    assert {each.path for each in openai_like.arrived} == {"/api/v3/images/generations"}
    assert sorted(each.json["seed"] for each in openai_like.arrived) == [4, 5]
    assert [(each.json["negative_prompt"], each.json["prompt_extend"]) for each in openai_like.arrived] == [(OPEN, False)] * 2
    assert OPEN not in openai_like.prompts


def test_a_negative_prompt_behind_a_bar_is_left_alone(run_sidecar: Any, openai_like: Any, is_picture: Any) -> None:
    with (
        run_sidecar(upstream=openai_like.origin, dialects="localai") as sidecar,
        openai.OpenAI(base_url=f"{sidecar.url}/v1", api_key="not-a-key", max_retries=0) as client,
    ):
        answer = client.images.generate(model="stablediffusion", prompt=f"{OPEN}|a nurse, an engineer")
    (prompt,) = openai_like.prompts
    assert is_picture(answer.data[0].b64_json)
    assert prompt == f"{answer.data[0].revised_prompt}|a nurse, an engineer"
    assert not prompt.startswith(OPEN)
