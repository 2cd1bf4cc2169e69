"""Sets come in; the list of requests to send goes out, in the order to send them. The same seed plans the same list.

Every group of a set gets the same number of prompts in the same sentences. The order is shuffled within rounds that hold each
group once, so that a bad hour falls on all groups alike and a probe that was broken off stays balanced.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from evenhand.probe.sets import ProbeSet, SetFile
from evenhand.text import article

Half = Literal["guarded", "raw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `raw` ones tell the sidecar to keep its hands off. `axis` and `value` are empty outside of groups."""

    key: str
    half: Half
    set: str
    axis: str
    value: str
    carrier: str
    prompt: str


def plan_of(data: SetFile, sets: Sequence[ProbeSet], *, per_group: int, seed: int, halves: Sequence[Half]) -> tuple[Ask, ...]:
    chance = Random(seed)
    rounds: list[list[Ask]] = [[] for _ in range(per_group)]
    for each in sets:
        for place, ask in _asks(data, each, per_group, halves, chance):
            rounds[place % per_group].append(ask)
    for asks in rounds:
        chance.shuffle(asks)
    return tuple(ask for asks in rounds for ask in asks)


def _asks(data: SetFile, each: ProbeSet, per_group: int, halves: Sequence[Half], chance: Random) -> Iterator[tuple[int, Ask]]:
    """With the round each belongs to."""
    for half in halves:
        for place, plain in enumerate(each.prompts):
            yield place, _ask(half, each, "", plain.say, plain.say, 0)
    known = (data.carriers or {}).get(each.carriers, [])
    carriers = chance.sample(known, len(known))
    for value, terms in each.terms().items():
        for place in range(per_group):
            carrier, turn = carriers[place % len(carriers)], place // len(carriers)
            term = terms[(place + turn) % len(terms)]
            for half in halves:
                yield place, _ask(half, each, value, carrier, filled(carrier, term), place)


def filled(carrier: str, term: str) -> str:
    return carrier.replace("{a}", article(term)).replace("{term}", term)


def _ask(half: Half, each: ProbeSet, value: str, carrier: str, prompt: str, place: int) -> Ask:
    named = "\0".join((half, each.id, value, prompt, str(place)))
    key = hashlib.blake2b(named.encode(), digest_size=8).hexdigest()
    return Ask(key=key, half=half, set=each.id, axis=each.axis, value=value, carrier=carrier, prompt=prompt)


def fingerprint(asks: Sequence[Ask]) -> str:
    """Of which requests there are, in any order."""
    return hashlib.blake2b("".join(sorted(ask.key for ask in asks)).encode(), digest_size=8).hexdigest()
