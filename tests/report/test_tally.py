"""Intervals agree with published ones; counts stay bounded; percentiles are near the truth."""

import random

import pytest

from evenhand.report.tally import OTHER, Frequent, Tallies, Tally, Times, estimate, wilson


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (score, no continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part / whole, whole) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_ends_of_wilson() -> None:
    assert wilson(0.0, 0) == (0.0, 1.0)
    assert wilson(1.0, 5)[1] == 1.0
    assert wilson(0.0, 5)[0] == 0.0


def test_a_sampled_line_counts_for_many_but_tells_less() -> None:
    part, whole = Tally(), Tally()
    for number in range(100):
        whole.add(10.0)
        if number < 30:
            part.add(10.0)
    found = estimate(part, whole)
    assert (found.count, found.of, found.share) == (300.0, 1_000.0, 0.3)
    assert (found.low, found.high) == wilson(0.3, 100), "a hundred lines were seen, not a thousand"


def test_keys_are_bounded() -> None:
    found = Tallies(most=3)
    for number in range(10):
        found.add((f"key {number}", "x"), 1.0)
    assert sorted(found.by) == [(OTHER, OTHER), ("key 0", "x"), ("key 1", "x"), ("key 2", "x")]
    assert found.total().lines == 10


def test_the_frequent_survive_the_rare() -> None:
    found, rng = Frequent(most=100), random.Random(1)
    for number in range(20_000):
        found.add("plumber" if number % 4 == 0 else f"rare {rng.getrandbits(40)}", 1.0)
    assert found.largest(1)[0][0] == "plumber"
    assert len(found.counts) <= 100
    assert not found.is_exact


def test_percentiles_are_near_the_truth() -> None:
    times, rng = Times(), random.Random(2)
    values = sorted(rng.lognormvariate(0, 1) for _ in range(10_000))
    for value in values:
        times.add(value, 1.0)
    for share in (0.5, 0.9, 0.99):
        assert times.percentile(share) == pytest.approx(values[int(share * 10_000) - 1], rel=0.05)
    assert times.percentile(1.0) <= times.slowest_ms == values[-1]
    times.add(0.0, 1.0)
    times.add(-5.0, 1.0)
    times.add(1e30, 1.0)
