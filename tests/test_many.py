"""Spread over processes, a comparison finds what one process finds, and takes prompts only as fast as they are compared."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from evenhand.asked import Asked, Skipped
from evenhand.contrast import comparison_data
from evenhand.flow import Prompt
from evenhand.many import CHUNK, compare_many
from evenhand.processes import FLIGHT
from evenhand.rules import Ruleset


@pytest.fixture(scope="module")
def men_only(small_rules: Ruleset) -> Ruleset:
    axes = {**small_rules.policy.axes, "gender": {"woman": 0, "man": 100}}
    return replace(small_rules, policy=small_rules.policy.model_copy(update={"axes": axes}))


def prompts(number: int) -> Iterator[Asked]:
    return (Asked(prompt=Prompt(text="a doctor" if n % 3 else f"a lake {n}", seed=n)) for n in range(number))


def test_processes_find_what_one_finds(small_rules: Ruleset, men_only: Ruleset) -> None:
    one, two = (
        comparison_data(compare_many(prompts(CHUNK * 4 + 7), small_rules, men_only, workers=workers), Skipped())
        for workers in (1, 2)
    )
    assert one == two
    assert one["prompts"] == CHUNK * 4 + 7
    assert 0 < one["changed"] < one["prompts"]


def test_prompts_are_taken_as_they_are_compared(small_rules: Ruleset) -> None:
    taken: list[int] = []
    ahead: list[int] = []

    def source() -> Iterator[Asked]:
        for number, each in enumerate(prompts(CHUNK * 9)):
            taken.append(number)
            yield each

    compare_many(source(), small_rules, small_rules, workers=2, tell=lambda done: ahead.append(len(taken) - done))
    assert len(ahead) == 9
    assert max(ahead) <= 2 * FLIGHT * CHUNK


def test_nothing_asked_is_nothing_found(small_rules: Ruleset) -> None:
    found = compare_many([], small_rules, small_rules)
    assert (found.prompts, found.changed) == (0, 0)
