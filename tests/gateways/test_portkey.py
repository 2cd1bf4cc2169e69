"""The real Portkey gateway with examples/portkey.json: its webhook, and the sidecar as its image API.

Its hooks run for chats, completions and embeddings only (1.15), so that prompts for images go to the sidecar as the API.
EVENHAND_PORTKEY names the folder where `npm install @portkey-ai/gateway` was run; else npx's own folders are looked through.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

EXAMPLE = Path(__file__).parent.parent.parent / "examples/portkey.json"
SERVER = "node_modules/@portkey-ai/gateway/build/start-server.js"


def _server() -> Path | None:
    given = os.environ.get("EVENHAND_PORTKEY")
    folders = [Path(given)] if given else sorted((Path.home() / ".npm/_npx").glob("*"))
    return next((folder / SERVER for folder in folders if (folder / SERVER).is_file()), None)


FOUND, NODE = _server(), shutil.which("node")
pytestmark = pytest.mark.skipif(
    not (FOUND and NODE), reason="there is no Portkey gateway: set EVENHAND_PORTKEY to the folder npm installed it in"
)


@pytest.fixture
def gateway(started: Callable[..., Any], free_port: int) -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port}"
    with started([str(NODE), str(FOUND), f"--port={free_port}", "--headless"], url=url, env=dict(os.environ)):
        yield url


def config(sidecar: Any, *, host: str) -> str:
    """The example with this test's addresses."""
    return json.dumps(json.loads(EXAMPLE.read_text().replace("http://127.0.0.1:8080", sidecar.url)) | {"custom_host": host})


def post(gateway: str, path: str, body: dict[str, Any], settings: str) -> httpx.Response:
    return httpx.post(
        gateway + path, json=body, headers={"x-portkey-config": settings}, timeout=30, trust_env=False
    ).raise_for_status()


def test_the_webhook_rewrites_what_is_drawn_in_a_chat_and_nothing_else(gateway: str, sidecar: Any, chat_api: Any) -> None:
    settings = config(sidecar, host=f"{chat_api.origin}/v1")
    messages = [{"role": "system", "content": "Draw for a nurse."}, {"role": "user", "content": "a doctor"}]
    drawing = {"model": "drawing-chat", "modalities": ["image", "text"], "messages": messages, "user": "u-1"}
    post(gateway, "/v1/chat/completions", drawing, settings)
    post(gateway, "/v1/chat/completions", {"model": "talking-chat", "messages": messages}, settings)
    drawn, said = (json.loads(request.partition(b"\r\n\r\n")[2]) for request in chat_api.requests)
    assert drawn["messages"][0] == messages[0]
    assert drawn["messages"][1]["content"].endswith(" doctor")
    assert drawn["messages"][1]["content"] != "a doctor"
    assert {**drawn, "messages": messages} == drawing
    assert said["messages"] == messages


def test_prompts_for_images_go_through_the_sidecar_as_the_api(gateway: str, sidecar: Any) -> None:
    sidecar.arrived()
    body = {"model": "gpt-image-1", "prompt": "a doctor", "size": "256x256"}
    answer = post(gateway, "/v1/images/generations", body, config(sidecar, host=f"{sidecar.url}/v1")).json()
    (arrived,) = sidecar.arrived()
    assert arrived["prompt"].endswith(" doctor")
    assert answer["data"][0]["revised_prompt"] == arrived["prompt"] != "a doctor"


def test_a_sidecar_that_is_away_costs_no_request(gateway: str, sidecar: Any, chat_api: Any, free_port: int) -> None:
    away = config(sidecar, host=f"{chat_api.origin}/v1").replace(sidecar.url, "http://127.0.0.1:9")
    messages = [{"role": "user", "content": "a doctor"}]
    post(gateway, "/v1/chat/completions", {"model": "m", "modalities": ["image"], "messages": messages}, away)
    assert json.loads(chat_api.requests[0].partition(b"\r\n\r\n")[2])["messages"] == messages
