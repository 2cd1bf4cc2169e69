import time
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from evenhand.flow import Prompt
from evenhand.proxy.console.history import History
from evenhand.proxy.console.routes import console_routes
from evenhand.proxy.live import Live, Reload, serving_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset
from evenhand.rules.schema import PolicyFile
from evenhand.settings import load_settings

HEADERS = {"X-Evenhand-Console": "1"}


class Kept:
    """Entries, newest first."""

    def __init__(self) -> None:
        self.all: list[Entry] = []

    def entries(self) -> list[Entry]:
        return self.all


class Console:
    def __init__(self, ruleset: Ruleset, **flags: object) -> None:
        settings = load_settings(**flags)
        self.live = Live(settings=settings, serving=serving_of(ruleset, (), settings))
        self.history, self.kept = History(), Kept()
        app = FastAPI()
        app.include_router(console_routes(self.live, self.kept, self.history))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers=HEADERS)

    async def explain(self, **asked: object) -> httpx.Response:
        return await self.client.post("/api/explain", json=asked)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    def decide(self, text: str) -> None:
        serving = self.live.serving
        decision = serving.engine.decide(Prompt(text=text, id=f"d-{text}", seed=3))
        entry = Entry(decision=decision, rules=serving.rules, at=time.time(), route="rewrite", status=200)
        self.history.note(entry)
        self.kept.all.insert(0, entry)


@pytest.fixture
def console_of(small_rules: Ruleset, small_folder: object) -> Callable[..., Console]:
    def make(*, policy: dict[str, object] | None = None, **flags: object) -> Console:
        changed = PolicyFile.model_validate(small_rules.policy.model_dump(by_alias=True) | (policy or {}))
        return Console(replace(small_rules, policy=changed), rules=small_folder, **flags)

    return make


async def test_a_prompt_is_explained_with_places_and_shares(console_of: Callable[..., Console]) -> None:
    answer = (await console_of().explain(prompt="a doctor and a nurse in 1940", images=2, seed=7)).json()
    decision = answer["decision"]
    assert decision["outcome"] == "unchanged"
    assert [subject["head"]["text"] for subject in decision["subjects"]] == ["doctor", "nurse"]
    assert answer["heads"] == [["roles/workers"], ["roles/workers"]]
    place = answer["rules"]["roles/workers"]
    assert (place["file"], place["line"]) == ("en/roles.yaml", 3)
    assert answer["rules"]["policy/historical-until"]["file"] == "policy.yaml"
    tagged = (await console_of().explain(prompt="<lora:nurse_v2:0.8>, a doctor", seed=7)).json()
    assert tagged["rules"]["syntax/syntax"] is None
    assert sum(answer["shares"]["gender"].values()) == 100


async def test_a_seed_gives_the_same_draws_and_each_image_its_own(console_of: Callable[..., Console]) -> None:
    console = console_of()
    first, again, other = [(await console.explain(prompt="a doctor", images=4, seed=seed)).json() for seed in (7, 7, 8)]
    assert first["decision"]["rewrites"] == again["decision"]["rewrites"] != other["decision"]["rewrites"]
    assert len(first["decision"]["rewrites"]) == 4
    assert (await console.explain(prompt="a doctor")).json()["decision"]["seed"] >= 0


async def test_the_mode_is_told_and_nothing_is_counted(console_of: Callable[..., Console]) -> None:
    console = console_of(policy={"mode": "shadow"})
    answer = (await console.explain(prompt="a doctor", seed=1)).json()
    assert (answer["mode"], answer["decision"]["outcome"]) == ("shadow", "shadow")
    assert console.history.series()["totals"] == {}
    off = (await console_of(policy={"mode": "off"}).explain(prompt="a doctor", seed=1)).json()
    assert (off["mode"], off["decision"]["outcome"]) == ("off", "rewritten")


async def test_a_tenant_has_its_own_shares(console_of: Callable[..., Console]) -> None:
    console = console_of(policy={"tenants": {"acme": {"axes": {"gender": {"woman": 100, "man": 0}}}}})
    answer = (await console.explain(prompt="a doctor", images=10, seed=1, tenant="acme")).json()
    assert answer["shares"]["gender"] == {"woman": 100, "man": 0}
    assert answer["decision"]["subjects"][0]["axes"]["gender"]["drawn"] == ["woman"] * 10
    assert (await console.get("/api/state")).json()["tenants"] == ["acme"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"prompt": ""}, 422),
        ({"prompt": "a doctor", "images": 11}, 422),
        ({"prompt": "a doctor", "seed": -1}, 422),
        ({"prompt": "a doctor", "seed": 2**53}, 422),
        ({"prompt": "a doctor", "tenant": "x y"}, 422),
        ({"prompt": "a doctor", "extra": 1}, 422),
        ({"prompt": "a doctor" * 10}, 400),
        ({}, 422),
    ],
)
async def test_what_can_not_be_asked(console_of: Callable[..., Console], asked: dict[str, object], status: int) -> None:
    answer = await console_of(policy={"limits": {"prompt_chars": 40}}).explain(**asked)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")
    assert "doctor" not in answer.text


async def test_long_prompts_and_many_languages(console_of: Callable[..., Console]) -> None:
    console = console_of()
    for text in ("a doctor, " * 400, "👩🏾‍🚒 and a doctor", "一位医生"):
        assert (await console.explain(prompt=text, seed=1)).json()["decision"]["prompt"] == text


async def test_asking_needs_our_header(console_of: Callable[..., Console]) -> None:
    console = console_of()
    console.client.headers.pop("X-Evenhand-Console")
    assert (await console.explain(prompt="a doctor")).status_code == 403


async def test_the_state(console_of: Callable[..., Console]) -> None:
    console = console_of(edit_rules=True, decision_log_prompts=True)
    state = (await console.get("/api/state")).json()
    assert state["revision"] == console.live.serving.revision
    assert (state["mode"], state["why_not_save"], state["prompts"], state["draining"]) == ("enforce", "", True, False)
    assert state["limits"]["images"] == 10
    console.live.last_reload = Reload(at=1.0, cause="change", result="refused", revision="r", error="policy.yaml:1:1: broken")
    assert (await console.get("/api/state")).json()["reload_error"] == "policy.yaml:1:1: broken"
    plain = (await console_of().get("/api/state")).json()
    assert plain["why_not_save"].startswith("Saving is switched off")
    assert not plain["prompts"]


async def test_the_series_of_real_decisions(console_of: Callable[..., Console]) -> None:
    console = console_of()
    for text in ("a doctor", "a nurse", "a doctor in 1940"):
        console.decide(text)
    found = (await console.get("/api/series?minutes=10&points=20")).json()
    assert found["totals"]["outcome"] == {"rewritten": 2, "unchanged": 1}
    assert len(found["at"]) == 20
    assert found["now"]["gender"] == {"woman": 50, "man": 50}
    assert (await console.get("/api/series?minutes=0")).status_code == 422


async def test_latest_decisions_keep_prompts_only_where_allowed(console_of: Callable[..., Console]) -> None:
    for keeps in (False, True):
        console = console_of(decision_log_prompts=keeps)
        for text in ("a doctor", "a doctor in 1940"):
            console.decide(text)
        answer = await console.get("/api/recent?limit=2")
        found = answer.json()
        assert [entry["outcome"] for entry in found["entries"]] == ["unchanged", "rewritten"]
        assert found["entries"][0]["reasons"] == ["period"]
        assert [entry.get("prompt") for entry in found["entries"]] == (
            ["a doctor in 1940", "a doctor"] if keeps else [None, None]
        )
        assert ("a doctor" in answer.text.replace("d-a doctor", "")) is keeps
