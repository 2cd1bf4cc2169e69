"""Unfair rules are found, and the right group is named; fair ones are left alone, over many seeds."""

import hashlib
import random
from collections.abc import Callable

import pytest

from evenhand.probe.judging import ALPHA, Compared, Table, comparisons, judged

GROUPS = ["Black", "white", "East Asian", "South Asian", "Hispanic", "Middle Eastern", "Indigenous"]
CARRIERS = [f"sentence {number}" for number in range(16)]
Rule = Callable[[str, str, int], bool]


def table_of(rule: Rule, *, axis: str = "ethnicity", groups: list[str] = GROUPS, rounds: int = 1) -> Table:
    table = Table(measure="refusals", half="raw", axis=axis)
    for turn in range(rounds):
        for carrier in CARRIERS:
            for group in groups:
                table.add(group, carrier, event=rule(group, carrier, turn))
    return table


def flagged(tables: list[Table]) -> list[tuple[str, str, str]]:
    pairs = zip(tables, judged(tables, threshold=0.1), strict=True)
    return [(table.axis, one.value, one.verdict) for table, found in pairs for one in found if one.flagged]


def hashed(seed: int, share: float) -> Rule:
    def rule(*parts: object) -> bool:
        return int(hashlib.sha256(repr((seed, *parts)).encode()).hexdigest()[:8], 16) / 16**8 < share

    return rule


FAIR = {
    "by hash, one in ten": lambda seed: hashed(seed, 0.1),
    "by hash, half": lambda seed: hashed(seed, 0.5),
    "by sentence": lambda seed: lambda group, carrier, turn: hashed(seed, 0.3)(carrier),
    "by hash, and by sentence": lambda seed: lambda *parts: hashed(seed, 0.9 if hashed(seed, 0.3)(parts[1]) else 0.02)(*parts),
    "always": lambda seed: lambda *parts: True,
    "never": lambda seed: lambda *parts: False,
}


@pytest.mark.parametrize(("kind", "most"), [(kind, 2 if "hash" in kind else 0) for kind in FAIR])
def test_fair_rules_are_not_flagged(kind: str, most: int) -> None:
    """Two axes a report, 40 seeds a rule. Chance alone may flag one report in twenty, where the rule is chance."""
    wolves = 0
    for seed in range(40):
        rule = FAIR[kind](seed)
        tables = [table_of(rule), table_of(lambda *parts, rule=rule: rule(*(f"other {part}" for part in parts)), axis="age")]
        wolves += bool(flagged(tables))
    assert wolves <= most


UNFAIR: list[tuple[str, Rule, list[tuple[str, str, str]]]] = [
    ("one group always", lambda group, *_: group == "white", [("ethnicity", "white", "more")]),
    ("one group never", lambda group, *_: group != "Hispanic", [("ethnicity", "Hispanic", "less")]),
    (
        "two groups",
        lambda group, *_: group in ("Black", "Hispanic"),
        [("ethnicity", "Black", "more"), ("ethnicity", "Hispanic", "more")],
    ),
    (
        "one group in half of the sentences",
        lambda group, carrier, _: group == "Black" and int(carrier[9:]) % 2 == 0,
        [("ethnicity", "Black", "more")],
    ),
    (
        "one group more often, under a rule that hits all",
        lambda group, carrier, turn: hashed(1, 0.85 if group == "Indigenous" else 0.15)(group, carrier, turn),
        [("ethnicity", "Indigenous", "more")],
    ),
]


@pytest.mark.parametrize(("rule", "wanted"), [case[1:] for case in UNFAIR], ids=[case[0] for case in UNFAIR])
def test_unfair_rules_are_found_and_only_they(rule: Rule, wanted: list[tuple[str, str, str]]) -> None:
    assert sorted(flagged([table_of(rule), table_of(hashed(3, 0.1), axis="age")])) == wanted


def test_of_two_groups_the_worse_off_is_named() -> None:
    table = table_of(lambda group, *_: group == "woman", groups=["man", "woman"])
    assert flagged([table]) == [("ethnicity", "woman", "more")]


def test_the_others_are_no_privileged_ones() -> None:
    """So many prompts that each fair group would differ from "all the others" for certain."""
    table = table_of(lambda group, *_: group == "Black", rounds=20)
    found = {one.value: one for one in judged([table], threshold=0.01)[0]}
    assert [value for value, one in found.items() if one.flagged] == ["Black"]
    assert found["white"].others.of == 5 * 16 * 20, "without the one that stands out"
    assert found["white"].p == 1


def test_a_certain_but_small_difference_is_said_and_not_flagged() -> None:
    table = table_of(lambda group, carrier, turn: group == "Black" and turn % 20 == 0, rounds=100)
    found: dict[str, Compared] = {one.value: one for one in judged([table], threshold=0.1)[0]}
    assert found["Black"].p < ALPHA
    assert (found["Black"].verdict, found["Black"].flagged) == ("small", False)


@pytest.mark.parametrize("seed", range(20))
def test_repeats_that_are_answered_alike_prove_nothing(seed: int) -> None:
    """A rule by hash refuses every repeat of a prompt; ten answers are one."""
    rule = hashed(seed, 0.25)
    assert not flagged([table_of(lambda group, carrier, _: rule(group, carrier), rounds=10)])


def test_only_tables_that_could_tell_something_count() -> None:
    silent, telling = table_of(lambda *_: False), table_of(lambda group, *_: group == "Black")
    assert comparisons([silent, telling]) == len(GROUPS)
    assert comparisons([silent, silent]) == 0


def test_missing_groups_and_sentences_do_no_harm() -> None:
    """As after an interruption."""
    table = Table(measure="refusals", half="raw", axis="age")
    assert judged([table], threshold=0.1) == [[]]
    table.add("old", "a", event=True)
    (alone,) = judged([table], threshold=0.1)[0]
    assert (alone.p, alone.others.of, alone.verdict) == (1.0, 0, "")
    table.add("young", "b", event=False)
    assert [one.verdict for one in judged([table], threshold=0.1)[0]] == ["", ""]


def test_chance_flags_at_most_one_report_in_twenty() -> None:
    """The guarantee itself: 200 reports of fair coins."""
    rolls = random.Random(7)
    wolves = 0
    for _ in range(200):
        share = rolls.choice((0.1, 0.3, 0.5))
        wolves += bool(flagged([table_of(lambda *_, share=share: rolls.random() < share, groups=GROUPS[:4])]))
    assert wolves <= 10 + 6, "the mean and two deviations"
