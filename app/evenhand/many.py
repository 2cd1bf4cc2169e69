"""A comparison of two rulesets over any number of prompts: spread over processes, merged in the order of the prompts.

Memory stays the same however many prompts come.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from evenhand.asked import Asked
from evenhand.comparing import Comparison, Part, compare
from evenhand.engine import Engine
from evenhand.processes import all_cores, spread
from evenhand.rules.ruleset import Ruleset

CHUNK, FEW = 250, 4
Chunk = list[Asked]
_engines: tuple[Engine, Engine] | None = None  # of this worker process; a pool's tasks can reach them no other way
_show = 0


def compare_many(
    asked: Iterable[Asked],
    old: Ruleset,
    new: Ruleset,
    *,
    show: int = 3,
    workers: int | None = None,
    tell: Callable[[int], None] | None = None,
) -> Comparison:
    """A few chunks are compared in this process. `tell` hears the number of prompts so far."""
    found = Comparison(old=old, new=new)
    chunks = _chunks(asked)
    head = list(islice(chunks, FEW))
    count = workers or all_cores()
    if count == 1 or len(head) < FEW:
        engines = Engine(old), Engine(new)
        parts: Iterator[Part] = (compare(chunk, *engines, show=show) for chunk in chain(head, chunks))
    else:
        stored = pickle.dumps((old, new), protocol=5)
        parts = spread(chain(head, chunks), _task, workers=count, prepare=_start, given=(stored, show))
    for part in parts:
        found.add(part, show=show)
        if tell:
            tell(found.prompts)
    return found


def _chunks(asked: Iterable[Asked]) -> Iterator[Chunk]:
    source = iter(asked)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _start(stored: bytes, show: int) -> None:
    global _engines, _show
    old, new = pickle.loads(stored)
    _engines, _show = (Engine(old), Engine(new)), show


def _task(chunk: Chunk) -> Part:
    assert _engines is not None
    return compare(chunk, *_engines, show=_show)
