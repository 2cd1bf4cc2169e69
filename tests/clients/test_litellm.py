"""LiteLLM on either side: its library as a client of the sidecar, and its proxy in front of the sidecar.

LiteLLM pins many packages, so it may live in an environment of its own: EVENHAND_LITELLM names its `litellm` command;
else the one on PATH is taken.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

COMMAND = os.environ.get("EVENHAND_LITELLM") or shutil.which("litellm")
pytestmark = pytest.mark.skipif(not COMMAND, reason="there is no LiteLLM: set EVENHAND_LITELLM to its command")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
ALONE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_PROXY": "*"}

KEY = f"sk-{secrets.token_hex(32)}"
CALLS = """
import json, sys
import litellm
for name, given in json.loads(sys.argv[1]):
    files = {"image": open(given.pop("image"), "rb")} if "image" in given else {}
    answer = getattr(litellm, name)(api_key="not-a-key", **given, **files)
    print("ANSWER" + json.dumps([image.model_dump() for image in answer.data]))
"""


def called(*calls: tuple[str, dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The images of each call of the library, all in one process, since it takes long to start."""
    assert COMMAND
    line = [str(Path(COMMAND).resolve().parent / "python"), "-W", "ignore", "-c", CALLS, json.dumps(calls)]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | ALONE, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return [json.loads(said.removeprefix("ANSWER")) for said in done.stdout.splitlines() if said.startswith("ANSWER")]


def test_the_library(run_sidecar: Any, openai_like: Any, picture: Any, is_picture: Any, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture())
    with run_sidecar(upstream=openai_like.origin, dialects="openai,azure") as sidecar:
        openai = {"model": "openai/gpt-image-1", "api_base": f"{sidecar.url}/v1"}
        azure = {"model": "azure/gpt-image-1", "api_base": sidecar.url, "api_version": "2025-04-01-preview"}
        drawn = called(
            ("image_generation", {**openai, "prompt": OPEN, "n": 2}),
            ("image_generation", {**azure, "prompt": OPEN, "n": 2}),
            ("image_generation", {"model": "recraft/recraftv3", "api_base": sidecar.url, "prompt": CLOSED}),
            ("image_edit", {**openai, "prompt": OPEN, "image": str(photo)}),
        )
    assert [[is_picture(image["b64_json"]) for image in images] for images in drawn] == [[True] * 2, [True] * 2, [True], [True]]
    told = [sorted(image["revised_prompt"] for image in images) for images in drawn[:2]]
    first, second, third = openai_like.arrived[:2], openai_like.arrived[2:4], openai_like.arrived[4]
    assert told == [sorted(each.json["prompt"] for each in pair) for pair in (first, second)]
    assert OPEN not in [*told[0], *told[1]]
    assert {each.path for each in second} == {"/openai/deployments/gpt-image-1/images/generations"}
    assert third.json["prompt"] == CLOSED
    assert [(each.body.count(OPEN.encode()), picture() in each.body) for each in openai_like.arrived[5:]] == [(1, True)]


@pytest.fixture
def gateway(run_sidecar: Any, openai_like: Any, tmp_path: Path) -> Iterator[str]:
    """The origin of LiteLLM's proxy with the model "art", which is the sidecar's upstream."""
    assert COMMAND
    with run_sidecar(upstream=openai_like.origin, dialects="openai") as sidecar:
        model = {"model": "openai/gpt-image-1", "api_base": f"{sidecar.url}/v1", "api_key": "not-a-key"}
        config = tmp_path / "config.yaml"
        config.write_text(json.dumps({"model_list": [{"model_name": "art", "litellm_params": model}]}))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        line = [COMMAND, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        with (tmp_path / "proxy.log").open("wb") as log:
            proxy = subprocess.Popen(
                line, env=os.environ | ALONE | {"LITELLM_MASTER_KEY": KEY}, stdout=log, stderr=log, cwd=tmp_path
            )
            try:
                wait_for(f"http://127.0.0.1:{port}/health/liveliness", proxy, tmp_path / "proxy.log")
                yield f"http://127.0.0.1:{port}"
            finally:
                proxy.terminate()
                proxy.wait(30)


def wait_for(url: str, proxy: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert proxy.poll() is None, log.read_text()[-2_000:]
        try:
            if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-2_000:])


def test_behind_the_proxy(gateway: str, openai_like: Any, is_picture: Any) -> None:
    def ask(prompt: str) -> Any:
        body = {"model": "art", "prompt": prompt, "n": 2}
        headers = {"authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{gateway}/v1/images/generations", json=body, headers=headers, timeout=60, trust_env=False)
        return answer.raise_for_status().json()

    drawn = ask(OPEN)
    assert [is_picture(image["b64_json"]) for image in drawn["data"]] == [True, True]
    assert sorted(image["revised_prompt"] for image in drawn["data"]) == sorted(openai_like.prompts)
    assert OPEN not in openai_like.prompts
    ask(CLOSED)
    assert openai_like.prompts[2:] == [CLOSED]
