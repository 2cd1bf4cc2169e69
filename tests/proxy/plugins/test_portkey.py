"""Portkey's context in, its request back out: every byte but the prompt's as it was, and never a verdict but true."""

import json
from dataclasses import replace
from typing import Any

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.proxy.call import Call
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.plugins.portkey import DIALECT, hooked
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.ledger import Entry, Ledger
from evenhand.rules import Ruleset
from evenhand.settings import load_settings


def with_policy(rules: Ruleset, **changes: Any) -> Ruleset:
    return replace(rules, policy=rules.policy.model_copy(update=changes))


OPERATIONS = [each for dialect in load_dialects() if dialect.id == DIALECT for each in dialect.operations]
TOLD: list[Entry] = []


@pytest.fixture
def live(small_rules: Ruleset) -> Live:
    return made(small_rules)


def made(rules: Ruleset) -> Live:
    TOLD.clear()
    settings = load_settings()
    return Live(settings, serving_of(rules, [], settings), Ledger([TOLD.append]))


async def answer(live: Live, kind: str, request: bytes, *, event: str = "beforeRequestHook") -> bytes:
    context = b'{"request":{"json":%s,"text":"a"},"requestType":"%s","eventType":"%s"}' % (request, kind.encode(), event.encode())
    call = Call(method="POST", path=b"/", query=b"", pairs=[(b"x-evenhand-seed", b"7")], request_id="r-1", began=0)
    return bytes((await hooked(context, call, live, OPERATIONS)).body)


async def test_only_the_bytes_of_the_prompt_change(live: Live) -> None:
    asked = b'{ "z": 1.50,"prompt" :"a doctor", "n":3,"seed":12345678901234567890,"a":1e400, "a":2}'
    found = await answer(live, "imageGenerate", asked)
    (entry,) = TOLD
    changed = asked.replace(b"a doctor", entry.decision.texts[0].encode())
    assert found.endswith(b',"transformedData":{"request":{"json":%s}}}' % changed)
    assert (entry.route, entry.request_id, entry.decision.outcome) == ("integrations.portkey", "r-1", "rewritten")
    assert json.loads(found)["data"]["decisions"] == [{"id": entry.decision.id, "outcome": "rewritten"}]


CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "a doctor"}]}


@pytest.mark.parametrize(
    ("kind", "request_json", "changes"),
    [
        ("chatComplete", {**CHAT, "modalities": ["image"]}, True),
        ("chatComplete", CHAT, False),
        ("createModelResponse", {"input": "a doctor", "tools": [{"type": "image_generation"}]}, True),
        ("createModelResponse", {"input": "a doctor"}, False),
        ("imageGenerate", {"prompt": "a tree"}, False),
        ("imageEdit", {"prompt": "a doctor", "image": "data:"}, False),
        ("complete", {"prompt": "a doctor"}, False),
        ("embed", {"input": "a doctor"}, False),
        ("imageGenerate", None, False),
        ("imageGenerate", {}, False),
        ("imageGenerate", {"prompt": ["a doctor"]}, False),
        ("", {"prompt": "a doctor"}, False),
    ],
)
async def test_requests_for_images_change_and_others_do_not(live: Live, kind: str, request_json: Any, changes: bool) -> None:
    told = json.loads(await answer(live, kind, json.dumps(request_json).encode()))
    assert told["verdict"] is True
    assert ("transformedData" in told) == changes


async def test_what_cannot_be_read_in_one_way_stays_and_says_why(live: Live) -> None:
    told = json.loads(await answer(live, "imageGenerate", b'{"prompt":"a doctor","prompt":"a nurse"}'))
    assert (told["verdict"], "transformedData" in told) == (True, False)
    assert "occurs twice" in told["data"]["explanation"]


async def test_answers_are_left_alone(live: Live) -> None:
    told = json.loads(await answer(live, "imageGenerate", b'{"prompt":"a doctor"}', event="afterRequestHook"))
    assert told == {"verdict": True, "data": {"decisions": []}}


@pytest.mark.parametrize(("mode", "outcome"), [("shadow", "shadow"), ("off", "opted_out")])
async def test_modes(small_rules: Ruleset, mode: str, outcome: str) -> None:
    told = json.loads(await answer(made(with_policy(small_rules, mode=mode)), "imageGenerate", b'{"prompt":"a doctor"}'))
    assert "transformedData" not in told
    assert [entry.decision.outcome for entry in TOLD] == [outcome]


async def test_a_context_that_is_no_json_is_refused(live: Live) -> None:
    with pytest.raises(Refusal) as caught:
        await answer(live, "imageGenerate", b"{")
    assert caught.value.status == 400
