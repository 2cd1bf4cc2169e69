import base64
import json
from typing import Any

import httpx
import pytest

from evenhand.proxy.demo.upstream import demo_app


async def ask(headers: dict[str, str] | None = None, **fields: Any) -> tuple[httpx.Response, list[dict[str, Any]]]:
    transport = httpx.ASGITransport(demo_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        answer = await client.post("/v1/images/generations", json={"prompt": "a", "size": "256x256", **fields}, headers=headers)
        if fields.get("response_format") == "url":
            for image in answer.json()["data"]:
                picture = await client.get(image["url"])
                assert picture.headers["content-type"] == "image/png"
                assert picture.content.startswith(b"\x89PNG")
        log = (await client.get("/demo/log")).json()["requests"]
        assert (await client.delete("/demo/log")).json() == {"requests": []}
        assert (await client.get("/demo/images/none.png")).status_code == 404
    return answer, log


@pytest.mark.parametrize(("n", "by"), [(1, "b64_json"), (3, "b64_json"), (2, "url")])
async def test_images(n: int, by: str) -> None:
    answer, log = await ask(n=n, response_format=by)
    data = answer.json()["data"]
    assert [list(image) for image in data] == [[by]] * n
    assert answer.json()["usage"]["output_tokens"] == 272 * n
    assert (log[0]["prompt"], log[0]["n"]) == ("a", n)


async def test_events() -> None:
    answer, _ = await ask(stream=True, partial_images=1)
    events = [dict(line.split(": ", 1) for line in event.split("\n")) for event in answer.text.strip().split("\n\n")]
    assert [event["event"] for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert all(base64.b64decode(json.loads(event["data"])["b64_json"]).startswith(b"\x89PNG") for event in events)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_errors_on_request(status: int) -> None:
    answer, _ = await ask({"x-demo-status": str(status)})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_only_prompts_with_the_word_fail() -> None:
    headers = {"x-demo-status": "429", "x-demo-fail-word": "nurse"}
    assert (await ask(headers))[0].status_code == 200
    assert (await ask(headers, prompt="a nurse"))[0].status_code == 429


@pytest.mark.parametrize(("prompt", "status"), [("a Nurse", 400), ("nurses", 200), ("an old pilot", 400), ("a man", 200)])
async def test_prompts_with_a_word_are_refused(prompt: str, status: int) -> None:
    answer, _ = await ask({"x-demo-refuse-word": "nurse, old pilot"}, prompt=prompt)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"]["code"] == "content_policy_violation"


async def test_prompts_are_revised_where_asked() -> None:
    answer, _ = await ask({"x-demo-revise": "Black=white,nurse=doctor"}, prompt="a black nurse", n=2)
    assert [each["revised_prompt"] for each in answer.json()["data"]] == ["a white doctor"] * 2
    assert "revised_prompt" not in (await ask(prompt="a black nurse"))[0].json()["data"][0]


async def test_credentials_are_not_kept() -> None:
    _, log = await ask({"authorization": "Bearer canary"})
    assert "canary" not in json.dumps(log)
