import json
from dataclasses import replace
from typing import Any

import pytest

from evenhand.dialects.spec import load_dialects
from evenhand.errors import BodyError
from evenhand.proxy.errand import LARGE_BYTES, Errand, bypassed, errand_of
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.meters import Meters
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.wishes import Wishes
from evenhand.rules import Ruleset
from evenhand.settings import load_settings

JSON = [(b"content-type", b"application/json")]


async def run(rules: Ruleset, body: bytes, *, wishes: Wishes | None = None, **policy: Any) -> Errand:
    rules = replace(rules, policy=rules.policy.model_copy(update=policy))
    settings = load_settings()
    live = Live(settings=settings, serving=serving_of(rules, load_dialects(), settings))
    return await errand_of(body, JSON, live.serving.operations[0], live, wishes or Wishes(seed=3), Meters())


@pytest.mark.parametrize(
    ("body", "policy", "bodies", "revised"),
    [
        (b'{"prompt":"a doctor"}', {}, 1, 1),
        (b'{"prompt":"a doctor","n":3}', {}, 3, 3),
        (b'{"prompt":"a doctor","n":3}', {"images": "shared"}, 1, 1),
        (b'{"prompt":"a doctor","n":3,"stream":true}', {}, 1, 0),
        (b'{"prompt":"a doctor"}', {"revised_prompt": False}, 1, 0),
        (b'{"prompt":"a tree","n":3}', {}, 1, 0),
        (b'{"prompt":"a doctor","n":3}', {"mode": "shadow"}, 1, 0),
        (b"anything", {"mode": "off"}, 1, 0),
        (b'{"prompt":""}', {}, 1, 0),
    ],
)
async def test_bodies_and_revised_prompts(
    small_rules: Ruleset, body: bytes, policy: dict[str, Any], bodies: int, revised: int
) -> None:
    errand = await run(small_rules, body, **policy)
    assert (len(errand.bodies), len(errand.revised)) == (bodies, revised)
    assert (errand.bodies[0] == body) is not errand.changes_body


async def test_parts_ask_for_one_image_each_with_its_own_text(small_rules: Ruleset) -> None:
    errand = await run(small_rules, b'{"prompt":"a doctor","n":4}')
    sent = [json.loads(body) for body in errand.bodies]
    assert [each["prompt"] for each in sent] == list(errand.revised)
    assert [each["n"] for each in sent] == [1] * 4


async def test_equal_variants_are_one_request(small_rules: Ruleset) -> None:
    axes = {"gender": {"woman": 100, "man": 0}, "ethnicity": {"Black": 100}}
    errand = await run(small_rules, b'{"prompt":"a doctor","n":4}', axes=axes)
    (body,) = errand.bodies
    assert json.loads(body) == {"prompt": errand.revised[0], "n": 4}


async def test_opt_out_reads_nothing(small_rules: Ruleset) -> None:
    errand = await run(small_rules, b"\xff not json", wishes=Wishes(off=True))
    assert (errand.bodies, errand.decisions[0].outcome) == ((b"\xff not json",), "opted_out")


async def test_the_prompt_limit_comes_from_the_policy(small_rules: Ruleset) -> None:
    with pytest.raises(BodyError, match="has 32,001 characters; at most 32,000"):
        await run(small_rules, b'{"prompt":"' + b"a" * 32_001 + b'"}')


async def test_a_large_body_is_read_all_the_same(small_rules: Ruleset) -> None:
    body = json.dumps({"x": "y" * LARGE_BYTES, "prompt": "a doctor"}).encode()
    assert (await run(small_rules, body)).changes_body


def test_a_fault_bypasses_or_rejects(small_rules: Ruleset) -> None:
    serving = serving_of(small_rules, load_dialects(), load_settings())
    errand = bypassed(b"original", serving.operations[0], serving, Meters())
    assert (errand.bodies, errand.decisions[0].outcome, errand.changes_body) == ((b"original",), "bypass", False)
    strict = replace(small_rules, policy=small_rules.policy.model_copy(update={"on_error": "reject"}))
    with pytest.raises(Refusal, match="could not be checked"):
        bypassed(b"original", serving.operations[0], replace(serving, rules=strict), Meters())
