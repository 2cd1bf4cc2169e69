"""Which texts of LiteLLM's contract are prompts, by whose policy, and what is answered."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evenhand.flow import Decision
from evenhand.proxy.call import Call
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.plugins.litellm import GuardrailRequest, guarded
from evenhand.proxy.watch.ledger import Entry, Ledger
from evenhand.rules import Ruleset
from evenhand.rules.schema import PolicyPart
from evenhand.settings import load_settings


def with_policy(rules: Ruleset, **changes: Any) -> Ruleset:
    return replace(rules, policy=rules.policy.model_copy(update=changes))


OPEN, CLOSED = "a doctor", "a tree"
IMAGE = {"texts": [OPEN], "model": "gpt-image-1"}
TALK = [{"role": "system", "content": "a nurse"}, {"role": "user", "content": OPEN}]
CHAT = {"texts": ["a nurse", OPEN], "structured_messages": TALK, "model": "drawing-chat"}
ENFORCE, SHADOW = PolicyPart(mode="enforce"), PolicyPart(mode="shadow")


@pytest.fixture
def live_of(small_rules: Ruleset) -> Callable[..., tuple[Live, list[Entry]]]:
    def make(*, settings: dict[str, Any] | None = None, **policy: Any) -> tuple[Live, list[Entry]]:
        told: list[Entry] = []
        given = load_settings(**(settings or {}))
        return Live(given, serving_of(with_policy(small_rules, **policy), [], given), Ledger([told.append])), told

    return make


async def answered(live: Live, asked: dict[str, Any], **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    call = Call(method="POST", path=b"/", query=b"", pairs=pairs, request_id="r-1", began=0)
    answer = await guarded(GuardrailRequest.model_validate(asked), call, live)
    found: dict[str, Any] = json.loads(bytes(answer.body))
    return found


NONE = {"action": "NONE"}


@pytest.mark.parametrize(
    "asked",
    [
        {**IMAGE, "texts": [CLOSED]},
        {**IMAGE, "texts": [" "]},
        {**IMAGE, "texts": []},
        {**IMAGE, "texts": None},
        {**IMAGE, "input_type": "response"},
        {**IMAGE, "texts": [OPEN, OPEN]},
        {**IMAGE, "tools": [{"type": "function"}]},
        CHAT,
        {"texts": [OPEN], "request_headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"texts": [OPEN], "images": ["data:"]},
    ],
)
async def test_what_is_no_request_for_images_or_leaves_nothing_open_stays(live_of: Any, asked: dict[str, Any]) -> None:
    live, _ = live_of(routes={"*": ENFORCE, "integrations.litellm*": ENFORCE})
    assert await answered(live, asked) == NONE


async def test_an_image_prompt_is_rewritten_and_told_to_the_ledger(live_of: Any) -> None:
    live, told = live_of()
    answer = await answered(live, {**IMAGE, "litellm_call_id": "c-1", "litellm_version": "9", "new_field": {}})
    (entry,) = told
    decision: Decision = entry.decision
    assert answer == {"action": "GUARDRAIL_INTERVENED", "texts": list(decision.texts)}
    assert (entry.route, entry.ref, entry.request_id, entry.tenant) == ("integrations.litellm", "c-1", "r-1", "")


@pytest.mark.parametrize(
    ("route", "asked", "changes"),
    [
        ("integrations.litellm", IMAGE, False),
        ("integrations.litellm/gpt-image-*", IMAGE, False),
        ("integrations.litellm/dall-e-*", IMAGE, True),
        ("integrations.*", IMAGE, False),
        ("integrations.litellm.chat", IMAGE, True),
    ],
)
async def test_the_policys_part_for_the_route_or_a_model_counts(
    live_of: Any, route: str, asked: dict[str, Any], changes: bool
) -> None:
    live, told = live_of(routes={route: SHADOW})
    assert (await answered(live, asked) != NONE) == changes
    assert [entry.decision.outcome for entry in told] == ["rewritten" if changes else "shadow"]


@pytest.mark.parametrize(
    ("route", "changes"),
    [
        ("integrations.litellm.chat", True),
        ("integrations.litellm.chat/drawing-*", True),
        ("integrations.litellm.chat/talking-*", False),
    ],
)
async def test_of_a_chat_only_what_the_user_said_last_is_a_prompt(live_of: Any, route: str, changes: bool) -> None:
    live, told = live_of(routes={route: ENFORCE})
    answer = await answered(live, CHAT)
    assert (answer != NONE) == changes
    assert [entry.route for entry in told] == ["integrations.litellm.chat"] * changes
    if changes:
        assert answer["texts"][0] == "a nurse"
        assert answer["texts"][1] != OPEN


async def test_of_a_repeated_text_the_last_one_is_the_prompt(live_of: Any) -> None:
    parts = [{"type": "text", "text": OPEN}, {"type": "image_url"}, {"type": "text", "text": CLOSED}, "odd", {"text": 7}]
    said = [{"role": "user", "content": OPEN}, {"role": "assistant", "content": "Here."}, {"role": "user", "content": parts}]
    live, _ = live_of(routes={"integrations.litellm.chat": ENFORCE})
    answer = await answered(live, {"texts": [OPEN, "Here.", OPEN, CLOSED], "structured_messages": said})
    assert (answer["texts"][:2], answer["texts"][3]) == ([OPEN, "Here."], CLOSED)
    assert answer["texts"][2] != OPEN


@pytest.mark.parametrize(
    ("believed", "data", "tenant", "outcome"),
    [
        (False, {"user_api_key_team_id": "studio"}, "", "rewritten"),
        (True, {"user_api_key_team_id": "studio"}, "studio", "shadow"),
        (True, {"user_api_key_team_id": "8f-1", "user_api_key_team_alias": "studio"}, "studio", "shadow"),
        (True, {"user_api_key_team_alias": "The Art Team"}, "The Art Team", "rewritten"),
        (True, {}, "", "rewritten"),
    ],
)
async def test_the_team_is_the_tenant_where_tenants_are_believed(
    live_of: Any, believed: bool, data: dict[str, str], tenant: str, outcome: str
) -> None:
    live, told = live_of(settings={"tenant_header": believed}, tenants={"studio": SHADOW})
    await answered(live, {**IMAGE, "request_data": data})
    assert [(entry.tenant, entry.decision.outcome) for entry in told] == [(tenant, outcome)]


async def test_a_header_of_litellms_own_names_the_tenant_first(live_of: Any) -> None:
    live, told = live_of(settings={"tenant_header": True})
    await answered(live, {**IMAGE, "request_data": {"user_api_key_team_id": "studio"}}, x_evenhand_tenant="press")
    assert told[0].tenant == "press"


async def test_wishes_of_the_client_come_in_the_headers_that_litellm_passes_on(live_of: Any) -> None:
    live, told = live_of()
    await answered(live, {**IMAGE, "request_headers": {"X-Evenhand": "off"}})
    await answered(live, {**IMAGE, "request_headers": {"x-evenhand": "[present]"}})
    seeded = [await answered(live, {**IMAGE, "request_headers": {"X-Evenhand-Seed": "7"}}) for _ in range(2)]
    assert [entry.decision.outcome for entry in told[:2]] == ["opted_out", "rewritten"]
    assert seeded[0] == seeded[1]
    await answered(live, {**IMAGE, "request_headers": {"x-evenhand-tenant": "theirs"}})
    assert told[-1].tenant == ""


async def test_a_picture_sent_along_weakens_the_mode(live_of: Any) -> None:
    live, told = live_of(input_images="enforce")
    edit = {**IMAGE, "request_headers": {"content-type": "multipart/form-data"}}
    assert (await answered(live, edit))["action"] == "GUARDRAIL_INTERVENED"
    assert told[0].decision.remarks == ("input_image",)
