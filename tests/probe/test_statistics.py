"""Intervals and tests against published figures, against counting by hand, and against each other."""

from itertools import combinations

import pytest

from evenhand.probe.statistics import Stratum, detectable, difference, exact, rate, swapped, tail


def test_a_rate_and_its_interval() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 857), method 3: 81 of 263.
    found = rate(81, 263)
    assert (round(found.share, 4), round(found.low, 4), round(found.high, 4)) == (0.3080, 0.2553, 0.3662)
    assert (rate(0, 0).low, rate(0, 0).high) == (0.0, 1.0)


# Newcombe 1998 (Statistics in Medicine 17, 873), table II, method 10.
NEWCOMBE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (10, 10, 0, 20, 0.6791, 1.0),
    (0, 10, 0, 20, -0.1611, 0.2775),
]


@pytest.mark.parametrize(("one", "of", "other", "others", "low", "high"), NEWCOMBE)
def test_a_difference_and_its_interval(one: int, of: int, other: int, others: int, low: float, high: float) -> None:
    found, below, above = difference(rate(one, of), rate(other, others))
    assert found == pytest.approx(one / of - other / others)
    assert (round(below, 4), round(above, 4)) == (low, high)


# Fisher's exact test, two-sided, as scipy.stats.fisher_exact gives it.
FISHER = [
    ((8, 48, 8, 8), 7.0401e-10),
    ((4, 4, 3, 4), 0.485714),
    ((9, 20, 2, 9), 0.674904),
    ((5, 5, 0, 0), 1.0),
    ((5, 5, 5, 10), 1.0),
]


@pytest.mark.parametrize(("stratum", "p"), FISHER)
def test_one_sentence_is_fishers_test(stratum: Stratum, p: float) -> None:
    assert exact([stratum]) == pytest.approx(p, rel=1e-4)


def test_several_sentences_are_dealt_out_apart() -> None:
    """Every way to deal the events out within two sentences of five prompts, two of them the group's, counted one by one."""
    ways = [
        sum(card < 2 for card in one) + sum(card < 2 for card in other)
        for one in combinations(range(5), 2)
        for other in combinations(range(5), 1)
    ]
    chances = {count: ways.count(count) / len(ways) for count in range(5)}
    seen = chances[3]
    wanted = sum(chance for chance in chances.values() if chance <= seen + 1e-12)
    assert exact([(2, 3, 2, 2), (2, 3, 1, 1)]) == pytest.approx(wanted)


def test_a_sentence_refused_for_everybody_counts_for_nobody() -> None:
    alone = exact([(1, 6, 1, 1)])
    assert exact([(1, 6, 1, 1), (1, 6, 1, 7), (1, 6, 0, 0)]) == pytest.approx(alone)


def test_what_could_have_been_found() -> None:
    strict, loose = (detectable(8, 48, 0, alpha=alpha) for alpha in (0.001, 0.05))
    assert strict is not None
    assert loose is not None
    assert 0 < loose < strict < 1
    more = detectable(80, 480, 0, alpha=0.001)
    assert more is not None
    assert more < strict / 4
    assert detectable(1, 2, 0, alpha=0.05) is None, "one prompt a group proves nothing"


def test_swapping_single_prompts_is_dealing_them() -> None:
    one = tail([swapped(1, [0, 0, 1], 1), swapped(1, [0, 0, 0], 1)], 2)
    assert one == pytest.approx(exact([(1, 3, 1, 2), (1, 3, 1, 1)]))


def test_repeats_stay_together() -> None:
    assert swapped(10, [0, 0, 0], 10) == (0.75, *[0.0] * 9, 0.25)
