"""Spread over processes: results in the order of the chunks, input taken only as it is worked on, a death told in a sentence."""

import operator
import os
from collections.abc import Iterator

import pytest

from evenhand.errors import EvenhandError
from evenhand.processes import FLIGHT, all_cores, spread


def test_results_come_in_the_order_of_the_chunks() -> None:
    assert list(spread(range(60), operator.neg, workers=3, prepare=str, given=())) == [-number for number in range(60)]


def test_no_more_is_taken_than_is_under_way() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(40):
            taken.append(number)
            yield number

    ahead = [len(taken) - done for done, _ in enumerate(spread(source(), operator.neg, workers=2, prepare=str, given=()))]
    assert max(ahead) <= 2 * FLIGHT + 1


def test_what_a_task_raises_is_raised_here() -> None:
    with pytest.raises(TypeError):
        list(spread(["a"], operator.neg, workers=1, prepare=str, given=()))


def test_a_worker_that_dies_is_told_in_a_sentence() -> None:
    with pytest.raises(EvenhandError, match="a worker died, often for want of memory"):
        list(spread([3], os._exit, workers=1, prepare=str, given=()))


def test_every_core_is_one_or_more() -> None:
    assert 1 <= all_cores() <= (os.cpu_count() or 1)
