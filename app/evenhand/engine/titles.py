"""A group and an event both written as proper names ("the Local Envoys in First Treaty of Xanth") tell of something that
happened.

Such a title closes the scene like a listed event. It lives by its capitals: prompts in title case throughout tell nothing,
nor does a capital at a sentence's start, nor a group at a listed place ("Tourists in Central Park").
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from evenhand.engine.capitals import is_capital, is_mixed_case
from evenhand.engine.cast import ALL_AXES, finding
from evenhand.engine.classes import classes
from evenhand.engine.reading import Reading
from evenhand.flow import Finding
from evenhand.rules.ruleset import Entry

LINKS = frozenset({"in", "at", "during", "of"})
MIN_LOWER_SHARE = 0.3
GROUP_REACH = 5
NAMED = classes("people", "cultures")
KNOWN = NAMED | classes("collocations")
SMALL = classes("prepositions", "determiners")
TITLED_EVENT = Entry(rule="periods/titled-event", kind="periods", reason="period", scope="scene")


def titled_events(reading: Reading) -> Iterator[Finding]:
    tokens = reading.tokens
    if not is_mixed_case(reading, share=MIN_LOWER_SHARE):
        return
    links = [link for link, word in enumerate(tokens.words) if word in LINKS and _is_titled_group(reading, link - 1)]
    for first, last in _titles_after(reading, links) if links else ():
        yield finding(reading, first, last, TITLED_EVENT, axes=ALL_AXES, reason="period")


def _is_titled_group(reading: Reading, index: int) -> bool:
    """A plural or collective noun that ends a phrase with a capital inside the sentence; no name and no place."""
    tokens = reading.tokens
    if index < 1 or tokens.is_mark(index) or reading.any(NAMED, index):
        return False
    if not any(is_capital(reading, at) for at in range(max(index - 2, 1), index + 1)):
        return False
    group = tokens.words[index].endswith("s") or any(
        match.entry.number == "many" or match.entry.has("group") or match.entry.has("weak")
        for match in reading.ending(index + 1, "roles", "terms", "cultures")
    )
    first = index
    while first > 0 and index - first < GROUP_REACH and is_capital(reading, first - 1) and not tokens.is_mark(first - 1):
        first -= 1
    starts = first == 0 or tokens.sentence[first - 1] != tokens.sentence[first]
    return group and not starts


def _titles_after(reading: Reading, links: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The runs of events' names: they begin with a capital, hold another, and a word that is no known place or name."""
    tokens = reading.tokens
    every = range(len(tokens))
    ends = _title_ends(reading)
    capitals = _counted(is_capital(reading, index) or tokens.words[index].isdigit() for index in every)
    strange = _counted(not reading.any(SMALL | KNOWN, index) and tokens.words[index].isalnum() for index in every)
    for link in links:
        first = link + 1
        first += first < len(tokens) and tokens.words[first] == "the"
        if first == len(tokens) or tokens.sentence[first] != tokens.sentence[link]:
            continue
        last = ends[first]
        opens = capitals[first + 1] > capitals[first]
        if opens and last > first and capitals[last] - capitals[first] > 1 and strange[last] > strange[first]:
            yield first, last


def _counted(facts: Iterable[bool]) -> list[int]:
    """How many are true before each place."""
    return list(accumulate(facts, initial=0))


def _title_ends(reading: Reading) -> list[int]:
    """For each token where a title that begins there ends: at the next mark or the end of the sentence."""
    tokens = reading.tokens
    ends: list[int] = []
    end = len(tokens)
    for index in reversed(range(len(tokens))):
        if index + 1 < len(tokens) and tokens.sentence[index + 1] != tokens.sentence[index]:
            end = index + 1
        if _ends_title(reading, index):
            end = index
        ends.append(end)
    return ends[::-1]


def _ends_title(reading: Reading, index: int) -> bool:
    word = reading.tokens.words[index]
    return reading.tokens.is_mark(index) and word not in ("'s", "-", "&", "'", ":")
