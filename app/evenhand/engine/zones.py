"""Which tokens speak of a source or a style ("by greg rutkowski", "in the style of X", "1950s comic style"): there nothing
closes."""

from evenhand.engine.classes import classes
from evenhand.engine.match import Match
from evenhand.engine.reading import Reading

RIGHT_STOPS = classes("prepositions", "copulas", "relatives", "auxiliaries")
LEFT_STOPS = RIGHT_STOPS | classes("determiners", "conjunctions")
WHO = classes("determiners", "deictics", "woman-pronouns", "man-pronouns")
STYLES = classes("styles")
LEFT_REACH = 4


def style_zones(reading: Reading) -> frozenset[int]:
    right: set[int] = set()
    left: set[int] = set()
    for match in reading.matches if reading.seen & STYLES else ():
        if match.entry.kind != "styles":
            continue
        if match.entry.has("before") and not _is_agent(reading, match):
            if match.last not in right:  # else an earlier stretch goes on just as far
                right.update(_rightward(reading, match.last))
        elif match.entry.has("after"):
            left.update(_leftward(reading, match.first))
    return frozenset(right | left)


def _is_agent(reading: Reading, match: Match) -> bool:
    """A bare "by" that names whoever acts or where: "chased by a policeman", "by the window"."""
    if match.length > 1 or reading.longest(match.last, "people"):
        return False
    follows = reading.any(WHO, match.last)
    before = reading.tokens.words[match.first - 1] if match.first else ""
    return follows or before.endswith(("ed", "ing", "own", "ated")) or bool(reading.longest(match.last, "roles", "terms"))


def _rightward(reading: Reading, first: int) -> range:
    """Up to the end of the segment, over lists of credits, or to a preposition or a new noun phrase after "and"."""
    tokens = reading.tokens
    index = first
    while index < len(tokens) and tokens.segment[index] == tokens.segment[first]:
        if index > first and reading.any(RIGHT_STOPS, index):
            break
        if reading.has("conjunctions", index) and reading.has("determiners", index + 1):
            break
        index += 1
    return range(first, index)


def _is_noun(reading: Reading, index: int) -> bool:
    """A person noun ends here: the style word is said of the picture of that person."""
    return any(match.entry.number is not None for match in reading.ending(index + 1, "roles", "terms", "periods"))


def _leftward(reading: Reading, last: int) -> range:
    tokens = reading.tokens
    index = last - 1
    while index >= 0 and last - index <= LEFT_REACH and tokens.segment[index] == tokens.segment[last - 1]:
        if reading.any(LEFT_STOPS, index) or tokens.words[index] == "," or _is_noun(reading, index):
            break
        index -= 1
    return range(index + 1, last)
