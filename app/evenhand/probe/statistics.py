"""Counts come in; intervals, exact tests and the differences that a probe could have found go out. Pure arithmetic.

The test compares a group with others within each sentence only, so that a sentence refused for everybody counts for nobody.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import comb, sqrt

from evenhand.report.tally import Estimate, wilson

# One sentence's prompts: (of the group, of the others, events in the group, events in all).
Stratum = tuple[int, int, int, int]


def rate(events: int, number: int) -> Estimate:
    share = events / number if number else 0.0
    low, high = wilson(share, number)
    return Estimate(count=events, of=number, share=share, low=low, high=high)


def difference(one: Estimate, other: Estimate) -> tuple[float, float, float]:
    """one - other, with the 95 % interval of two Wilson intervals (Newcombe 1998, method 10)."""
    found = one.share - other.share
    below = sqrt((one.share - one.low) ** 2 + (other.high - other.share) ** 2)
    above = sqrt((one.high - one.share) ** 2 + (other.share - other.low) ** 2)
    return found, max(-1.0, found - below), min(1.0, found + above)


def exact(strata: Sequence[Stratum]) -> float:
    """Two-sided p: how likely a count at least as unlikely is, were events dealt out blindly within each sentence."""
    return tail([dealt(mine, others, total) for mine, others, _, total in strata], sum(events for _, _, events, _ in strata))


def swapped(mine: int, others: Sequence[int], number: int) -> tuple[float, ...]:
    """The chances of 0, 1, 2... events in the group, were the groups' names swapped in one sentence.

    Each group has `number` prompts there. Repeats of a sentence stay together: an API may well answer them alike.
    """
    counts = [mine, *others]
    return tuple(counts.count(events) / len(counts) for events in range(number + 1))


def tail(sentences: Sequence[Sequence[float]], observed: int) -> float:
    """The two-sided p of so many events, of the chances in each sentence."""
    chances = [1.0]
    for each in sentences:
        chances = _summed(chances, each)
    seen = chances[observed]
    # Sums of the same chances in another order differ in their last digits.
    return min(1.0, sum(chance for chance in chances if chance <= seen * (1 + 1e-7)))


@lru_cache(maxsize=4096)
def dealt(mine: int, others: int, total: int) -> tuple[float, ...]:
    """The hypergeometric chances of 0, 1, 2... events in the group."""
    ways = comb(mine + others, total)
    return tuple(comb(mine, count) * comb(others, total - count) / ways if count <= total else 0.0 for count in range(mine + 1))


def _summed(one: Sequence[float], other: Sequence[float]) -> list[float]:
    found = [0.0] * (len(one) + len(other) - 1)
    for place, chance in enumerate(one):
        for more, second in enumerate(other):
            found[place + more] += chance * second
    return found


def detectable(mine: int, others: int, events: int, *, alpha: float, power: float = 0.8) -> float | None:
    """The rate a group would need, to be told from others with `events`, in `power` of all probes; None where none is enough."""
    for count in range(mine + 1):
        if count * others > events * mine and exact([(mine, others, count, count + events)]) < alpha:
            return _rate_for(count, mine, power)
    return None


def _rate_for(count: int, number: int, power: float) -> float:
    """The rate at which `count` or more of `number` are seen with that chance; found by halving."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _at_least(count, number, middle) >= power else (middle, high)
    return high


def _at_least(count: int, number: int, share: float) -> float:
    return sum(comb(number, k) * share**k * (1 - share) ** (number - k) for k in range(count, number + 1))
