"""Where added words go: "a tired young | ballet dancer", "a | female surgeon" for ethnicity. Tokens in, code points out.

A word for one person stands last before the noun; a word for a range stands first ("| tired young dancers"), or before
the noun of the group ("a large | group of dancers").
"""

import re
from collections.abc import Mapping

from evenhand.engine.classes import OPENERS, classes
from evenhand.engine.mentions import COUNTS, ENDS, Mention, is_descriptive, phrase_start
from evenhand.engine.reading import Reading
from evenhand.engine.tokens import HYPHENS
from evenhand.flow import Axis, Span

MAX_MODIFIERS = 3
MAX_COUNTED = 4  # a larger group gets words for a range
PEOPLE = ("roles", "terms", "bodies")
SOMEBODY = classes(*PEOPLE)
NAMELESS = OPENERS | ENDS | classes("attributes", "terms")
# What a listed noun ("old couple", "large crowd") may begin with and still take words after it.
AGES = re.compile(
    r"young|old|elderly|elder|older|younger|middle|aged|teenage|adolescent|ag(?:e?)ing|retired|aspiring|struggling|small|little|large|big|huge|"
    r"married|newlywed|engaged|loving|happy|romantic|dancing|adult|new|former|busy|famous|tired|beautiful|handsome|pretty|grumpy|"
    r"rich|wealthy|poor|tall|skinny|fat|muscular|cute|smiling|laughing|crying|best"
)
NAMING_ENDINGS = ("ss", "us", "is", "ics")  # a noun in -s that is no verb: "business", "campus", "tennis", "robotics"


def find_slots(reading: Reading, mention: Mention) -> tuple[Mapping[Axis, int], Span | None]:
    tokens = reading.tokens
    noun = _noun_start(reading, mention.head, mention.last, mention.first)
    people = _before_gender(reading, noun)
    place = _range_start(reading, mention, people) if _is_range(mention) else people
    slots: dict[Axis, int] = {
        "gender": tokens.left[noun],
        "ethnicity": tokens.left[place],
        "age": tokens.left[people],
    }
    article = place - 1
    is_article = article >= 0 and tokens.words[article] in ("a", "an")
    return slots, tokens.span(article, place) if is_article else None


def _noun_start(reading: Reading, head: int, last: int, first: int) -> int:
    """After the age that a listed noun may begin with ("old | couple"), else before what names the job ("| street vendor")."""
    index = head
    while index < last - 1 and _is_age(reading, index):
        index += 1
    return index if index > head else _before_modifiers(reading, head, first)


def _is_age(reading: Reading, index: int) -> bool:
    words = reading.tokens.words
    return AGES.fullmatch(words[index + 1 if words[index] in HYPHENS else index]) is not None


def _before_modifiers(reading: Reading, head: int, first: int) -> int:
    index = head
    steps = 0
    while index > 0:
        before = index - 1
        if _is_glued(reading, index):
            if _follows_somebody(reading, before):
                break  # the second half of "firefighter-paramedic" has no place of its own
            index = before - 1
        elif reading.has("job-words", before) and not _follows_somebody(reading, before):
            index = before
        elif steps < MAX_MODIFIERS and before >= first and not _ends_name(reading, before):
            steps += 1
            index = before
        else:
            break
    return index


def _is_glued(reading: Reading, index: int) -> bool:
    """Token `index` follows a hyphen that joins it to the word before: "firefighter-paramedic"."""
    tokens = reading.tokens
    if index < 2 or tokens.words[index - 1] not in HYPHENS:
        return False
    return tokens.right[index - 2] == tokens.left[index - 1] and tokens.right[index - 1] == tokens.left[index]


def _ends_name(reading: Reading, index: int) -> bool:
    """Token `index` is no noun that names the job: it describes, counts or is a verb."""
    word = reading.tokens.words[index]
    if (
        reading.tokens.is_mark(index)
        or reading.tokens.raw(index) == "BREAK"
        or (index > 0 and reading.tokens.words[index - 1] == ",")
    ):
        return True
    if reading.any(NAMELESS, index) or is_descriptive(reading, index) or _is_count(reading, index):
        return True
    participle = (word.endswith("ed") and not word.endswith("eed") and len(word) > 4) or (
        word.endswith("ing") and _is_glued(reading, index)
    )
    return participle or _is_verb(reading, index)


def _is_verb(reading: Reading, index: int) -> bool:
    """Right after somebody a bare verb ("students | watch clowns"); elsewhere an unlisted word in -s ("rain soaks | farmers")."""
    word = reading.tokens.words[index]
    if reading.any(SOMEBODY, index):
        return False
    if word.endswith("s") and not word.endswith(NAMING_ENDINGS):
        return True
    return _follows_somebody(reading, index, "many")


def _follows_somebody(reading: Reading, index: int, *numbers: str) -> bool:
    """Right after a person or an animal, which `index` then tells the doing of: "a coach | teaching kids"."""
    before = (match for match in reading.ending(index, *PEOPLE) if match.length <= 3)
    return any(match.entry.number in (numbers or ("one", "many")) for match in before)


def _is_count(reading: Reading, index: int) -> bool:
    return reading.tokens.words[index][:1].isdigit() or reading.any(COUNTS, index)


def _before_gender(reading: Reading, noun: int) -> int:
    """Before the words that state the gender: "a young | woman engineer"."""
    for first in range(max(noun - 3, 0), noun):
        for match in reading.starting(first, "terms"):
            if match.last == noun and "gender" in match.entry.states:
                while first < noun - 1 and _is_age(reading, first):
                    first += 1
                return _before_gender(reading, first)
    return noun


def _is_range(mention: Mention) -> bool:
    single = mention.has("group") or any(entry.shares for entry in mention.entries)
    return mention.many and not single and (mention.number is None or mention.number > MAX_COUNTED)


def _range_start(reading: Reading, mention: Mention, people: int) -> int:
    """Before the noun of the group where there is one, else before the adjectives of age and looks."""
    of = mention.first - 1
    if of > 0 and reading.tokens.words[of] == "of":
        for first in range(max(of - 3, 0), of):
            for match in reading.starting(first, "roles"):
                if match.last == of and match.entry.has("group") and not match.entry.shares:
                    return _before_gender(reading, _noun_start(reading, first, of, phrase_start(reading, first, set())))
    return _before_adjectives(reading, mention, people)


def _before_adjectives(reading: Reading, mention: Mention, people: int) -> int:
    tokens = reading.tokens
    index = people
    while index > mention.first and (
        is_descriptive(reading, index - 1) or (index > mention.head and _is_age(reading, index - 1))
    ):
        if tokens.words[index - 1].endswith("ing") or reading.has("rankings", index - 1):
            break
        index -= 1
        if _is_glued(reading, index):
            return people
    return people if index > 0 and (tokens.is_mark(index - 1) or reading.has("linkers", index - 1)) else index
