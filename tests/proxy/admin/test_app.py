import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from evenhand.dialects.load import load_dialects
from evenhand.flow import Prompt
from evenhand.proxy.admin.app import admin_app, starting_app
from evenhand.proxy.admin.recent import Recent
from evenhand.proxy.live import Live, Reload, serving_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.watch.meters import Meters
from evenhand.rules import Ruleset
from evenhand.rules.ruleset import Place
from evenhand.settings import Settings, load_settings


@pytest.fixture
def live(small_rules: Ruleset) -> Live:
    return live_of(small_rules, load_settings())


def live_of(rules: Ruleset, settings: Settings) -> Live:
    return Live(settings=settings, serving=serving_of(rules, load_dialects(), settings))


async def ask(
    live: Live, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    transport = httpx.ASGITransport(admin_app(live, **more))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        return await client.request(method, path, headers=headers)


async def test_probes(live: Live) -> None:
    assert (await ask(live, "/healthz")).json() == {"status": "ok"}
    ready = await ask(live, "/readyz")
    told = ready.json()
    assert (ready.status_code, told["status"], told["revision"]) == (200, "ready", live.serving.revision)
    assert told["rules"] > 0
    assert told["age_s"] >= 0
    assert (told["last_reload"], told["upstreams"], told["remarks"]) == (None, [], [])


async def test_draining_is_not_ready_but_healthy(live: Live) -> None:
    live.draining = True
    assert (await ask(live, "/readyz")).status_code == 503
    assert (await ask(live, "/readyz")).json()["status"] == "draining"
    assert (await ask(live, "/healthz")).status_code == 200


async def test_before_the_rules_are_loaded_nobody_is_sent_here() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(starting_app()), base_url="http://127.0.0.1:8081") as client:
        found = [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")]
    assert found == [200, 503, 404]


async def test_a_failed_reload_is_told_and_does_not_end_readiness(live: Live) -> None:
    live.last_reload = Reload(at=5.0, cause="change", result="refused", revision="r1", error="rules/a.yaml:3:1: no")
    live.remarks.append("One upstream has no credentials.")
    ready = await ask(live, "/readyz")
    assert ready.status_code == 200
    assert ready.json()["last_reload"] == {
        "at": 5.0,
        "ok": False,
        "result": "refused",
        "cause": "change",
        "took_s": 0.0,
        "error": "rules/a.yaml:3:1: no",
    }
    assert ready.json()["remarks"] == ["One upstream has no credentials."]


@pytest.mark.parametrize("is_up", [True, False])
async def test_reachability_is_a_detail_and_comes_with_the_second_look(
    small_rules: Ruleset, script: Callable[..., Any], is_up: bool
) -> None:
    origin = script(b"").origin if is_up else "http://127.0.0.1:9"
    live = live_of(small_rules, load_settings(upstream=origin))
    app = admin_app(live)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8081") as client:
        first = (await client.get("/readyz")).json()["upstreams"][0]
        assert (first["origin"], first["path"], first["reachable"]) == (origin, "/", "unknown")
        for _ in range(200):
            second = await client.get("/readyz")
            if second.json()["upstreams"][0]["reachable"] != "unknown":
                break
            await asyncio.sleep(0.01)
    told = second.json()["upstreams"][0]
    assert (second.status_code, told["reachable"], "checked_s_ago" in told) == (200, is_up, True)
    assert ("Nothing listens on 127.0.0.1:9" in told.get("error", "")) is not is_up


async def test_metrics_in_both_formats(live: Live) -> None:
    meters = Meters()
    meters.serve(live.serving, loaded_at=1.0)
    plain = await ask(live, "/metrics", meters=meters)
    assert plain.headers["content-type"].startswith("text/plain")
    assert f'evenhand_rules_info{{revision="{live.serving.revision}"}} 1.0' in plain.text
    opened = await ask(live, "/metrics", meters=meters, headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")


def recent_of(live: Live) -> Recent:
    recent = Recent()
    prompts = ["a doctor", "a secretive oak", "a nurse and an engineer"]
    for number, text in enumerate(prompts):
        decision = live.serving.engine.decide(Prompt(text=text, id=f"d-{number}"))
        tenant, route = ("acme", "rewrite") if number else ("", "openai.images.generations")
        recent.note(Entry(decision=decision, rules=live.serving.rules, at=number, route=route, tenant=tenant))
    return recent


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["d-2", "d-1", "d-0"]),
        ("?limit=1", ["d-2"]),
        ("?outcome=rewritten", ["d-2", "d-0"]),
        ("?outcome=unchanged", ["d-1"]),
        ("?route=rewrite&tenant=acme", ["d-2", "d-1"]),
        ("?route=openai.images.generations", ["d-0"]),
        ("?tenant=", ["d-0"]),
        ("?reason=explicit", []),
        ("?rule=terms/black", []),
    ],
)
async def test_recent_decisions_can_be_filtered(live: Live, query: str, ids: list[str]) -> None:
    found = (await ask(live, f"/decisions{query}", recent=recent_of(live))).json()
    assert [each["id"] for each in found["decisions"]] == ids


async def test_reasons_and_rules_filter_too(shipped: Ruleset) -> None:
    live, recent = live_of(shipped, load_settings()), Recent()
    for text in ("a Black doctor", "a doctor"):
        decision = live.serving.engine.decide(Prompt(text=text, id=f"d-{text}"))
        recent.note(Entry(decision=decision, rules=shipped, at=0, route="rewrite"))
    for query in ("?reason=explicit", "?rule=terms/black"):
        found = (await ask(live, f"/decisions{query}", recent=recent)).json()["decisions"]
        assert [each["id"] for each in found] == ["d-a Black doctor"]
        assert found[0]["subjects"][0]["axes"]["ethnicity"]["closed_by"][0]["why"]


@pytest.mark.parametrize("keeps", [True, False])
async def test_prompts_are_shown_only_where_they_may_be_kept(live: Live, keeps: bool) -> None:
    live.settings = live.settings.model_copy(update={"decision_log_prompts": keeps})
    found = await ask(live, "/decisions", recent=recent_of(live))
    assert ("secretive oak" in found.text) is keeps
    assert found.json()["prompts"] is keeps


async def test_rules_in_service_with_their_places(live: Live) -> None:
    found = (await ask(live, "/rules?kind=roles")).json()
    assert (found["revision"], found["total"]) == (live.serving.revision, 1)
    rule = found["rules"][0]
    assert (rule["id"], rule["kind"], rule["why"]) == ("roles/workers", "roles", "Anybody may do this work.")
    assert rule["at"].endswith("en/roles.yaml:3")
    assert found["policy"]["historical_until"]["value"] == 1970
    assert (await ask(live, "/rules?q=ANYBODY%20may")).json()["total"] == 1
    assert (await ask(live, "/rules?q=no-such-word")).json()["total"] == 0
    assert (await ask(live, "/rules")).json()["total"] > 10


async def test_the_policy_tells_where_it_is_set_and_what_is_switched_off(small_rules: Ruleset) -> None:
    policy = small_rules.policy.model_copy(update={"disable": ["roles/workers"]})
    places = {**small_rules.places, "policy/mode": Place("rules/policy.yaml", 9)}
    found = (await ask(live_of(replace(small_rules, policy=policy, places=places), load_settings()), "/rules")).json()
    assert found["policy"]["mode"] == {"value": "enforce", "at": "rules/policy.yaml:9"}
    assert found["policy"]["trial"] == {"value": [], "at": None}
    assert "roles/workers" not in [rule["id"] for rule in found["rules"]]


async def test_version(live: Live) -> None:
    assert {"version", "python", "started_at"} == set((await ask(live, "/version")).json())


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/elsewhere", 404, "There is nothing at this path"),
        ("POST", "/readyz", 405, "use GET"),
        ("GET", "/decisions?limit=0", 422, "'limit': input should be greater than or equal to 1"),
        ("POST", "/rules/reload", 403, "X-Evenhand-Console: 1"),
    ],
)
async def test_errors_are_problems(live: Live, method: str, path: str, status: int, said: str) -> None:
    answer = await ask(live, path, method=method)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["status"], said in answer.json()["detail"]) == (status, True)


async def test_without_a_folder_there_is_nothing_to_reload(live: Live) -> None:
    answer = await ask(live, "/rules/reload", method="POST", headers={"X-Evenhand-Console": "1"})
    assert answer.status_code == 503


async def test_the_page_and_its_api_stand_here(live: Live) -> None:
    assert (await ask(live, "/")).status_code == 200
    assert (await ask(live, "/api/state")).json()["revision"] == live.serving.revision
