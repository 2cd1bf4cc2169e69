"""A group and an event both written as proper names ("the Local Envoys in First Treaty of Xanth") tell of something that
happened.

Such a title closes the scene like a listed event. It lives by its capitals: prompts in title case throughout tell nothing,
nor does a capital at a sentence's start, nor a group at a listed place ("Tourists in Central Park").
"""

from collections.abc import Iterator

from evenhand.engine.capitals import is_capital, is_mixed_case
from evenhand.engine.cast import ALL_AXES, finding
from evenhand.engine.reading import Reading
from evenhand.flow import Finding
from evenhand.rules.ruleset import Entry

LINKS = frozenset({"in", "at", "during", "of"})
MIN_LOWER_SHARE = 0.3
GROUP_REACH = 5
TITLED_EVENT = Entry(rule="periods/titled-event", kind="periods", reason="period", scope="scene")


def titled_events(reading: Reading) -> Iterator[Finding]:
    tokens = reading.tokens
    if not is_mixed_case(reading, share=MIN_LOWER_SHARE):
        return
    for link, word in enumerate(tokens.words):
        if word in LINKS and _is_titled_group(reading, link - 1):
            first, last = _title_after(reading, link)
            if first < last:
                yield finding(reading, first, last, TITLED_EVENT, axes=ALL_AXES, reason="period")


def _is_titled_group(reading: Reading, index: int) -> bool:
    """A plural or collective noun that ends a phrase with a capital inside the sentence; no name and no place."""
    tokens = reading.tokens
    if index < 1 or tokens.is_mark(index) or reading.any(("people", "cultures"), index):
        return False
    group = tokens.words[index].endswith("s") or any(
        match.last == index + 1 and (match.entry.number == "many" or match.entry.has("group") or match.entry.has("weak"))
        for match in reading.matches
        if match.entry.kind in ("roles", "terms", "cultures")
    )
    first = index
    while first > 0 and index - first < GROUP_REACH and is_capital(reading, first - 1) and not tokens.is_mark(first - 1):
        first -= 1
    starts = first == 0 or tokens.sentence[first - 1] != tokens.sentence[first]
    capital = any(is_capital(reading, at) for at in range(max(index - 2, 1), index + 1))
    return group and capital and not starts


def _title_after(reading: Reading, link: int) -> tuple[int, int]:
    """The run of the event's name; empty where it has fewer than two capitals or is a known place or name."""
    tokens = reading.tokens
    first = link + 1
    first += first < len(tokens) and tokens.words[first] == "the"
    last = first
    while last < len(tokens) and tokens.sentence[last] == tokens.sentence[link] and not _ends_title(reading, last):
        last += 1
    capitals = [index for index in range(first, last) if is_capital(reading, index) or tokens.words[index].isdigit()]
    content = [
        index
        for index in range(first, last)
        if not reading.any(("prepositions", "determiners"), index) and tokens.words[index].isalnum()
    ]
    known = all(reading.any(("cultures", "collocations", "people"), index) for index in content)
    return (first, last) if len(capitals) > 1 and capitals[0] == first and not known else (first, first)


def _ends_title(reading: Reading, index: int) -> bool:
    word = reading.tokens.words[index]
    return reading.tokens.is_mark(index) and word not in ("'s", "-", "&", "'", ":")
