import json
from dataclasses import replace
from typing import Any

import pytest

from evenhand.dialects.load import dialect_of, load_dialects
from evenhand.dialects.spec import Operation
from evenhand.errors import BodyError
from evenhand.proxy.errand import LARGE_BYTES, Asked, Errand, bypassed, errand_of
from evenhand.proxy.live import serving_of
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.wishes import Wishes
from evenhand.rules import Ruleset
from evenhand.rules.schema import PolicyFile
from evenhand.settings import load_settings

JSON = [(b"content-type", b"application/json")]


OPERATION = next(
    operation for dialect in load_dialects() for operation in dialect.operations if operation.id == "openai.images.generations"
)


def asked_of(body: bytes, operation: Operation = OPERATION, **more: Any) -> Asked:
    return Asked(**{"body": body, "pairs": JSON, "operation": operation, "path": {}, "wishes": Wishes(seed=3), **more})


async def run(rules: Ruleset, body: bytes, *, asked: dict[str, Any] | None = None, **policy: Any) -> Errand:
    rules = replace(rules, policy=PolicyFile.model_validate(rules.policy.model_dump() | policy))
    settings = load_settings()
    return await errand_of(asked_of(body, **(asked or {})), serving_of(rules, load_dialects(), settings), settings)


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
    sent = [json.loads(bytes(body)) for body in errand.bodies]
    assert [each["prompt"] for each in sent] == list(errand.revised)
    assert [each["n"] for each in sent] == [1] * 4


async def test_equal_variants_are_one_request(small_rules: Ruleset) -> None:
    axes = {"gender": {"woman": 100, "man": 0}, "ethnicity": {"Black": 100}}
    errand = await run(small_rules, b'{"prompt":"a doctor","n":4}', axes=axes)
    (body,) = errand.bodies
    assert json.loads(bytes(body)) == {"prompt": errand.revised[0], "n": 4}


async def test_opt_out_reads_nothing(small_rules: Ruleset) -> None:
    errand = await run(small_rules, b"\xff not json", asked={"wishes": Wishes(off=True)})
    assert (errand.bodies, errand.decisions[0].outcome) == ((b"\xff not json",), "opted_out")


async def test_the_prompt_limit_comes_from_the_policy(small_rules: Ruleset) -> None:
    with pytest.raises(BodyError, match="has 32,001 characters; at most 32,000"):
        await run(small_rules, b'{"prompt":"' + b"a" * 32_001 + b'"}')


async def test_a_large_body_is_read_all_the_same(small_rules: Ruleset) -> None:
    body = json.dumps({"x": "y" * LARGE_BYTES, "prompt": "a doctor"}).encode()
    assert (await run(small_rules, body)).changes_body


def test_a_fault_bypasses_or_rejects(small_rules: Ruleset) -> None:
    serving = serving_of(small_rules, load_dialects(), load_settings())
    errand = bypassed(asked_of(b"original"), serving)
    assert (errand.bodies, errand.decisions[0].outcome, errand.changes_body) == ((b"original",), "bypass", False)
    strict = replace(small_rules, policy=small_rules.policy.model_copy(update={"on_error": "reject"}))
    with pytest.raises(Refusal, match="could not be checked"):
        bypassed(asked_of(b"original"), serving_of(strict, load_dialects(), load_settings()))


MADE_UP = """
dialect: made-up
title: Made up
operations:
  - id: made-up.draw
    path: /draw
    when: [{at: /wants, equals: [image]}]
    prompts: [/prompt]
    seed: /seed
    count: {at: [/n]}
    input_image: [/image]
    signed: aws
    rewriters: [{at: /enhance, on: [true], off: false, default: "off"}]
    answer: {items: /data}
"""
DRAW = dialect_of(MADE_UP.encode(), "made-up.yaml").operations[0]
SIGNED = [*JSON, (b"authorization", b"AWS4-HMAC-SHA256 Credential=x")]


@pytest.mark.parametrize(
    ("more", "asked", "policy", "outcome", "remarks"),
    [
        ({}, {}, {}, "rewritten", ()),
        ({"image": "QQ=="}, {}, {}, "shadow", ("input_image",)),
        ({"image": None}, {}, {}, "rewritten", ()),
        ({"image": "QQ=="}, {}, {"input_images": "enforce"}, "rewritten", ("input_image",)),
        ({"image": "QQ=="}, {}, {"input_images": "off"}, "opted_out", ("input_image",)),
        ({}, {"pairs": SIGNED}, {}, "shadow", ("signed",)),
        ({}, {"pairs": SIGNED, "can_sign": True}, {}, "rewritten", ()),
        ({"enhance": True}, {}, {}, "rewritten", ("upstream_rewriter_on",)),
        ({"enhance": True}, {}, {"upstream_rewriters": "off"}, "rewritten", ("upstream_rewriter_off",)),
        ({"enhance": True}, {}, {"upstream_rewriters": "off", "mode": "shadow"}, "shadow", ("upstream_rewriter_on",)),
        ({}, {}, {"routes": {"made-up.*": {"mode": "shadow"}}}, "shadow", ()),
        ({}, {}, {"routes": {"other": {"mode": "shadow"}}}, "rewritten", ()),
        ({}, {"wishes": Wishes(tenant="t")}, {"tenants": {"t": {"mode": "shadow"}}}, "shadow", ()),
        ({}, {"wishes": Wishes(off=True)}, {"routes": {"*": {"opt_out": False}}}, "rewritten", ()),
    ],
)
async def test_modes_by_request(
    small_rules: Ruleset,
    more: dict[str, Any],
    asked: dict[str, Any],
    policy: dict[str, Any],
    outcome: str,
    remarks: tuple[str, ...],
) -> None:
    body = json.dumps({"wants": "image", "prompt": "a doctor", **more}).encode()
    errand = await run(small_rules, body, asked={"operation": DRAW, **asked}, **policy)
    assert [(each.outcome, each.remarks) for each in errand.decisions] == [(outcome, remarks)]
    assert (errand.bodies == (body,)) is (outcome != "rewritten")
    if "upstream_rewriter_off" in remarks:
        assert json.loads(bytes(errand.bodies[0]))["enhance"] is False


async def test_a_request_for_no_image_is_left_alone(small_rules: Ruleset) -> None:
    errand = await run(small_rules, b'{"wants":"text","prompt":"a doctor"}', asked={"operation": DRAW})
    assert (errand.bodies, errand.decisions) == ((b'{"wants":"text","prompt":"a doctor"}',), ())


async def test_a_fixed_seed_repeats_the_draw_and_rises_from_part_to_part(small_rules: Ruleset) -> None:
    body = b'{"wants":"image","prompt":"a doctor","n":3,"seed":40}'
    first, second = [await run(small_rules, body, asked={"operation": DRAW, "wishes": Wishes()}) for _ in range(2)]
    drawn = [[draw.values for image in errand.decisions[0].draws for draw in image] for errand in (first, second)]
    assert len(drawn[0]) == 6
    assert [json.loads(bytes(each))["seed"] for each in first.bodies] == [40, 41, 42]


async def test_originals_stand_by_for_a_refusal(small_rules: Ruleset) -> None:
    body = b'{"prompt":"a doctor","n":2}'
    errand = await run(small_rules, body, on_refusal="original")
    assert errand.originals == (b'{"prompt":"a doctor","n":1}', b'{"prompt":"a doctor","n":1}')
    alone = await run(small_rules, b'{"prompt":"a doctor"}', on_refusal="original")
    assert alone.originals == (b'{"prompt":"a doctor"}',)
    assert (await run(small_rules, body)).originals == ()
