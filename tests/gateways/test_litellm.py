"""The real LiteLLM proxy with examples/litellm.yaml: as its guardrail, and as what stands in front of the sidecar.

EVENHAND_LITELLM names its `litellm` command, which may live in an environment of its own; else `litellm` on the path.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from evenhand.rules.schema import PolicyPart

EXAMPLE = Path(__file__).parent.parent.parent / "examples/litellm.yaml"
COMMAND = os.environ.get("EVENHAND_LITELLM") or shutil.which("litellm")
KEY = "sk-a-master-key-of-the-test-0123456789"
pytestmark = pytest.mark.skipif(not COMMAND, reason="there is no LiteLLM: set EVENHAND_LITELLM to its command")


@dataclass
class Setup:
    url: str
    sidecar: Any
    chat: Any

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {KEY}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=60, trust_env=False)

    def rewritten(self) -> float:
        """How many prompts the sidecar has rewritten."""
        lines = httpx.get(f"{self.sidecar.admin}/metrics", trust_env=False).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith('evenhand_decisions_total{outcome="rewritten"'))

    def chats(self) -> list[dict[str, Any]]:
        """What arrived at the chat API since it was asked last."""
        found = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in self.chat.requests if request.startswith(b"POST")]
        self.chat.requests.clear()
        return found


@pytest.fixture
def setup(
    run_sidecar: Callable[..., Any], chat_api: Any, started: Callable[..., Any], free_port: int
) -> Iterator[Callable[..., Setup]]:
    """setup(routes) -> LiteLLM with the example, a sidecar with the policy's parts for `routes`, and both APIs."""
    with ExitStack() as running:

        def make(routes: dict[str, Any]) -> Setup:
            sidecar = running.enter_context(run_sidecar(policy={"routes": routes}, demo=True))
            env = {
                **{name: value for name, value in os.environ.items() if not name.startswith(("LITELLM", "DATABASE"))},
                "EVENHAND_URL": f"{sidecar.url}/v1",
                "EVENHAND_GUARDRAIL": f"{sidecar.url}/integrations/litellm",
                "CHAT_API_BASE": f"{chat_api.origin}/v1",
                "OPENAI_API_KEY": "sk-demo",
                "LITELLM_MASTER_KEY": KEY,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            }
            url = f"http://127.0.0.1:{free_port}"
            command = [str(COMMAND), "--config", str(EXAMPLE), "--host", "127.0.0.1", "--port", str(free_port)]
            running.enter_context(started(command, url=f"{url}/health/liveliness", env=env))
            return Setup(url=url, sidecar=sidecar, chat=chat_api)

        yield make


def chat(*said: str) -> dict[str, Any]:
    roles = ["system", "user", "assistant", "user"][-len(said) :]
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
    return {"model": "drawing-chat", "messages": messages}


def test_images_and_drawing_chats_reach_their_apis_rewritten_once(setup: Callable[..., Setup]) -> None:
    running = setup({"integrations.litellm.chat/drawing-chat": PolicyPart(mode="enforce")})
    answer = running.post("/v1/images/generations", {"model": "pictures", "prompt": "a doctor", "size": "256x256"})
    (arrived,) = running.sidecar.arrived()
    assert answer.status_code == 200
    assert arrived["prompt"].endswith(" doctor")
    assert arrived["prompt"] != "a doctor"

    both = {"model": "pictures", "prompt": "a doctor", "size": "256x256", "guardrails": ["evenhand"]}
    answer = running.post("/v1/images/generations", both)
    (again,) = running.sidecar.arrived()
    assert answer.headers["x-litellm-applied-guardrails"] == "evenhand"
    assert again["prompt"].endswith(" doctor")
    assert again["prompt"].count("doctor") == 1
    assert running.rewritten() == 3, "once as an API, and once more as guardrail and API"

    asked = chat("Draw for a nurse.", "a doctor", "Here is a doctor.", "now an engineer")
    assert running.post("/v1/chat/completions", asked).status_code == 200
    (drawn,) = running.chats()
    texts = [message["content"] for message in drawn["messages"]]
    assert texts[:3] == ["Draw for a nurse.", "a doctor", "Here is a doctor."]
    assert texts[3].startswith("now a")
    assert texts[3] != "now an engineer"

    wish = {"guardrails": ["evenhand"], **chat("a doctor")}
    seeded = [running.post("/v1/chat/completions", wish, x_evenhand_seed="7").status_code for _ in range(2)]
    one, other = running.chats()
    assert seeded == [200, 200]
    assert one["messages"] == other["messages"] != chat("a doctor")["messages"]
    running.post("/v1/chat/completions", chat("a doctor"), x_evenhand="off")
    assert running.chats()[0]["messages"] == chat("a doctor")["messages"]


def test_chats_stay_as_they_are_where_the_policy_has_no_part_for_them(setup: Callable[..., Setup]) -> None:
    running = setup({"*": PolicyPart(mode="enforce")})
    assert running.post("/v1/chat/completions", chat("a doctor")).status_code == 200
    assert running.chats()[0]["messages"] == chat("a doctor")["messages"]
