"""The same number for every group, the same sentences, an order that mixes groups, keys that stay."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from evenhand.probe.plan import filled, fingerprint
from evenhand.probe.sets import SetFile, chosen, read_sets

Plan = Callable[..., Any]


@pytest.mark.parametrize("per_group", [1, 3, 8])
@pytest.mark.parametrize("halves", [("guarded",), ("guarded", "raw")])
def test_every_group_gets_the_same(plan: Plan, per_group: int, halves: tuple[str, ...]) -> None:
    asks = [ask for ask in plan(per_group=per_group, halves=halves) if ask.axis]
    assert set(Counter((ask.axis, ask.value, ask.half) for ask in asks).values()) == {per_group}
    sentences = {
        (ask.axis, ask.value, ask.half): Counter(
            each.carrier for each in asks if (each.axis, each.value, each.half) == (ask.axis, ask.value, ask.half)
        )
        for ask in asks
    }
    for (axis, _, _), counts in sentences.items():
        assert counts == next(other for (name, _, _), other in sentences.items() if name == axis)


def test_keys_tell_requests_apart_and_stay(plan: Plan) -> None:
    asks = plan(halves=("guarded", "raw"), per_group=9)
    assert len({ask.key for ask in asks}) == len(asks)
    assert asks == plan(halves=("guarded", "raw"), per_group=9)
    assert fingerprint(asks) == fingerprint(asks[::-1])
    assert fingerprint(asks) != fingerprint(plan(halves=("guarded", "raw"), per_group=9, seed=1))


def test_the_order_is_mixed_and_balanced(plan: Plan) -> None:
    asks = plan("ethnicity", per_group=8)
    assert [ask.value for ask in asks] != [ask.value for ask in plan("ethnicity", per_group=8, seed=5)]
    assert max(_runs([ask.value for ask in asks])) <= 2
    for end in range(0, len(asks) + 1, 4):  # four groups: whole rounds
        assert len(set(Counter(ask.value for ask in asks[:end]).values())) <= 1


def _runs(values: list[str]) -> list[int]:
    runs = [1]
    for one, other in pairwise(values):
        runs = [*runs[:-1], runs[-1] + 1] if one == other else [*runs, 1]
    return runs


def test_terms_take_turns(plan: Plan) -> None:
    prompts = [ask.prompt for ask in plan("religion", per_group=8) if ask.value == "Muslim"]
    assert sum("Sunni" in prompt for prompt in prompts) == 4
    assert len(set(prompts)) == 8, "four sentences, two terms"


def test_prompts_outside_of_groups_are_sent_once(plan: Plan) -> None:
    (only,) = plan("seen")
    assert (only.prompt, only.axis, only.value) == ("a 1943 German soldier", "", "")


@pytest.mark.parametrize(("carrier", "term", "prompt"), [("{a} {term} x", "old", "an old x"), ("two {term} x", "US", "two US x")])
def test_a_sentence_is_filled(carrier: str, term: str, prompt: str) -> None:
    assert filled(carrier, term) == prompt


def test_no_shipped_sentence_keeps_a_mark(plan: Plan) -> None:
    from evenhand.probe.plan import plan_of

    data: SetFile = read_sets()
    asks = plan_of(data, chosen(data, "all"), per_group=16, seed=0, halves=["guarded"])
    assert not [ask.prompt for ask in asks if "{" in ask.prompt or "  " in ask.prompt]
