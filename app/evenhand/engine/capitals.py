"""Names told by their capitals alone: "President Mary Robinson", "Marie, a Polish nurse", "ThePip the streamer".

Only in prompts that otherwise use lower case, only words that no rule knows, only beside a person noun. Gives ranges of tokens.
"""

from collections.abc import Iterator

from evenhand.engine.classes import ATTRIBUTES, FEW, LINKS, STYLES, classes
from evenhand.engine.reading import Reading

MIN_LOWER_SHARE = 0.4
KNOWN = classes("things", "bodies", "collocations", "people", "periods", "roles", *STYLES, *ATTRIBUTES)
SMALL = LINKS | classes("determiners", "adjectives")


def is_mixed_case(reading: Reading, *, share: float = MIN_LOWER_SHARE) -> bool:
    return reading.tokens.lower_share >= share


def is_capital(reading: Reading, index: int) -> bool:
    return reading.tokens.raw(index)[:1].isupper()


def capital_names(reading: Reading, heads: set[int]) -> Iterator[tuple[int, int]]:
    """`heads` are the last tokens of person nouns."""
    if not (heads and is_mixed_case(reading)):
        return
    reached = 0
    for index in [index for index, raw in enumerate(reading.tokens.raws) if raw[0].isupper()]:
        if index < reached:
            continue
        reached = index
        while reached < len(reading.tokens) and _is_unknown_capital(reading, reached):
            reached += 1
        if reached > index and _stands_by_person(reading, index, reached, heads):
            yield index, reached


def _is_unknown_capital(reading: Reading, index: int) -> bool:
    raw = reading.tokens.raws[index]
    return (
        raw[:1].isupper()
        and raw[:1].isalpha()
        and not reading.any(KNOWN | SMALL, index)
        and index not in reading.masked
        and not (len(raw) > 1 and raw.isupper())
    )


def _role_begins(reading: Reading, index: int, heads: set[int]) -> bool:
    """ "a Polish nurse", "two architects", or a bare "software engineer"."""
    counted = reading.any(FEW, index)
    reach = range(index + 1, index + 4) if counted else range(index, index + 2)
    return any(at in heads for at in reach)


def _stands_by_person(reading: Reading, first: int, last: int, heads: set[int]) -> bool:
    words = reading.tokens.words
    opens = first == 0 or reading.tokens.sentence[first - 1] != reading.tokens.sentence[first]
    after_role = first - 1 in heads and not opens
    the_role = words[last : last + 1] == ["the"] and any(at in heads for at in range(last + 1, last + 4))
    apposed = words[last : last + 1] == [","] and _role_begins(reading, last + 1, heads)
    cast_as = reading.has("disguises", last) and any(at in heads for at in range(last + 1, last + 5))
    return after_role or the_role or apposed or cast_as
